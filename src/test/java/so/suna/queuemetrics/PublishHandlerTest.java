package so.suna.queuemetrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static so.suna.queuemetrics.dramatiq.Snapshots.at;
import static so.suna.queuemetrics.dramatiq.Snapshots.queue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Reading;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.ecs.Workers;
import so.suna.queuemetrics.local.LocalContext;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/** The story of one tick, told with fakes; PublishHandlerIT tells it with servers. */
class PublishHandlerTest {

  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");
  private static final Workers FIVE = new Workers(5, 6);

  private final List<String> logged = new ArrayList<>();
  private final List<MetricDatum> published = new ArrayList<>();

  private Supplier<Snapshot> queues = () -> snapshot(new Known(15));
  private Optional<Supplier<Workers>> workers = Optional.of(() -> FIVE);
  private Consumer<List<MetricDatum>> publisher = published::addAll;
  private Clock clock = Clock.fixed(NOON, UTC);

  private static Snapshot snapshot(Reading inFlight) {
    return at(NOON.minusSeconds(1), queue("default", 1, Metric.JOBS_IN_FLIGHT, inFlight));
  }

  private PublishHandler handler() {
    return new PublishHandler(
        () -> queues.get(),
        workers,
        new Datums("worker", false),
        datums -> publisher.accept(datums),
        clock,
        new JsonLog(logged::add));
  }

  private void tick() {
    tick(handler(), "{}");
  }

  private static String tick(PublishHandler handler, String event) {
    var result = new ByteArrayOutputStream();
    try {
      handler.handleRequest(
          new ByteArrayInputStream(event.getBytes(UTF_8)), result, new LocalContext());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return result.toString(UTF_8);
  }

  private void assertFails(String message) {
    assertThatThrownBy(this::tick).isInstanceOf(TickFailedException.class).hasMessage(message);
  }

  private String publishedFigures() {
    return published.stream()
        .map(datum -> datum.metricName() + "=" + datum.value())
        .collect(joining("\n"));
  }

  @Test
  void publishesTheQueuesTheWorkersAndTheirQuotient() {
    tick();
    assertThat(publishedFigures())
        .isEqualTo(
            """
            DramatiqQueueDepth=1.0
            DramatiqJobsDelayed=3.0
            DramatiqDeadLetters=4.0
            DramatiqJobsInFlight=15.0
            DramatiqOldestJobAge=6.005
            DramatiqNewDeadLetters=5.0
            DramatiqOrphanedMessages=8.0
            DramatiqActiveBrokers=7.0
            DramatiqRunningWorkers=5.0
            DramatiqDesiredWorkers=6.0
            DramatiqBacklogPerWorker=3.2""");
  }

  @Test
  void returnsNothingAndDoesNotLookAtTheEvent() {
    assertThat(tick(handler(), "no JSON")).isEqualTo("null");
    assertThat(published).hasSize(11);
  }

  /**
   * A value in flight that is not read, or a system that is down, and the metrics that it costs.
   */
  @ParameterizedTest
  @CsvSource({
    "queues,    Dramatiq(?!RunningWorkers|DesiredWorkers).*",
    "in flight, DramatiqJobsInFlight|DramatiqBacklogPerWorker",
    "workers,   DramatiqRunningWorkers|DramatiqDesiredWorkers|DramatiqBacklogPerWorker"
  })
  void faultCostsWhatDependsOnItAndFailsTheTickNamingIt(String what, String lost) {
    switch (what) {
      case "queues" -> queues = failing(what);
      case "workers" -> workers = Optional.of(failing(what));
      default -> queues = () -> snapshot(new Unknown(what));
    }
    assertFails(what);
    assertThat(published)
        .extracting(MetricDatum::metricName)
        .isEqualTo(WholeTick.ALL.stream().filter(metric -> !metric.matches(lost)).toList());
  }

  @Test
  void cloudWatchIsNotAskedWhereNothingIsKnown() {
    queues = failing("Redis is down");
    workers = Optional.of(failing("ECS is down"));
    publisher = _ -> fail("asked CloudWatch");
    assertFails("Redis is down; ECS is down");
    assertThat(logged).singleElement().asString().contains("\"datums\":0,\"published\":false,");
  }

  @Test
  void refusedDatumsAreLoggedAsNotPublishedAndFailTheTick() {
    queues = () -> snapshot(new Unknown("in flight not read"));
    publisher =
        _ -> {
          throw new IllegalStateException("CloudWatch is down");
        };
    assertFails("CloudWatch is down; in flight not read");
    assertThat(logged)
        .singleElement()
        .asString()
        .contains("\"DramatiqQueueDepth\":1,")
        .contains("\"datums\":9,\"published\":false,")
        .endsWith("\"problems\":[\"CloudWatch is down\",\"in flight not read\"]}\n");
  }

  @Test
  void noWorkerServiceIsNoProblem() {
    workers = Optional.empty();
    tick();
    assertThat(published).hasSize(8);
    assertThat(logged.getFirst())
        .contains(
            "\"DramatiqRunningWorkers\":null,\"DramatiqDesiredWorkers\":null,\"DramatiqBacklogPerWorker\":null,")
        .doesNotContain("ecs_ms");
  }

  @Test
  void stoppedWorkersAreKnownToBeNone() {
    workers = Optional.of(() -> new Workers(0, 2));
    tick();
    assertThat(publishedFigures())
        .endsWith(
            "DramatiqRunningWorkers=0.0\nDramatiqDesiredWorkers=2.0\nDramatiqBacklogPerWorker=16.0");
  }

  @Test
  void eachTickStartsAfresh() {
    var handler = handler();
    Supplier<Snapshot> up = queues;
    queues = failing("Redis is down");
    assertThatThrownBy(() -> tick(handler, "{}")).hasMessage("Redis is down");
    published.clear();
    queues = up;
    tick(handler, "{}");
    assertThat(published).hasSize(11);
  }

  @Test
  void everyDatumBearsTheSameTimeAndEachStepItsOwnDuration() {
    // Every look at the clock is a second later: 1 tick, 2 and 3 around Redis, 4 and 5 around ECS.
    var seconds = new int[1];
    InstantSource ticking = () -> NOON.plusSeconds(seconds[0]++);
    clock = ticking.withZone(UTC);
    tick();
    assertThat(published)
        .extracting(MetricDatum::timestamp)
        .containsOnly(Instant.parse("2026-01-01T11:58:59.999Z"));
    assertThat(logged.getFirst())
        .contains("\"redis_ms\":1000,\"ecs_ms\":1000,\"cloudwatch_ms\":1000,\"duration_ms\":7000,");
  }

  private static <T> Supplier<T> failing(String message) {
    return () -> {
      throw new IllegalStateException(message);
    };
  }
}
