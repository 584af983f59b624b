package so.suna.queuemetrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import com.amazonaws.services.lambda.runtime.events.ScheduledEvent;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.dramatiq.Snapshots;
import so.suna.queuemetrics.ecs.Workers;
import so.suna.queuemetrics.http.BearerToken;
import so.suna.queuemetrics.http.Routes;
import so.suna.queuemetrics.kit.TypedEvents;
import so.suna.queuemetrics.local.LocalContext;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/** The events in events/, read as Lambda's Java runtime reads them. */
class EventsTest {

  private static final Path EVENTS = Path.of("events");
  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");
  private static final Clock CLOCK = Clock.fixed(NOON, UTC);

  private static final String QUEUE_METRICS =
      "{\"queue_depth\":1,\"delay_queue_depth\":3,\"dead_letter_depth\":4,\"timestamp\":\"2026-11-23T12:00:00+00:00\","
          + "\"in_flight\":2,\"oldest_job_age_seconds\":6.005,\"new_dead_letters\":5,\"orphaned\":8,\"active_brokers\":7,"
          + "\"queues\":{\"default\":{\"queue_depth\":1,\"delay_queue_depth\":3,\"dead_letter_depth\":4,\"in_flight\":2,\"oldest_job_age_seconds\":6.005,\"new_dead_letters\":5,\"orphaned\":8}}}";

  private static final String HEALTHY =
      "{\"status\":\"ok\",\"timestamp\":\"2026-11-23T12:00:00+00:00\",\"instance_id\":\"2026/11/23/[$LATEST]local\"";

  private final LocalContext context = new LocalContext();

  private static Snapshot snapshot() {
    return Snapshots.at(NOON, Snapshots.queue("default", 1));
  }

  private APIGatewayV2HTTPResponse answer(String file, Optional<String> token) throws IOException {
    var routes =
        new Routes(
            EventsTest::snapshot,
            () -> {},
            Optional.of(() -> {}),
            token.map(BearerToken::new),
            CLOCK,
            new JsonLog(context::log)::failure);
    try (InputStream event = Files.newInputStream(EVENTS.resolve(file))) {
      return TypedEvents.answer(new QueryHandler(routes), event, context);
    }
  }

  @Test
  void everyEventIsTriedHere() throws IOException {
    try (Stream<Path> files = Files.list(EVENTS)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "scheduled-tick.json",
              "queue-metrics.json",
              "queue-metrics-with-token.json",
              "health.json",
              "health-docker.json",
              "load-balancer.json",
              "load-balancer-multi-value.json",
              "rest-api.json",
              "keep-alive.json");
    }
  }

  @Test
  void scheduledTickPublishes() throws IOException {
    List<MetricDatum> published = new ArrayList<>();
    var handler =
        new PublishHandler(
            EventsTest::snapshot,
            Optional.of(() -> new Workers(3, 3)),
            new Datums("worker", false),
            published::addAll,
            CLOCK,
            new JsonLog(context::log));

    var result = new ByteArrayOutputStream();
    try (InputStream event = Files.newInputStream(EVENTS.resolve("scheduled-tick.json"))) {
      handler.handleRequest(event, result, context);
    }

    assertThat(result.toString(UTF_8)).isEqualTo("null");

    assertThat(published)
        .extracting(MetricDatum::metricName, MetricDatum::value)
        .contains(tuple("DramatiqBacklogPerWorker", 1.0))
        .hasSize(11);
  }

  @Test
  void scheduledTickIsAnEventOfTheSchedule() throws IOException {
    ScheduledEvent tick;
    try (InputStream json = Files.newInputStream(EVENTS.resolve("scheduled-tick.json"))) {
      tick =
          LambdaEventSerializers.serializerFor(
                  ScheduledEvent.class, ScheduledEvent.class.getClassLoader())
              .fromJson(json);
    }

    assertThat(tick.getSource()).isEqualTo("aws.events");
    assertThat(tick.getDetailType()).isEqualTo("Scheduled Event");
    assertThat(tick.getTime().toString()).isEqualTo("2026-11-23T12:00:00.000Z");
  }

  /** Without a token set, or with one that the event shows or whose caller has signed. */
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '|',
      value = {
        "health.json                  |               | " + HEALTHY + "}",
        "health-docker.json           |               | " + HEALTHY + ",\"database\":\"ok\"}",
        "queue-metrics.json           |               | " + QUEUE_METRICS,
        "queue-metrics.json           | example-token | " + QUEUE_METRICS,
        "queue-metrics-with-token.json|               | " + QUEUE_METRICS,
        "queue-metrics-with-token.json| example-token | " + QUEUE_METRICS,
        "rest-api.json                |               | " + QUEUE_METRICS,
        "rest-api.json                | example-token | " + QUEUE_METRICS,
        "load-balancer.json           |               | " + QUEUE_METRICS,
      })
  void queryIsAnswered(String file, @Nullable String token, String body) throws IOException {
    APIGatewayV2HTTPResponse answer = answer(file, Optional.ofNullable(token));

    assertThat(answer.getStatusCode()).isEqualTo(200);
    assertThat(answer.getBody()).isEqualTo(body);
  }

  @Test
  void loadBalancerPassesAScrapeOn() throws IOException {
    APIGatewayV2HTTPResponse answer =
        answer("load-balancer-multi-value.json", Optional.of("example-token"));

    assertThat(answer.getStatusCode()).isEqualTo(200);
    assertThat(answer.getMultiValueHeaders())
        .containsEntry(
            "Content-Type", List.of("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assertThat(answer.getBody()).endsWith("\ndramatiq_active_brokers 7\n# EOF\n");
  }

  @Test
  void keepAliveIsAnsweredWithoutTokenOrLogLine() throws IOException {
    APIGatewayV2HTTPResponse answer = answer("keep-alive.json", Optional.of("example-token"));

    assertThat(answer.getStatusCode()).isEqualTo(204);
    assertThat(answer.getBody()).isEmpty();
    assertThat(context.logged()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "load-balancer.json, example-token",
    "load-balancer-multi-value.json, another-token",
    "rest-api.json, another-token",
    "queue-metrics-with-token.json, another-token",
  })
  void queryWithoutTheTokenIsRefusedWhereOneIsSet(String file, String token) throws IOException {
    APIGatewayV2HTTPResponse answer = answer(file, Optional.of(token));

    assertThat(answer.getStatusCode()).isEqualTo(401);
    assertThat(answer.getBody()).isEqualTo("{\"detail\":\"Unauthorized\"}");
  }
}
