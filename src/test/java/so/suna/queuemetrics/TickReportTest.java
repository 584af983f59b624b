package so.suna.queuemetrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.dramatiq.Snapshots;
import so.suna.queuemetrics.kit.ManualClock;

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
  void lineHasEveryTotalAndDuration() {
    report.attempt("redis", taking(4, "snapshot"));
    report.attempt("ecs", taking(20, 3));
    report.attempt("cloudwatch", taking(31, 9));
    var snapshot =
        Snapshots.at(
                NOON,
                Snapshots.queue("default", 3_000_000_000L),
                Snapshots.queue("slow", 1, Metric.DEAD_LETTERS, new Unknown("WRONGTYPE")))
            .withWorkers(4, 5);

    assertThat(report.line(snapshot, 8, true))
        .hasToString(
            "{\"event\":\"tick\",\"DramatiqQueueDepth\":3000000001,\"DramatiqJobsDelayed\":9000000003,"
                + "\"DramatiqDeadLetters\":null,\"DramatiqJobsInFlight\":6000000002,"
                + "\"DramatiqOldestJobAge\":18015000000,\"DramatiqNewDeadLetters\":15000000005,\"DramatiqOrphanedMessages\":24000000008,"
                + "\"DramatiqActiveBrokers\":7,\"DramatiqRunningWorkers\":4,\"DramatiqDesiredWorkers\":5,\"DramatiqBacklogPerWorker\":2.25000000075E9,"
                + "\"datums\":8,\"published\":true,\"redis_ms\":4,\"ecs_ms\":20,\"cloudwatch_ms\":31,\"duration_ms\":55,\"notices\":[],\"problems\":[]}");
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

    assertThat(report.line(Snapshot.unread(NOON), 0, false))
        .hasToString(
            "{\"event\":\"tick\",\"DramatiqQueueDepth\":null,\"DramatiqJobsDelayed\":null,\"DramatiqDeadLetters\":null,"
                + "\"DramatiqJobsInFlight\":null,\"DramatiqOldestJobAge\":null,\"DramatiqNewDeadLetters\":null,\"DramatiqOrphanedMessages\":null,"
                + "\"DramatiqActiveBrokers\":null,\"DramatiqRunningWorkers\":null,\"DramatiqDesiredWorkers\":null,\"DramatiqBacklogPerWorker\":null,"
                + "\"datums\":0,\"published\":false,\"redis_ms\":2000,\"duration_ms\":2000,"
                + "\"notices\":[],\"problems\":[\"Redis \\\"cache\\\"\\ngave no answer\",\"queue default: delayed not read: WRONGTYPE\"]}");
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
  void failureWithoutAMessageIsNamedByItsType() {
    Optional<Object> result = report.attempt("redis", failing(new IllegalStateException()));

    assertThat(result).isEmpty();
    assertThatThrownBy(report::throwIfAnythingFailed).hasMessage("java.lang.IllegalStateException");
  }
}
