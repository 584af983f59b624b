package so.suna.queuemetrics;

import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import com.amazonaws.services.lambda.runtime.events.ScheduledEvent;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.dramatiq.Snapshots;
import so.suna.queuemetrics.http.BearerToken;
import so.suna.queuemetrics.http.Routes;
import so.suna.queuemetrics.kit.LambdaCall;
import so.suna.queuemetrics.local.LocalContext;

/** The events in events/, read as Lambda's Java runtime reads them. */
class EventsTest {

  private static final Path EVENTS = Path.of("events");
  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  private static final String QUEUE_METRICS =
      "{\"queue_depth\":1,\"delay_queue_depth\":3,\"dead_letter_depth\":4,\"timestamp\":\"2026-11-23T12:00:00+00:00\","
          + "\"in_flight\":2,\"oldest_job_age_seconds\":6.005,\"new_dead_letters\":5,\"orphaned\":8,\"active_brokers\":7,"
          + "\"queues\":{\"default\":{\"queue_depth\":1,\"delay_queue_depth\":3,\"dead_letter_depth\":4,\"in_flight\":2,\"oldest_job_age_seconds\":6.005,\"new_dead_letters\":5,\"orphaned\":8}}}";

  private static final String HEALTHY =
      "{\"status\":\"ok\",\"timestamp\":\"2026-11-23T12:00:00+00:00\",\"instance_id\":\"2026/11/23/[$LATEST]local\"";

  private static final String DATABASE = ",\"database\":\"ok\"}";
  private static final String UNAUTHORIZED = "{\"detail\":\"Unauthorized\"}";

  private final LocalContext context = new LocalContext();

  private APIGatewayV2HTTPResponse answer(String file, Optional<String> token) throws IOException {
    var routes =
        new Routes(
            () -> Snapshots.at(NOON, Snapshots.queue("default", 1)),
            () -> {},
            Optional.of(() -> {}),
            token.map(BearerToken::new),
            Clock.fixed(NOON, UTC),
            new JsonLog(context::log)::failure);
    try (InputStream event = Files.newInputStream(EVENTS.resolve(file))) {
      return LambdaCall.answer(new QueryHandler(routes), event, context);
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

  /** The token is the one that is set, if any; some of the events show it or are signed. */
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '|',
      value = {
        "health.json                    |               | 200 | " + HEALTHY + "}",
        "health-docker.json             |               | 200 | " + HEALTHY + DATABASE,
        "queue-metrics.json             |               | 200 | " + QUEUE_METRICS,
        "queue-metrics.json             | example-token | 200 | " + QUEUE_METRICS,
        "queue-metrics-with-token.json  |               | 200 | " + QUEUE_METRICS,
        "queue-metrics-with-token.json  | example-token | 200 | " + QUEUE_METRICS,
        "queue-metrics-with-token.json  | another-token | 401 | " + UNAUTHORIZED,
        "rest-api.json                  |               | 200 | " + QUEUE_METRICS,
        "rest-api.json                  | example-token | 200 | " + QUEUE_METRICS,
        "rest-api.json                  | another-token | 401 | " + UNAUTHORIZED,
        "load-balancer.json             |               | 200 | " + QUEUE_METRICS,
        "load-balancer.json             | example-token | 401 | " + UNAUTHORIZED,
        "load-balancer-multi-value.json | another-token | 401 | " + UNAUTHORIZED,
        "keep-alive.json                | example-token | 204 | ``",
      })
  void queryIsAnswered(String file, @Nullable String token, int status, String body)
      throws IOException {
    APIGatewayV2HTTPResponse answer = answer(file, Optional.ofNullable(token));

    assertThat(answer.getStatusCode()).isEqualTo(status);
    assertThat(answer.getBody()).isEqualTo(body);
    assertThat(context.logged()).isEmpty();
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
}
