package so.suna.queuemetrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
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
  private static final Clock AT_NOON = Clock.fixed(NOON, UTC);

  private final LocalContext context = new LocalContext();
  private final List<String> logged = new ArrayList<>();
  private final List<MetricDatum> published = new ArrayList<>();

  private PublishHandler handler(Supplier<Snapshot> queues, Supplier<Workers> workers) {
    return handler(queues, Optional.of(workers), published::addAll, AT_NOON);
  }

  private PublishHandler handler(
      Supplier<Snapshot> queues,
      Optional<Supplier<Workers>> workers,
      Consumer<List<MetricDatum>> publisher,
      Clock clock) {
    return new PublishHandler(
        queues, workers, new Datums("worker", false), publisher, clock, new JsonLog(logged::add));
  }

  private static Snapshot snapshot(Reading inFlight) {
    return at(NOON.minusSeconds(1), queue("default", 1, Metric.JOBS_IN_FLIGHT, inFlight));
  }

  private static Snapshot snapshot() {
    return snapshot(new Known(15));
  }

  private static <T> Supplier<T> failing(String message) {
    return () -> {
      throw new IllegalStateException(message);
    };
  }

  private void tick(PublishHandler handler) {
    tick(handler, "{}");
  }

  private String tick(PublishHandler handler, String event) {
    var result = new ByteArrayOutputStream();
    try {
      handler.handleRequest(new ByteArrayInputStream(event.getBytes(UTF_8)), result, context);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return result.toString(UTF_8);
  }

  private String publishedFigures() {
    return published.stream()
        .map(datum -> datum.metricName() + "=" + datum.value())
        .collect(joining("\n"));
  }

  @Test
  void publishesTheQueuesTheWorkersAndTheirQuotient() {
    tick(handler(() -> snapshot(), () -> FIVE));
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
    assertThat(tick(handler(() -> snapshot(), () -> FIVE), "no JSON")).isEqualTo("null");
    assertThat(published).hasSize(11);
  }

  @Test
  void unreadableRedisCostsAllButTheWorkersAndFailsTheTick() {
    assertThatThrownBy(() -> tick(handler(failing("Redis is down"), () -> FIVE)))
        .isInstanceOf(TickFailedException.class)
        .hasMessage("Redis is down");
    assertThat(publishedFigures())
        .isEqualTo("DramatiqRunningWorkers=5.0\nDramatiqDesiredWorkers=6.0");
  }

  @Test
  void uncountedWorkersCostTwoDatumsAndFailTheTick() {
    assertThatThrownBy(() -> tick(handler(() -> snapshot(), failing("ECS is down"))))
        .isInstanceOf(TickFailedException.class)
        .hasMessage("ECS is down");
    assertThat(published)
        .extracting(MetricDatum::metricName)
        .isEqualTo(WholeTick.ALL.subList(0, 8));
  }

  @Test
  void unknownValueCostsWhatDependsOnItAndFailsTheTick() {
    assertThatThrownBy(
            () -> tick(handler(() -> snapshot(new Unknown("in flight not read")), () -> FIVE)))
        .isInstanceOf(TickFailedException.class)
        .hasMessage("in flight not read");
    assertThat(published)
        .extracting(MetricDatum::metricName)
        .isEqualTo(
            WholeTick.ALL.stream()
                .filter(name -> !name.matches("DramatiqJobsInFlight|DramatiqBacklogPerWorker"))
                .toList());
  }

  @Test
  void noWorkerServiceIsNoProblem() {
    tick(handler(() -> snapshot(), Optional.empty(), published::addAll, AT_NOON));
    assertThat(published).hasSize(8);
    assertThat(logged.getFirst())
        .contains(
            "\"DramatiqRunningWorkers\":null,\"DramatiqDesiredWorkers\":null,\"DramatiqBacklogPerWorker\":null,")
        .doesNotContain("ecs_ms");
  }

  @Test
  void stoppedWorkersAreKnownToBeNone() {
    tick(handler(() -> snapshot(), () -> new Workers(0, 2)));
    assertThat(publishedFigures())
        .endsWith(
            "DramatiqRunningWorkers=0.0\nDramatiqDesiredWorkers=2.0\nDramatiqBacklogPerWorker=16.0");
  }

  @Test
  void refusedDatumsAreLoggedAsNotPublishedAndFailTheTick() {
    var handler =
        handler(
            () -> snapshot(),
            Optional.of(() -> FIVE),
            _ -> {
              throw new IllegalStateException("CloudWatch is down");
            },
            AT_NOON);
    assertThatThrownBy(() -> tick(handler))
        .isInstanceOf(TickFailedException.class)
        .hasMessage("CloudWatch is down");
    assertThat(logged.getFirst())
        .contains("\"DramatiqQueueDepth\":1,")
        .contains("\"datums\":11,\"published\":false,")
        .endsWith("\"problems\":[\"CloudWatch is down\"]}\n");
  }

  @Test
  void everyProblemIsNamedInOneMessageAndEveryCauseIsKept() {
    var handler =
        handler(
            () -> snapshot(new Unknown("in flight not read")),
            Optional.of(failing("ECS is down")),
            _ -> {
              throw new IllegalStateException("CloudWatch is down");
            },
            AT_NOON);
    assertThatExceptionOfType(TickFailedException.class)
        .isThrownBy(() -> tick(handler))
        .withMessage("ECS is down; CloudWatch is down; in flight not read")
        .satisfies(
            failed ->
                assertThat(failed.getSuppressed())
                    .extracting(Throwable::getMessage)
                    .containsExactly("ECS is down", "CloudWatch is down"));
    assertThat(logged).hasSize(1);
  }

  @Test
  void eachTickStartsAfresh() {
    var workers = new ArrayList<Supplier<Workers>>(List.of(failing("ECS is down"), () -> FIVE));
    var handler = handler(() -> snapshot(), () -> workers.removeFirst().get());
    assertThatThrownBy(() -> tick(handler)).hasMessage("ECS is down");
    published.clear();
    tick(handler);
    assertThat(published).hasSize(11);
  }

  @Test
  void publishesTheTotalsBeforeAnyQueuesOwnValues() {
    var handler =
        new PublishHandler(
            () -> snapshot(),
            Optional.of(() -> FIVE),
            new Datums("worker", true),
            published::addAll,
            AT_NOON,
            new JsonLog(logged::add));

    tick(handler);

    assertThat(published.stream().map(datum -> datum.dimensions().size()).distinct())
        .containsExactly(1, 2);
    assertThat(published.get(10).metricName()).isEqualTo("DramatiqBacklogPerWorker");
  }

  @Test
  void everyDatumBearsTheSameTimeAndEachStepItsOwnDuration() {
    // Every look at the clock is a second later: 1 tick, 2 and 3 around Redis, 4 and 5 around ECS.
    var seconds = new int[1];
    InstantSource ticking = () -> NOON.plusSeconds(seconds[0]++);
    tick(
        handler(
            () -> snapshot(), Optional.of(() -> FIVE), published::addAll, ticking.withZone(UTC)));
    assertThat(published)
        .extracting(MetricDatum::timestamp)
        .containsOnly(Instant.parse("2026-01-01T11:58:59.999Z"));
    assertThat(logged.getFirst())
        .contains("\"redis_ms\":1000,\"ecs_ms\":1000,\"cloudwatch_ms\":1000,\"duration_ms\":7000,");
  }
}
