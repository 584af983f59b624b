package so.suna.queuemetrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.dramatiq.BrokerSnapshot;
import so.suna.queuemetrics.dramatiq.QueueName;
import so.suna.queuemetrics.dramatiq.QueueSnapshot;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.local.ManualClock;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

class TickReportTest {

  private static final Instant NOON = Instant.parse("2026-11-23T12:00:00Z");

  private final ManualClock clock = new ManualClock(NOON);
  private final TickReport report = new TickReport(clock);

  private <T> Supplier<T> taking(long millis, T result) {
    return () -> {
      clock.advance(Duration.ofMillis(millis));
      return result;
    };
  }

  private static Supplier<Object> failing(RuntimeException failure) {
    return () -> {
      throw failure;
    };
  }

  private static QueueSnapshot queue(String name, long waiting) {
    return new QueueSnapshot(
        new QueueName(name),
        new Known<>(waiting),
        new Known<>(2L),
        new Known<>(3L),
        new Unknown<>("dead letters not read: WRONGTYPE"),
        new Known<>(0L),
        new Known<>(Duration.ofMillis(6_005)));
  }

  private static BrokerSnapshot snapshot(long waiting) {
    return new BrokerSnapshot(
        NOON, List.of(queue("default", waiting), queue("slow", 1)), new Known<>(7L));
  }

  @Test
  void stepGivesItsResult() {
    assertThat(report.attempt("redis", () -> 5)).contains(5);
  }

  @Test
  void failedStepGivesNothing() {
    assertThat(report.attempt("redis", failing(new IllegalStateException("down")))).isEmpty();
  }

  @Test
  void errorOfTheMachineIsNotSwallowed() {
    assertThatThrownBy(
            () ->
                report.attempt(
                    "redis",
                    () -> {
                      throw new OutOfMemoryError("heap");
                    }))
        .isInstanceOf(OutOfMemoryError.class)
        .hasMessage("heap");
  }

  @Test
  void lineOfACompleteTickHasEveryFigureAndDuration() {
    report.attempt("redis", taking(4, "snapshot"));
    report.attempt("ecs", taking(20, 3));
    report.attempt("cloudwatch", taking(31, 9));
    var datums = new Datums("worker", true);
    List<MetricDatum> gathered =
        List.of(datums.ofWorkers(3, NOON), datums.ofBacklogPerWorker(snapshot(5), 4).orElseThrow());

    assertThat(report.line(gathered, true))
        .isEqualTo(
            "{\"event\":\"tick\",\"DramatiqQueueDepth\":null,\"DramatiqJobsInFlight\":null,\"DramatiqJobsDelayed\":null,"
                + "\"DramatiqDeadLetters\":null,\"DramatiqNewDeadLetters\":null,\"DramatiqOldestJobAge\":null,"
                + "\"DramatiqActiveBrokers\":null,\"DramatiqRunningWorkers\":3,\"DramatiqBacklogPerWorker\":2.5,"
                + "\"datums\":2,\"published\":true,\"redis_ms\":4,\"ecs_ms\":20,\"cloudwatch_ms\":31,\"duration_ms\":55,\"problems\":[]}");
  }

  @Test
  void lineShowsTotalsAndNotTheQueuesOwnValues() {
    List<MetricDatum> gathered = new Datums("worker", true).of(snapshot(9_000_000_000L));

    assertThat(report.line(gathered, false))
        .isEqualTo(
            "{\"event\":\"tick\",\"DramatiqQueueDepth\":9000000001,\"DramatiqJobsInFlight\":4,\"DramatiqJobsDelayed\":6,"
                + "\"DramatiqDeadLetters\":null,\"DramatiqNewDeadLetters\":0,\"DramatiqOldestJobAge\":6.005,"
                + "\"DramatiqActiveBrokers\":7,\"DramatiqRunningWorkers\":null,\"DramatiqBacklogPerWorker\":null,"
                + "\"datums\":16,\"published\":false,\"duration_ms\":0,\"problems\":[]}");
  }

  @Test
  void failedStepIsTimedAndNamedInTheLine() {
    report.attempt(
        "redis",
        () -> {
          clock.advance(Duration.ofSeconds(2));
          throw new IllegalStateException("Redis \"cache\"\ngave no answer");
        });
    report.add(List.of("queue default: delayed not read: WRONGTYPE"));

    assertThat(report.line(List.of(), false))
        .isEqualTo(
            "{\"event\":\"tick\",\"DramatiqQueueDepth\":null,\"DramatiqJobsInFlight\":null,\"DramatiqJobsDelayed\":null,"
                + "\"DramatiqDeadLetters\":null,\"DramatiqNewDeadLetters\":null,\"DramatiqOldestJobAge\":null,"
                + "\"DramatiqActiveBrokers\":null,\"DramatiqRunningWorkers\":null,\"DramatiqBacklogPerWorker\":null,"
                + "\"datums\":0,\"published\":false,\"redis_ms\":2000,\"duration_ms\":2000,"
                + "\"problems\":[\"Redis \\\"cache\\\"\\ngave no answer\",\"queue default: delayed not read: WRONGTYPE\"]}");
  }

  @Test
  void tickWithoutProblemsDoesNotFail() {
    report.attempt("redis", () -> 1);
    report.add(List.of());

    assertThatCode(report::throwIfAnythingFailed).doesNotThrowAnyException();
  }

  @Test
  void tickFailsNamingAllThatIsMissingWithTheCauses() {
    var down = new IllegalStateException("Redis down");
    var denied = new IllegalStateException("ECS denied");
    report.attempt("redis", failing(down));
    report.attempt("ecs", failing(denied));
    report.add(List.of("queue default: delayed not read: WRONGTYPE"));

    assertThatThrownBy(report::throwIfAnythingFailed)
        .isInstanceOf(TickFailedException.class)
        .hasMessage("Redis down; ECS denied; queue default: delayed not read: WRONGTYPE")
        .hasSuppressedException(down)
        .hasSuppressedException(denied);
  }

  @Test
  void tickFailsWhereOnlyAValueIsMissing() {
    report.add(List.of("active brokers not read: WRONGTYPE"));

    assertThatThrownBy(report::throwIfAnythingFailed)
        .isInstanceOf(TickFailedException.class)
        .hasMessage("active brokers not read: WRONGTYPE");
  }

  @Test
  void failureWithoutAMessageIsNamedByItsType() {
    Optional<Object> result = report.attempt("redis", failing(new IllegalStateException()));

    assertThat(result).isEmpty();
    assertThatThrownBy(report::throwIfAnythingFailed).hasMessage("java.lang.IllegalStateException");
  }
}
