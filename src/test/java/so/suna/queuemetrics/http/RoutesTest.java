package so.suna.queuemetrics.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Reading;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.dramatiq.Snapshots;
import so.suna.queuemetrics.http.Event.Format;
import so.suna.queuemetrics.http.Event.KeepAlive;
import so.suna.queuemetrics.http.Event.NotUnderstood;
import so.suna.queuemetrics.http.Event.Request;
import so.suna.queuemetrics.http.Routes.Check;
import so.suna.queuemetrics.kit.ManualClock;

class RoutesTest {

  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");
  private static final String QUEUES = "/api/metrics/queue";

  private static final Answer HEALTHY = healthy("");
  private static final Answer NOT_FOUND = error(404, "Not Found", Map.of());
  private static final Answer FAILED = error(500, "Failed to get queue metrics", Map.of());
  private static final Answer UNAUTHORIZED =
      error(401, "Unauthorized", Map.of("WWW-Authenticate", "Bearer"));
  private static final Answer NOT_ALLOWED =
      error(405, "Method Not Allowed", Map.of("Allow", "GET, HEAD"));

  private final ManualClock clock = new ManualClock(NOON);
  private final List<String> asked = new ArrayList<>();
  private final List<String> logged = new ArrayList<>();

  /** What the next reads find waiting; empty if Redis hangs up. */
  private final List<Optional<Reading>> waiting =
      new ArrayList<>(List.of(Optional.of(new Known(1))));

  private String silent = "";
  private final Optional<Check> database = Optional.of(() -> ask("database"));
  private final Routes open = routes(database, Optional.empty());
  private final Routes guarded = routes(database, Optional.of(new BearerToken("token")));

  private Routes routes(Optional<Check> database, Optional<BearerToken> token) {
    return new Routes(
        this::read,
        () -> ask("redis"),
        database,
        token,
        clock,
        (what, cause) -> logged.add(what + " | " + cause));
  }

  private Snapshot read() {
    asked.add("queues");
    return snapshot(
        waiting.removeFirst().orElseThrow(() -> new IllegalStateException("Redis hung up")),
        clock.instant());
  }

  private void ask(String dependency) throws IOException {
    asked.add(dependency);
    if (dependency.equals(silent)) {
      throw new IOException("no answer from 10.0.0.7");
    }
  }

  private static Snapshot snapshot(Reading waiting, Instant readAt) {
    return Snapshots.at(readAt, Snapshots.queue("default", 1, Metric.QUEUE_DEPTH, waiting));
  }

  private static Answer json(int status, String body, Map<String, String> moreHeaders) {
    var headers =
        new HashMap<>(Map.of("Content-Type", "application/json", "Cache-Control", "no-store"));
    headers.putAll(moreHeaders);
    return new Answer(status, headers, body);
  }

  private static Answer error(int status, String detail, Map<String, String> moreHeaders) {
    return json(status, "{\"detail\":\"%s\"}".formatted(detail), moreHeaders);
  }

  private static Answer healthy(String more) {
    return json(
        200,
        "{\"status\":\"ok\",\"timestamp\":\"2026-11-23T12:00:00+00:00\",\"instance_id\":\"i-1\"%s}"
            .formatted(more),
        Map.of());
  }

  private static Answer found(Reading waiting, Instant readAt) {
    return json(200, QueueMetricsJson.of(snapshot(waiting, readAt)), Map.of());
  }

  private static Answer ask(
      Routes routes, String method, String path, String authorization, String accept) {
    return routes.answer(
        new Request(method, path, authorization, accept, false, Format.PLAIN), "i-1");
  }

  private static Answer ask(Routes routes, String method, String path) {
    return ask(routes, method, path, "", "*/*");
  }

  private static Answer get(Routes routes, String path) {
    return ask(routes, "GET", path);
  }

  @Test
  void queueMetricsAreWhatWasRead() {
    assertThat(get(open, QUEUES)).isEqualTo(found(new Known(1), NOON));
    assertThat(asked).containsExactly("queues");
    assertThat(logged).isEmpty();
  }

  @Test
  void partlyUnknownQueueMetricsAreAnsweredAndTheReasonIsLogged() {
    var unknown = new Unknown("queue default: waiting not read");
    waiting.set(0, Optional.of(unknown));

    assertThat(get(open, QUEUES)).isEqualTo(found(unknown, NOON));
    assertThat(logged)
        .containsExactly(
            "some values not read | java.lang.IllegalStateException: queue default: waiting not read");
  }

  @Test
  void causeOfUnreadableQueuesIsLoggedAndNotAnswered() {
    waiting.set(0, Optional.empty());

    assertThat(get(open, QUEUES)).isEqualTo(FAILED);
    assertThat(logged)
        .containsExactly("queue metrics not read | java.lang.IllegalStateException: Redis hung up");
  }

  @Test
  void queueMetricsAskedForByTheFunctionItselfFailWithoutALogLine() {
    waiting.set(0, Optional.empty());

    assertThatThrownBy(() -> open.queueMetrics(""))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("Redis hung up");
    assertThat(logged).isEmpty();
  }

  @Test
  void firstQuerySharesTheReadOfTheStart() {
    open.queueMetrics("");

    assertThat(get(open, QUEUES)).isEqualTo(found(new Known(1), NOON));
  }

  /** A query at noon, and others so many milliseconds after the one before; - is a failed read. */
  @ParameterizedTest
  @CsvSource({
    "1 2,   999,              1",
    "1 2,   1000,             2",
    // Counted from the read, not from the last query.
    "1 2,   600 600,          2",
    // The clock was set back.
    "1 2,   -1,               2",
    // A failed read is not shared, and brings back no older one.
    "- 1,   0,                1",
    "1 -,   1000,             -",
    "1 - -, -3600000 3600000, -",
  })
  void queriesShareOneReadForASecond(String reads, String pauses, String last) {
    waiting.clear();
    for (String read : List.of(reads.split(" "))) {
      waiting.add(
          read.equals("-") ? Optional.empty() : Optional.of(new Known(Long.parseLong(read))));
    }
    Answer answer = get(open, QUEUES);
    for (String pause : List.of(pauses.split(" "))) {
      clock.advance(Duration.ofMillis(Long.parseLong(pause)));
      answer = get(open, QUEUES);
    }

    assertThat(answer)
        .isEqualTo(
            switch (last) {
              case "-" -> FAILED;
              case "1" -> found(new Known(1), NOON);
              default -> found(new Known(2), clock.instant());
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/health",
        "/api/%68ealth",
        "/%61%70%69%2Fhealth",
        "/api/he%61lth",
        "//api/health",
        "/api//health",
        "/api/health/",
        "//api%2F/health//",
      })
  void healthAsksNothingHoweverItsPathIsWritten(String path) {
    assertThat(get(open, path)).isEqualTo(HEALTHY);
    assertThat(asked).isEmpty();
  }

  @Test
  void deepHealthAsksRedisAndThenTheDatabase() {
    assertThat(get(open, "/api/health-docker")).isEqualTo(healthy(",\"database\":\"ok\""));
    assertThat(asked).containsExactly("redis", "database");
  }

  @Test
  void deepHealthSaysThatNoDatabaseWasAsked() {
    assertThat(get(routes(Optional.empty(), Optional.empty()), "/api/health-docker"))
        .isEqualTo(healthy(",\"database\":\"skipped: no DATABASE_URL\""));
    assertThat(asked).containsExactly("redis");
  }

  @ParameterizedTest
  @CsvSource({"redis, true, redis", "redis, false, redis", "database, true, redis database"})
  void deepHealthFailsWithoutSayingWhyWhileTheLogDoes(
      String fails, boolean hasDatabase, String wereAsked) {
    silent = fails;

    assertThat(
            get(routes(database.filter(_ -> hasDatabase), Optional.empty()), "/api/health-docker"))
        .isEqualTo(error(500, "Health check failed", Map.of()));
    assertThat(asked).containsExactly(wereAsked.split(" "));
    assertThat(logged)
        .containsExactly("health check failed | java.io.IOException: no answer from 10.0.0.7");
  }

  static Stream<String> otherPaths() {
    return Stream.of(
        "",
        "/",
        "/api",
        "/api/",
        "/api/metrics/queues",
        "/API/HEALTH",
        "/api/Health",
        "api/health",
        "/api/health?x=1",
        "/api/health%3Fx=1",
        "/api/health ",
        "/api/health+",
        "/api/health%20",
        "/api/../api/health",
        "/api/%zz",
        "/api/health%",
        "/api/health%zz",
        "/api/health%00",
        "/api/%2568ealth",
        "/api/%c3%28",
        "/api/" + "health".repeat(1_750),
        "/api/" + "%68".repeat(3_500),
        "/api/health-docker/../health");
  }

  @ParameterizedTest
  @MethodSource("otherPaths")
  void anyOtherPathIsNotFoundByAnyMethod(String path) {
    assertThat(get(open, path)).isEqualTo(NOT_FOUND);
    assertThat(ask(open, "POST", path)).isEqualTo(NOT_FOUND);
    assertThat(asked).isEmpty();
  }

  @Test
  void keepAliveIsAnsweredWithoutTokenOrRead() {
    assertThat(guarded.answer(new KeepAlive(), "i-1")).isEqualTo(new Answer(204, Map.of(), ""));
    assertThat(asked).isEmpty();
    assertThat(logged).isEmpty();
  }

  @Test
  void eventThatIsNotUnderstoodIsNotFoundAndLogged() {
    assertThat(guarded.answer(new NotUnderstood("found nothing"), "i-1")).isEqualTo(NOT_FOUND);
    assertThat(logged)
        .containsExactly(
            "event not understood | java.lang.IllegalArgumentException: found nothing");
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "head", ""})
  void anyOtherMethodIsNotAllowed(String method) {
    assertThat(
            Stream.of(QUEUES, "/api/health", "/api/health-docker")
                .map(path -> ask(open, method, path)))
        .containsExactly(NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED);
    assertThat(asked).isEmpty();
  }

  @Test
  void headReadsTheQueuesAndAnswersWithoutBody() {
    assertThat(ask(open, "HEAD", QUEUES)).isEqualTo(json(200, "", Map.of()));
    assertThat(asked).containsExactly("queues");
  }

  @Test
  void scrapeSharesTheReadOfAQueryAndIsInOpenMetrics() {
    get(open, QUEUES);

    var headers =
        Map.of(
            "Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "Cache-Control", "no-store");
    assertThat(ask(open, "GET", QUEUES, "", "application/openmetrics-text"))
        .isEqualTo(new Answer(200, headers, OpenMetrics.of(snapshot(new Known(1), NOON))));
    assertThat(ask(open, "HEAD", QUEUES, "", "application/openmetrics-text"))
        .isEqualTo(new Answer(200, headers, ""));
    assertThat(asked).containsExactly("queues");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {QUEUES, "/api/health", "/api/health-docker", "/api/unknown", "", "/api/%zz"})
  void callerWithoutTheTokenIsToldTheSameEverywhere(String path) {
    for (String authorization : List.of("", "Bearer wrong")) {
      for (String method : List.of("GET", "POST", "")) {
        assertThat(ask(guarded, method, path, authorization, "*/*")).isEqualTo(UNAUTHORIZED);
      }
      assertThat(ask(guarded, "HEAD", path, authorization, "*/*"))
          .isEqualTo(UNAUTHORIZED.withoutBody());
    }
    assertThat(asked).isEmpty();
    assertThat(logged).isEmpty();
  }

  @Test
  void callerWithTheTokenIsAnswered() {
    assertThat(ask(guarded, "GET", "/api/health", "Bearer token", "*/*")).isEqualTo(HEALTHY);
  }

  @Test
  void callerWhomAwsHasAuthenticatedNeedsNoToken() {
    var signed =
        new Request("GET", "/api/health", "AWS4-HMAC-SHA256 Credential=a", "", true, Format.PLAIN);

    assertThat(guarded.answer(signed, "i-1")).isEqualTo(HEALTHY);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Bearer wrong", "AWS4-HMAC-SHA256 Credential=a", "nonsense é"})
  void authorizationIsNotLookedAtWhereNoTokenIsSet(String authorization) {
    assertThat(ask(open, "GET", "/api/health", authorization, "*/*")).isEqualTo(HEALTHY);
  }
}
