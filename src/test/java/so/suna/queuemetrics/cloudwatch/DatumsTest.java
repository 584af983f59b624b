package so.suna.queuemetrics.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;
import static so.suna.queuemetrics.dramatiq.Snapshots.at;
import static so.suna.queuemetrics.dramatiq.Snapshots.queue;
import static so.suna.queuemetrics.dramatiq.Snapshots.unreadable;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.dramatiq.Snapshot;
import software.amazon.awssdk.services.cloudwatch.model.Dimension;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;
import software.amazon.awssdk.services.cloudwatch.model.StandardUnit;

class DatumsTest {

  private static final Instant READ_AT = Instant.parse("2026-11-23T12:00:00.123Z");

  private static final Instant MINUTE_BEFORE = Instant.parse("2026-11-23T11:59:59.999Z");

  private static final Dimension WORKER = dimension("Service", "worker");
  private static final Dimension DEFAULT = dimension("Queue", "default");
  private static final Dimension SLOW = dimension("Queue", "slow");

  private static Dimension dimension(String name, String value) {
    return Dimension.builder().name(name).value(value).build();
  }

  private static MetricDatum datum(
      String name, StandardUnit unit, double value, Dimension... dimensions) {
    return MetricDatum.builder()
        .metricName(name)
        .unit(unit)
        .value(value)
        .timestamp(MINUTE_BEFORE)
        .dimensions(dimensions)
        .build();
  }

  private static MetricDatum count(String name, double value, Dimension... dimensions) {
    return datum(name, StandardUnit.COUNT, value, dimensions);
  }

  @Test
  void totalsAreStampedWithTheEndOfTheMinuteBeforeTheRead() {
    Snapshot snapshot = at(READ_AT, queue("default", 1), queue("slow", 10)).withWorkers(6, 7);

    assertThat(new Datums("worker", false).of(snapshot))
        .containsExactly(
            count("DramatiqQueueDepth", 11, WORKER),
            count("DramatiqJobsDelayed", 33, WORKER),
            count("DramatiqDeadLetters", 44, WORKER),
            count("DramatiqJobsInFlight", 22, WORKER),
            datum("DramatiqOldestJobAge", StandardUnit.SECONDS, 60.05, WORKER),
            count("DramatiqNewDeadLetters", 55, WORKER),
            count("DramatiqOrphanedMessages", 88, WORKER),
            count("DramatiqActiveBrokers", 7, WORKER),
            count("DramatiqRunningWorkers", 6, WORKER),
            count("DramatiqDesiredWorkers", 7, WORKER),
            count("DramatiqBacklogPerWorker", 5.5, WORKER));
  }

  @Test
  void eachQueuesOwnFiguresFollowTheTotalsIfWanted() {
    Snapshot snapshot = at(READ_AT, queue("default", 1), queue("slow", 10)).withWorkers(6, 7);
    List<MetricDatum> expected = new ArrayList<>(new Datums("worker", false).of(snapshot));
    expected.addAll(datumsOfAQueue(1, DEFAULT));
    expected.addAll(datumsOfAQueue(10, SLOW));

    assertThat(new Datums("worker", true).of(snapshot)).isEqualTo(expected);
  }

  private static List<MetricDatum> datumsOfAQueue(double times, Dimension queue) {
    return List.of(
        count("DramatiqQueueDepth", times, WORKER, queue),
        count("DramatiqJobsDelayed", 3 * times, WORKER, queue),
        count("DramatiqDeadLetters", 4 * times, WORKER, queue),
        count("DramatiqJobsInFlight", 2 * times, WORKER, queue),
        datum("DramatiqOldestJobAge", StandardUnit.SECONDS, 6.005 * times, WORKER, queue),
        count("DramatiqNewDeadLetters", 5 * times, WORKER, queue),
        count("DramatiqOrphanedMessages", 8 * times, WORKER, queue));
  }

  @Test
  void emptyQueueAndNoWorkerGiveZeros() {
    assertThat(new Datums("worker", false).of(at(READ_AT, queue("default", 0)).withWorkers(0, 1)))
        .extracting(MetricDatum::value)
        .containsExactly(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 1.0, 0.0);
  }

  @Test
  void serviceIsNamedAsSet() {
    assertThat(new Datums("slow worker", false).of(at(READ_AT, queue("default", 1))))
        .extracting(MetricDatum::dimensions)
        .containsOnly(List.of(dimension("Service", "slow worker")));
  }

  @ParameterizedTest
  @EnumSource(
      names = {"ACTIVE_BROKERS", "RUNNING_WORKERS", "DESIRED_WORKERS", "BACKLOG_PER_WORKER"},
      mode = EnumSource.Mode.EXCLUDE)
  void unknownValueLeavesItsOwnDatumsOutAndNoOther(Metric metric) {
    var datums = new Datums("worker", true);
    List<String> expected =
        new ArrayList<>(
            datums.of(at(READ_AT, queue("default", 1))).stream()
                .map(MetricDatum::metricName)
                .toList());
    expected.removeIf(metric.metricName()::equals);

    assertThat(datums.of(at(READ_AT, queue("default", 1, metric, new Unknown("WRONGTYPE")))))
        .extracting(MetricDatum::metricName)
        .containsExactlyElementsOf(expected);
  }

  @Test
  void unknownValueOfOneQueueLeavesTheTotalOutAndTheOtherQueueIn() {
    var unreadable = queue("slow", 1, Metric.QUEUE_DEPTH, new Unknown("WRONGTYPE"));

    assertThat(new Datums("worker", true).of(at(READ_AT, queue("default", 1), unreadable)))
        .filteredOn(datum -> "DramatiqQueueDepth".equals(datum.metricName()))
        .containsExactly(count("DramatiqQueueDepth", 1, WORKER, DEFAULT));
  }

  @Test
  void nothingKnownGivesNoDatum() {
    var nothing = at(READ_AT, new Unknown("no brokers"), unreadable("default"));

    assertThat(new Datums("worker", true).of(nothing)).isEmpty();
    assertThat(new Datums("worker", true).of(Snapshot.unread(READ_AT))).isEmpty();
  }
}
