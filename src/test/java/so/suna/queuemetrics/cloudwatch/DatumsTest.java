package so.suna.queuemetrics.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import so.suna.queuemetrics.dramatiq.BrokerSnapshot;
import so.suna.queuemetrics.dramatiq.QueueName;
import so.suna.queuemetrics.dramatiq.QueueSnapshot;
import so.suna.queuemetrics.dramatiq.Reading;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import software.amazon.awssdk.services.cloudwatch.model.Dimension;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;
import software.amazon.awssdk.services.cloudwatch.model.StandardUnit;

class DatumsTest {

  private static final Instant READ_AT = Instant.parse("2026-11-23T12:00:00.123Z");

  private static final Dimension WORKER = dimension("Service", "worker");
  private static final Dimension DEFAULT = dimension("Queue", "default");
  private static final Dimension SLOW = dimension("Queue", "slow");

  private static final Reading<Long> UNKNOWN = new Unknown<>("WRONGTYPE");

  private static Dimension dimension(String name, String value) {
    return Dimension.builder().name(name).value(value).build();
  }

  private static MetricDatum datum(
      String name, StandardUnit unit, double value, Dimension... dimensions) {
    return MetricDatum.builder()
        .metricName(name)
        .unit(unit)
        .value(value)
        .timestamp(READ_AT)
        .dimensions(dimensions)
        .build();
  }

  private static MetricDatum count(String name, double value, Dimension... dimensions) {
    return datum(name, StandardUnit.COUNT, value, dimensions);
  }

  private static QueueSnapshot queue(String name, long times) {
    return new QueueSnapshot(
        new QueueName(name),
        new Known<>(times),
        new Known<>(2 * times),
        new Known<>(3 * times),
        new Known<>(4 * times),
        new Known<>(5 * times),
        new Known<>(Duration.ofMillis(6_005 * times)));
  }

  private static BrokerSnapshot snapshot(QueueSnapshot... queues) {
    return new BrokerSnapshot(READ_AT, List.of(queues), new Known<>(7L));
  }

  @Test
  void totalsAreSumsOverTheQueuesAtTheInstantOfTheRead() {
    var datums = new Datums("worker", false);

    assertThat(datums.of(snapshot(queue("default", 1), queue("slow", 10))))
        .containsExactly(
            count("DramatiqQueueDepth", 11, WORKER),
            count("DramatiqJobsInFlight", 22, WORKER),
            count("DramatiqJobsDelayed", 33, WORKER),
            count("DramatiqDeadLetters", 44, WORKER),
            count("DramatiqNewDeadLetters", 55, WORKER),
            datum("DramatiqOldestJobAge", StandardUnit.SECONDS, 60.05, WORKER),
            count("DramatiqActiveBrokers", 7, WORKER));
  }

  @Test
  void eachQueuesOwnValuesFollowTheTotalsWhereWanted() {
    var datums = new Datums("worker", true);

    assertThat(datums.of(snapshot(queue("default", 1), queue("slow", 10))))
        .containsExactly(
            count("DramatiqQueueDepth", 11, WORKER),
            count("DramatiqJobsInFlight", 22, WORKER),
            count("DramatiqJobsDelayed", 33, WORKER),
            count("DramatiqDeadLetters", 44, WORKER),
            count("DramatiqNewDeadLetters", 55, WORKER),
            datum("DramatiqOldestJobAge", StandardUnit.SECONDS, 60.05, WORKER),
            count("DramatiqActiveBrokers", 7, WORKER),
            count("DramatiqQueueDepth", 1, WORKER, DEFAULT),
            count("DramatiqJobsInFlight", 2, WORKER, DEFAULT),
            count("DramatiqJobsDelayed", 3, WORKER, DEFAULT),
            count("DramatiqDeadLetters", 4, WORKER, DEFAULT),
            count("DramatiqNewDeadLetters", 5, WORKER, DEFAULT),
            datum("DramatiqOldestJobAge", StandardUnit.SECONDS, 6.005, WORKER, DEFAULT),
            count("DramatiqQueueDepth", 10, WORKER, SLOW),
            count("DramatiqJobsInFlight", 20, WORKER, SLOW),
            count("DramatiqJobsDelayed", 30, WORKER, SLOW),
            count("DramatiqDeadLetters", 40, WORKER, SLOW),
            count("DramatiqNewDeadLetters", 50, WORKER, SLOW),
            datum("DramatiqOldestJobAge", StandardUnit.SECONDS, 60.05, WORKER, SLOW));
  }

  @Test
  void emptyQueueGivesZeros() {
    assertThat(new Datums("worker", false).of(snapshot(queue("default", 0))))
        .extracting(MetricDatum::value)
        .containsExactly(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0);
  }

  @Test
  void serviceIsNamedAsSet() {
    assertThat(new Datums("slow worker", false).of(snapshot(queue("default", 1))))
        .extracting(MetricDatum::dimensions)
        .containsOnly(List.of(dimension("Service", "slow worker")));
  }

  static Stream<Arguments> snapshotsWithOneValueUnknown() {
    Reading<Long> n = new Known<>(1L);
    Reading<Duration> age = new Known<>(Duration.ofSeconds(1));
    var name = new QueueName("default");
    return Stream.of(
        arguments("DramatiqQueueDepth", new QueueSnapshot(name, UNKNOWN, n, n, n, n, age), n),
        arguments("DramatiqJobsInFlight", new QueueSnapshot(name, n, UNKNOWN, n, n, n, age), n),
        arguments("DramatiqJobsDelayed", new QueueSnapshot(name, n, n, UNKNOWN, n, n, age), n),
        arguments("DramatiqDeadLetters", new QueueSnapshot(name, n, n, n, UNKNOWN, n, age), n),
        arguments("DramatiqNewDeadLetters", new QueueSnapshot(name, n, n, n, n, UNKNOWN, age), n),
        arguments(
            "DramatiqOldestJobAge",
            new QueueSnapshot(name, n, n, n, n, n, new Unknown<>("not JSON")),
            n),
        arguments("DramatiqActiveBrokers", new QueueSnapshot(name, n, n, n, n, n, age), UNKNOWN));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("snapshotsWithOneValueUnknown")
  void unknownValueLeavesItsOwnDatumsOutAndNoOther(
      String metric, QueueSnapshot queue, Reading<Long> activeBrokers) {
    var datums = new Datums("worker", true);
    var known = new BrokerSnapshot(READ_AT, List.of(queue("default", 1)), new Known<>(1L));
    List<String> expected =
        new ArrayList<>(datums.of(known).stream().map(MetricDatum::metricName).toList());
    expected.removeIf(metric::equals);

    assertThat(datums.of(new BrokerSnapshot(READ_AT, List.of(queue), activeBrokers)))
        .extracting(MetricDatum::metricName)
        .containsExactlyElementsOf(expected)
        .hasSizeBetween(11, 12);
  }

  @Test
  void unknownValueOfOneQueueLeavesTheTotalOutAndTheOtherQueueIn() {
    var unreadable =
        new QueueSnapshot(
            new QueueName("slow"),
            UNKNOWN,
            new Known<>(1L),
            new Known<>(1L),
            new Known<>(1L),
            new Known<>(1L),
            new Known<>(Duration.ZERO));

    assertThat(new Datums("worker", true).of(snapshot(queue("default", 1), unreadable)))
        .filteredOn(datum -> "DramatiqQueueDepth".equals(datum.metricName()))
        .containsExactly(count("DramatiqQueueDepth", 1, WORKER, DEFAULT));
  }

  @Test
  void nothingKnownGivesNoDatum() {
    var queue =
        new QueueSnapshot(
            new QueueName("default"),
            UNKNOWN,
            UNKNOWN,
            UNKNOWN,
            UNKNOWN,
            UNKNOWN,
            new Unknown<>("not JSON"));

    assertThat(new Datums("worker", true).of(new BrokerSnapshot(READ_AT, List.of(queue), UNKNOWN)))
        .isEmpty();
  }

  @Test
  void runningWorkersAreCountedAtTheirOwnInstant() {
    assertThat(new Datums("worker", true).ofWorkers(3, READ_AT))
        .isEqualTo(count("DramatiqRunningWorkers", 3, WORKER));
  }

  @Test
  void noRunningWorkerIsPublishedAsZero() {
    assertThat(new Datums("worker", false).ofWorkers(0, READ_AT))
        .isEqualTo(count("DramatiqRunningWorkers", 0, WORKER));
  }

  @Test
  void backlogPerWorkerIsWaitingAndInFlightSharedByTheWorkers() {
    assertThat(
            new Datums("worker", true)
                .ofBacklogPerWorker(snapshot(queue("default", 1), queue("slow", 10)), 6))
        .contains(count("DramatiqBacklogPerWorker", 5.5, WORKER));
  }

  static Stream<QueueSnapshot> queuesWithoutABacklog() {
    Reading<Long> n = new Known<>(1L);
    Reading<Duration> age = new Known<>(Duration.ZERO);
    var name = new QueueName("default");
    return Stream.of(
        new QueueSnapshot(name, UNKNOWN, n, n, n, n, age),
        new QueueSnapshot(name, n, UNKNOWN, n, n, n, age));
  }

  @ParameterizedTest
  @MethodSource("queuesWithoutABacklog")
  void unknownBacklogGivesNoBacklogPerWorker(QueueSnapshot queue) {
    assertThat(new Datums("worker", true).ofBacklogPerWorker(snapshot(queue), 3)).isEmpty();
  }

  @Test
  void backlogPerWorkerIsKnownWhateverElseIsNot() {
    var queue =
        new QueueSnapshot(
            new QueueName("default"),
            new Known<>(4L),
            new Known<>(2L),
            UNKNOWN,
            UNKNOWN,
            UNKNOWN,
            new Unknown<>("not JSON"));

    assertThat(new Datums("worker", true).ofBacklogPerWorker(snapshot(queue), 3))
        .contains(count("DramatiqBacklogPerWorker", 2, WORKER));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 0",
    "0, 5, 0",
    "30, 0, 30",
    "30, 1, 30",
    "30, 2, 15",
    "1, 3, 0.3333333333333333",
    "5000000000, 2, 2500000000"
  })
  void noWorkerCountsAsOne(long backlog, int workers, double expected) {
    assertThat(Datums.backlogPerWorker(backlog, workers)).isEqualTo(expected);
  }

  @Test
  void negativeNumberOfWorkersIsRefused() {
    assertThatThrownBy(() -> Datums.backlogPerWorker(1, -1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("workers must be 0 or more, was -1");
  }
}
