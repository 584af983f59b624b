package so.suna.queuemetrics.http;

import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
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
  private static final Clock CLOCK = Clock.fixed(NOON, UTC);

  private static final Answer HEALTHY =
      json(
          200,
          "{\"status\":\"ok\",\"timestamp\":\"2026-11-23T12:00:00+00:00\",\"instance_id\":\"i-1\"}");
  private static final Answer NOT_FOUND = json(404, "{\"detail\":\"Not Found\"}");
  private static final Answer UNAUTHORIZED =
      new Answer(
          401,
          Map.of(
              "Content-Type",
              "application/json",
              "Cache-Control",
              "no-store",
              "WWW-Authenticate",
              "Bearer"),
          "{\"detail\":\"Unauthorized\"}");
  private static final Answer NOT_ALLOWED =
      new Answer(
          405,
          Map.of(
              "Content-Type",
              "application/json",
              "Cache-Control",
              "no-store",
              "Allow",
              "GET, HEAD"),
          "{\"detail\":\"Method Not Allowed\"}");

  private final List<String> logged = new ArrayList<>();

  private static Snapshot noQueues() {
    throw new AssertionError("read the queues");
  }

  private static void noCheck() {
    throw new AssertionError("asked a dependency");
  }

  private static Answer json(int status, String body) {
    return new Answer(
        status, Map.of("Content-Type", "application/json", "Cache-Control", "no-store"), body);
  }

  private static Snapshot snapshot(Instant readAt, Reading waiting) {
    return Snapshots.at(readAt, Snapshots.queue("default", 1, Metric.QUEUE_DEPTH, waiting));
  }

  private static String body(String waiting, String timestamp) {
    return ("{\"queue_depth\":%s,\"delay_queue_depth\":3,\"dead_letter_depth\":4,\"timestamp\":\"%s\","
            + "\"in_flight\":2,\"oldest_job_age_seconds\":6.005,\"new_dead_letters\":5,\"orphaned\":8,\"active_brokers\":7,"
            + "\"queues\":{\"default\":{\"queue_depth\":%s,\"delay_queue_depth\":3,\"dead_letter_depth\":4,\"in_flight\":2,\"oldest_job_age_seconds\":6.005,\"new_dead_letters\":5,\"orphaned\":8}}}")
        .formatted(waiting, timestamp, waiting);
  }

  private void log(String what, Exception cause) {
    logged.add(what + " | " + cause);
  }

  private Routes open(Supplier<Snapshot> queues, Clock clock) {
    return new Routes(
        queues, RoutesTest::noCheck, Optional.empty(), Optional.empty(), clock, this::log);
  }

  private Routes untouchable() {
    return new Routes(
        RoutesTest::noQueues,
        RoutesTest::noCheck,
        Optional.of(RoutesTest::noCheck),
        Optional.empty(),
        CLOCK,
        this::log);
  }

  private Routes guarded(String token) {
    return new Routes(
        RoutesTest::noQueues,
        RoutesTest::noCheck,
        Optional.of(RoutesTest::noCheck),
        Optional.of(new BearerToken(token)),
        CLOCK,
        this::log);
  }

  private Routes healthChecked(Check redis, Optional<Check> database) {
    return new Routes(RoutesTest::noQueues, redis, database, Optional.empty(), CLOCK, this::log);
  }

  private static Answer ask(Routes routes, String method, String path, String authorization) {
    return routes.answer(
        new Request(method, path, authorization, "*/*", false, Format.PLAIN), "i-1");
  }

  private static Answer get(Routes routes, String path) {
    return ask(routes, "GET", path, "");
  }

  @Test
  void queueMetricsAreWhatWasRead() {
    Routes routes = open(() -> snapshot(NOON, new Known(1)), CLOCK);

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(200, body("1", "2026-11-23T12:00:00+00:00")));
    assertThat(logged).isEmpty();
  }

  @Test
  void partlyUnknownQueueMetricsAreAnsweredAndTheReasonIsLogged() {
    Routes routes =
        open(() -> snapshot(NOON, new Unknown("queue default: waiting not read")), CLOCK);

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(200, body("null", "2026-11-23T12:00:00+00:00")));
    assertThat(logged)
        .containsExactly(
            "some values not read | java.lang.IllegalStateException: queue default: waiting not read");
  }

  @Test
  void causeOfUnreadableQueuesIsLoggedAndNotAnswered() {
    Routes routes =
        open(
            () -> {
              throw new IllegalStateException("Redis hung up");
            },
            CLOCK);

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(500, "{\"detail\":\"Failed to get queue metrics\"}"));
    assertThat(logged)
        .containsExactly("queue metrics not read | java.lang.IllegalStateException: Redis hung up");
  }

  @Test
  void healthAsksNothing() {
    assertThat(get(untouchable(), "/api/health")).isEqualTo(HEALTHY);
  }

  @Test
  void deepHealthAsksRedisAndThenTheDatabase() {
    List<String> asked = new ArrayList<>();
    Routes routes =
        healthChecked(() -> asked.add("redis"), Optional.of(() -> asked.add("database")));

    assertThat(get(routes, "/api/health-docker"))
        .isEqualTo(
            json(
                200,
                "{\"status\":\"ok\",\"timestamp\":\"2026-11-23T12:00:00+00:00\",\"instance_id\":\"i-1\",\"database\":\"ok\"}"));
    assertThat(asked).containsExactly("redis", "database");
  }

  @Test
  void deepHealthSaysThatNoDatabaseWasAsked() {
    List<String> asked = new ArrayList<>();
    Routes routes = healthChecked(() -> asked.add("redis"), Optional.empty());

    assertThat(get(routes, "/api/health-docker"))
        .isEqualTo(
            json(
                200,
                "{\"status\":\"ok\",\"timestamp\":\"2026-11-23T12:00:00+00:00\",\"instance_id\":\"i-1\",\"database\":\"skipped: no DATABASE_URL\"}"));
    assertThat(asked).containsExactly("redis");
  }

  static Stream<Arguments> failingChecks() {
    Check silent =
        () -> {
          throw new IOException("no answer from 10.0.0.7");
        };
    return Stream.of(
        arguments("redis", silent, Optional.<Check>of(RoutesTest::noCheck)),
        arguments("redis without database", silent, Optional.empty()),
        arguments("database", (Check) () -> {}, Optional.of(silent)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("failingChecks")
  void deepHealthFailsWithoutSayingWhyWhileTheLogDoes(
      String what, Check redis, Optional<Check> database) {
    assertThat(get(healthChecked(redis, database), "/api/health-docker"))
        .as(what)
        .isEqualTo(json(500, "{\"detail\":\"Health check failed\"}"));
    assertThat(logged)
        .containsExactly("health check failed | java.io.IOException: no answer from 10.0.0.7");
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
  void percentEncodingAndSurplusSlashesAreTheSamePath(String path) {
    assertThat(get(untouchable(), path)).isEqualTo(HEALTHY);
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
  void anyOtherPathIsNotFound(String path) {
    assertThat(get(untouchable(), path)).isEqualTo(NOT_FOUND);
  }

  @Test
  void keepAliveIsAnsweredWithoutTokenOrRead() {
    assertThat(guarded("token").answer(new KeepAlive(), "i-1"))
        .isEqualTo(new Answer(204, Map.of(), ""));
    assertThat(logged).isEmpty();
  }

  @Test
  void eventThatIsNotUnderstoodIsNotFoundAndLogged() {
    assertThat(guarded("token").answer(new NotUnderstood("found nothing"), "i-1"))
        .isEqualTo(NOT_FOUND);
    assertThat(logged)
        .containsExactly(
            "event not understood | java.lang.IllegalArgumentException: found nothing");
  }

  @Test
  void unknownPathIsNotFoundByAnyMethod() {
    assertThat(ask(untouchable(), "POST", "/api/unknown", "")).isEqualTo(NOT_FOUND);
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "head", ""})
  void anyOtherMethodIsNotAllowed(String method) {
    assertThat(
            Stream.of("/api/metrics/queue", "/api/health", "/api/health-docker")
                .map(path -> ask(untouchable(), method, path, "")))
        .containsExactly(NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED);
  }

  @Test
  void headReadsTheQueuesAndAnswersWithoutBody() {
    var reads = new ArrayList<Instant>();
    Routes routes =
        open(
            () -> {
              reads.add(NOON);
              return snapshot(NOON, new Known(1));
            },
            CLOCK);

    assertThat(ask(routes, "HEAD", "/api/metrics/queue", "")).isEqualTo(json(200, ""));
    assertThat(reads).hasSize(1);
  }

  @Test
  void unauthorizedHeadHasNoBody() {
    assertThat(ask(guarded("token"), "HEAD", "/api/health", ""))
        .isEqualTo(UNAUTHORIZED.withoutBody());
  }

  private static Answer scrape(Routes routes, String method) {
    return routes.answer(
        new Request(
            method, "/api/metrics/queue", "", "application/openmetrics-text", false, Format.PLAIN),
        "i-1");
  }

  private static final Map<String, String> OPEN_METRICS =
      Map.of(
          "Content-Type",
          "application/openmetrics-text; version=1.0.0; charset=utf-8",
          "Cache-Control",
          "no-store");

  @Test
  void scrapeSharesTheReadOfAQueryAndIsInOpenMetrics() {
    var clock = new ManualClock(NOON);
    Routes routes = open(new Reads(clock), clock);
    get(routes, "/api/metrics/queue");

    Answer scraped = scrape(routes, "GET");

    assertThat(scraped)
        .isEqualTo(new Answer(200, OPEN_METRICS, OpenMetrics.of(snapshot(NOON, new Known(1)))));
    assertThat(scrape(routes, "HEAD")).isEqualTo(new Answer(200, OPEN_METRICS, ""));
  }

  static Stream<Arguments> callersWithoutTheToken() {
    return Stream.of("", "Bearer wrong")
        .flatMap(
            authorization ->
                Stream.of(
                        "/api/metrics/queue",
                        "/api/health",
                        "/api/health-docker",
                        "/api/unknown",
                        "",
                        "/api/%zz")
                    .flatMap(
                        path ->
                            Stream.of("GET", "POST", "")
                                .map(method -> arguments(authorization, path, method))));
  }

  @ParameterizedTest
  @MethodSource("callersWithoutTheToken")
  void callerWithoutTheTokenIsToldTheSameEverywhere(
      String authorization, String path, String method) {
    assertThat(ask(guarded("token"), method, path, authorization)).isEqualTo(UNAUTHORIZED);
    assertThat(logged).isEmpty();
  }

  @Test
  void callerWithTheTokenIsAnswered() {
    assertThat(ask(guarded("token"), "GET", "/api/health", "Bearer token")).isEqualTo(HEALTHY);
  }

  @Test
  void callerWhomAwsHasAuthenticatedNeedsNoToken() {
    var signed =
        new Request("GET", "/api/health", "AWS4-HMAC-SHA256 Credential=a", "", true, Format.PLAIN);

    assertThat(guarded("token").answer(signed, "i-1")).isEqualTo(HEALTHY);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Bearer wrong", "AWS4-HMAC-SHA256 Credential=a", "nonsense é"})
  void authorizationIsNotLookedAtWhereNoTokenIsSet(String authorization) {
    assertThat(ask(untouchable(), "GET", "/api/health", authorization)).isEqualTo(HEALTHY);
  }

  @Test
  void queueMetricsAskedForByTheFunctionItselfFailWithoutALogLine() {
    Routes routes =
        open(
            () -> {
              throw new IllegalStateException("Redis hung up");
            },
            CLOCK);

    assertThatThrownBy(() -> routes.queueMetrics(""))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("Redis hung up");
    assertThat(logged).isEmpty();
  }

  /** Counts what is read: the first read finds 1 message waiting, the second 2. */
  private static final class Reads implements Supplier<Snapshot> {
    private final ManualClock clock;
    private long reads;

    Reads(ManualClock clock) {
      this.clock = clock;
    }

    @Override
    public Snapshot get() {
      return snapshot(clock.instant(), new Known(++reads));
    }
  }

  @Test
  void queriesShareOneReadForASecond() {
    var clock = new ManualClock(NOON);
    Routes routes = open(new Reads(clock), clock);
    Answer first = get(routes, "/api/metrics/queue");
    clock.advance(Duration.ofMillis(999));

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(first)
        .isEqualTo(json(200, body("1", "2026-11-23T12:00:00+00:00")));

    clock.advance(Duration.ofMillis(1));

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(200, body("2", "2026-11-23T12:00:01+00:00")));
  }

  @Test
  void firstQuerySharesTheReadOfTheStart() {
    var clock = new ManualClock(NOON);
    Routes routes = open(new Reads(clock), clock);
    routes.queueMetrics("");

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(200, body("1", "2026-11-23T12:00:00+00:00")));
  }

  @Test
  void queryAfterTheClockWasSetBackReadsAgain() {
    var clock = new ManualClock(NOON);
    Routes routes = open(new Reads(clock), clock);
    get(routes, "/api/metrics/queue");
    clock.advance(Duration.ofMillis(-1));

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(200, body("2", "2026-11-23T11:59:59.999000+00:00")));
  }

  @Test
  void secondIsCountedFromTheReadAndNotFromTheLastQuery() {
    var clock = new ManualClock(NOON);
    Routes routes = open(new Reads(clock), clock);
    get(routes, "/api/metrics/queue");
    clock.advance(Duration.ofMillis(600));
    get(routes, "/api/metrics/queue");
    clock.advance(Duration.ofMillis(600));

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(200, body("2", "2026-11-23T12:00:01.200000+00:00")));
  }

  @Test
  void failedReadIsNotShared() {
    var failures = new ArrayList<>(List.of(new IllegalStateException("Redis hung up")));
    Routes routes =
        open(
            () -> {
              if (!failures.isEmpty()) {
                throw failures.removeFirst();
              }
              return snapshot(NOON, new Known(1));
            },
            CLOCK);
    get(routes, "/api/metrics/queue");

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(200, body("1", "2026-11-23T12:00:00+00:00")));
  }

  @Test
  void failedReadDoesNotBringBackAnOlderOne() {
    var clock = new ManualClock(NOON);
    var reads = new ArrayList<>(List.of(snapshot(NOON, new Known(1))));
    Routes routes = open(reads::removeFirst, clock);
    get(routes, "/api/metrics/queue");
    clock.advance(Duration.ofSeconds(1));

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(500, "{\"detail\":\"Failed to get queue metrics\"}"));
  }

  @Test
  void failedReadOfAClockThatWasSetBackLeavesNoAnswerBehind() {
    var clock = new ManualClock(NOON);
    var reads = new ArrayList<>(List.of(snapshot(NOON, new Known(1))));
    Routes routes = open(reads::removeFirst, clock);
    get(routes, "/api/metrics/queue");
    clock.advance(Duration.ofHours(-1));
    get(routes, "/api/metrics/queue");
    clock.advance(Duration.ofHours(1));

    assertThat(get(routes, "/api/metrics/queue"))
        .isEqualTo(json(500, "{\"detail\":\"Failed to get queue metrics\"}"));
  }
}
