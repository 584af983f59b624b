package so.suna.queuemetrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.dramatiq.BrokerSnapshot;
import so.suna.queuemetrics.dramatiq.QueueName;
import so.suna.queuemetrics.dramatiq.QueueSnapshot;
import so.suna.queuemetrics.dramatiq.Reading;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.local.LocalContext;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/** The story of one tick, told with fakes; PublishHandlerIT tells it with servers. */
class PublishHandlerTest {

  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");
  private static final Clock AT_NOON = Clock.fixed(NOON, UTC);

  private final LocalContext context = new LocalContext();
  private final List<MetricDatum> published = new ArrayList<>();

  private PublishHandler handler(Supplier<BrokerSnapshot> queues, Supplier<Integer> workers) {
    return handler(queues, Optional.of(workers), published::addAll, AT_NOON);
  }

  private static PublishHandler handler(
      Supplier<BrokerSnapshot> queues,
      Optional<Supplier<Integer>> workers,
      Consumer<List<MetricDatum>> publisher,
      Clock clock) {
    return new PublishHandler(queues, workers, new Datums("worker", false), publisher, clock);
  }

  private static BrokerSnapshot snapshot(Reading<Long> inFlight) {
    return new BrokerSnapshot(
        NOON.minusSeconds(1),
        List.of(
            new QueueSnapshot(
                new QueueName("default"),
                new Known<>(12L),
                inFlight,
                new Known<>(3L),
                new Known<>(2L),
                new Known<>(1L),
                new Known<>(Duration.ofMillis(1500)))),
        new Known<>(5L));
  }

  private static BrokerSnapshot snapshot() {
    return snapshot(new Known<>(4L));
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
    tick(handler(() -> snapshot(), () -> 5));
    assertThat(publishedFigures())
        .isEqualTo(
            """
            DramatiqQueueDepth=12.0
            DramatiqJobsInFlight=4.0
            DramatiqJobsDelayed=3.0
            DramatiqDeadLetters=2.0
            DramatiqNewDeadLetters=1.0
            DramatiqOldestJobAge=1.5
            DramatiqActiveBrokers=5.0
            DramatiqRunningWorkers=5.0
            DramatiqBacklogPerWorker=3.2""");
  }

  @Test
  void logsOneLineWithEveryFigure() {
    tick(handler(() -> snapshot(), () -> 5));
    assertThat(context.logged())
        .containsExactly(
            """
            {"event":"tick","DramatiqQueueDepth":12,"DramatiqJobsInFlight":4,"DramatiqJobsDelayed":3,\
            "DramatiqDeadLetters":2,"DramatiqNewDeadLetters":1,"DramatiqOldestJobAge":1.5,"DramatiqActiveBrokers":5,\
            "DramatiqRunningWorkers":5,"DramatiqBacklogPerWorker":3.2,"datums":9,"published":true,\
            "redis_ms":0,"ecs_ms":0,"cloudwatch_ms":0,"duration_ms":0,"problems":[]}""");
  }

  @Test
  void returnsNothingAndDoesNotLookAtTheEvent() {
    assertThat(tick(handler(() -> snapshot(), () -> 5), "no JSON")).isEqualTo("null");
    assertThat(published).hasSize(9);
  }

  @Test
  void logsUnknownFiguresAsNullAndNamesTheProblem() {
    assertThatThrownBy(() -> tick(handler(failing("Redis is down"), () -> 5)))
        .isInstanceOf(TickFailedException.class);
    assertThat(context.logged())
        .containsExactly(
            """
            {"event":"tick","DramatiqQueueDepth":null,"DramatiqJobsInFlight":null,"DramatiqJobsDelayed":null,\
            "DramatiqDeadLetters":null,"DramatiqNewDeadLetters":null,"DramatiqOldestJobAge":null,"DramatiqActiveBrokers":null,\
            "DramatiqRunningWorkers":5,"DramatiqBacklogPerWorker":null,"datums":1,"published":true,\
            "redis_ms":0,"ecs_ms":0,"cloudwatch_ms":0,"duration_ms":0,"problems":["Redis is down"]}""");
  }

  @Test
  void unreadableRedisCostsAllButTheWorkersAndFailsTheTick() {
    assertThatThrownBy(() -> tick(handler(failing("Redis is down"), () -> 5)))
        .isInstanceOf(TickFailedException.class)
        .hasMessage("Redis is down");
    assertThat(publishedFigures()).isEqualTo("DramatiqRunningWorkers=5.0");
  }

  @Test
  void uncountedWorkersCostTwoDatumsAndFailTheTick() {
    assertThatThrownBy(() -> tick(handler(() -> snapshot(), failing("ECS is down"))))
        .isInstanceOf(TickFailedException.class)
        .hasMessage("ECS is down");
    assertThat(published)
        .extracting(MetricDatum::metricName)
        .containsExactly(
            "DramatiqQueueDepth",
            "DramatiqJobsInFlight",
            "DramatiqJobsDelayed",
            "DramatiqDeadLetters",
            "DramatiqNewDeadLetters",
            "DramatiqOldestJobAge",
            "DramatiqActiveBrokers");
  }

  @Test
  void unknownValueCostsWhatDependsOnItAndFailsTheTick() {
    assertThatThrownBy(
            () -> tick(handler(() -> snapshot(new Unknown<>("in flight not read")), () -> 5)))
        .isInstanceOf(TickFailedException.class)
        .hasMessage("in flight not read");
    assertThat(published)
        .extracting(MetricDatum::metricName)
        .containsExactly(
            "DramatiqQueueDepth",
            "DramatiqJobsDelayed",
            "DramatiqDeadLetters",
            "DramatiqNewDeadLetters",
            "DramatiqOldestJobAge",
            "DramatiqActiveBrokers",
            "DramatiqRunningWorkers");
  }

  @Test
  void noWorkerServiceIsNoProblem() {
    tick(handler(() -> snapshot(), Optional.empty(), published::addAll, AT_NOON));
    assertThat(published).hasSize(7);
    assertThat(context.logged().getFirst())
        .contains("\"DramatiqRunningWorkers\":null,\"DramatiqBacklogPerWorker\":null,")
        .doesNotContain("ecs_ms");
  }

  @Test
  void stoppedWorkersAreKnownToBeNone() {
    tick(handler(() -> snapshot(), () -> 0));
    assertThat(publishedFigures())
        .endsWith("DramatiqRunningWorkers=0.0\nDramatiqBacklogPerWorker=16.0");
  }

  @Test
  void refusedDatumsAreLoggedAsNotPublishedAndFailTheTick() {
    var handler =
        handler(
            () -> snapshot(),
            Optional.of(() -> 5),
            _ -> {
              throw new IllegalStateException("CloudWatch is down");
            },
            AT_NOON);
    assertThatThrownBy(() -> tick(handler))
        .isInstanceOf(TickFailedException.class)
        .hasMessage("CloudWatch is down");
    assertThat(context.logged().getFirst())
        .contains("\"DramatiqQueueDepth\":12,")
        .contains("\"datums\":9,\"published\":false,")
        .endsWith("\"problems\":[\"CloudWatch is down\"]}");
  }

  @Test
  void everyProblemIsNamedInOneMessageAndEveryCauseIsKept() {
    var handler =
        handler(
            () -> snapshot(new Unknown<>("in flight not read")),
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
    assertThat(context.logged()).hasSize(1);
  }

  @Test
  void eachTickStartsAfresh() {
    var workers = new ArrayList<Supplier<Integer>>(List.of(failing("ECS is down"), () -> 5));
    var handler = handler(() -> snapshot(), () -> workers.removeFirst().get());
    assertThatThrownBy(() -> tick(handler)).hasMessage("ECS is down");
    published.clear();
    tick(handler);
    assertThat(published).hasSize(9);
  }

  @Test
  void publishesTheTotalsBeforeAnyQueuesOwnValues() {
    var handler =
        new PublishHandler(
            () -> snapshot(),
            Optional.of(() -> 5),
            new Datums("worker", true),
            published::addAll,
            AT_NOON);

    tick(handler);

    assertThat(published.stream().map(datum -> datum.dimensions().size()).distinct())
        .containsExactly(1, 2);
    assertThat(published.get(8).metricName()).isEqualTo("DramatiqBacklogPerWorker");
  }

  @Test
  void queuesBearTheTimeOfTheirReadAndWorkersTheTimeOfTheirCount() {
    // Every look at the clock is a second later: 1 tick, 2 and 3 around Redis, 4 and 5 around ECS.
    var seconds = new int[1];
    InstantSource ticking = () -> NOON.plusSeconds(seconds[0]++);
    tick(handler(() -> snapshot(), Optional.of(() -> 5), published::addAll, ticking.withZone(UTC)));
    assertThat(published)
        .extracting(MetricDatum::timestamp)
        .containsExactly(
            NOON.minusSeconds(1),
            NOON.minusSeconds(1),
            NOON.minusSeconds(1),
            NOON.minusSeconds(1),
            NOON.minusSeconds(1),
            NOON.minusSeconds(1),
            NOON.minusSeconds(1),
            NOON.plusSeconds(5),
            NOON.minusSeconds(1));
    assertThat(context.logged().getFirst())
        .contains("\"redis_ms\":1000,\"ecs_ms\":1000,\"cloudwatch_ms\":1000,\"duration_ms\":8000,");
  }
}
