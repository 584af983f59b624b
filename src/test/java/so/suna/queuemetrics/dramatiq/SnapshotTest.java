package so.suna.queuemetrics.dramatiq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static so.suna.queuemetrics.dramatiq.Snapshots.at;
import static so.suna.queuemetrics.dramatiq.Snapshots.queue;
import static so.suna.queuemetrics.dramatiq.Snapshots.unreadable;

import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;

class SnapshotTest {

  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");

  @Test
  void totalsAreSumsAndTheOldestAgeIsTheGreatest() {
    assertThat(at(NOON, queue("a", 1), queue("b", 10)).totals().readings())
        .hasToString(
            "{waiting=Known[value=11.0], delayed=Known[value=33.0], dead letters=Known[value=44.0], "
                + "in flight=Known[value=22.0], oldest age=Known[value=60.05], "
                + "new dead letters=Known[value=55.0], orphaned messages=Known[value=88.0], active brokers=Known[value=7.0]}");
  }

  @Test
  void totalIsUnknownAsSoonAsOneQueueIs() {
    var snapshot =
        at(
            NOON,
            queue("a", 1),
            queue("b", 1, Metric.QUEUE_DEPTH, new Unknown("no waiting")),
            queue("c", 1, Metric.QUEUE_DEPTH, new Unknown("none either")));

    assertThat(snapshot.totals().reading(Metric.QUEUE_DEPTH).known()).isEmpty();
    assertThat(snapshot.totals().reading(Metric.JOBS_IN_FLIGHT).known()).hasValue(6);
  }

  @Test
  void everyProblemIsNamedOnceQueueByQueue() {
    var snapshot =
        at(
                NOON,
                new Unknown("no brokers"),
                queue("a", 1, Metric.QUEUE_DEPTH, new Unknown("no waiting")),
                queue("b", 1, Metric.OLDEST_JOB_AGE, new Unknown("no age")))
            .withWorkers(3, 4);

    assertThat(snapshot.problems()).containsExactly("no waiting", "no age", "no brokers");
  }

  @Test
  void absentValueAddsNothingToTheTotal() {
    var absent = queue("a", 1, Metric.OLDEST_JOB_AGE, new Reading.Absent());
    var unknown = queue("b", 1, Metric.OLDEST_JOB_AGE, new Unknown("no age"));

    assertThat(at(NOON, absent).totals().reading(Metric.OLDEST_JOB_AGE))
        .isEqualTo(new Reading.Absent());
    assertThat(at(NOON, absent, queue("b", 1)).totals().reading(Metric.OLDEST_JOB_AGE))
        .isEqualTo(new Known(6.005));
    assertThat(at(NOON, absent, unknown).totals().reading(Metric.OLDEST_JOB_AGE))
        .isEqualTo(new Unknown("no age"));
    assertThat(at(NOON, absent).problems()).isEmpty();
  }

  @Test
  void snapshotThatWasNotReadHasNoFiguresAndNoProblemOfItsOwn() {
    assertThat(Snapshot.unread(NOON).totals().readings()).isEmpty();
    assertThat(Snapshot.unread(NOON).problems()).isEmpty();
  }

  @Test
  void workersAreKnownEvenIfNoQueueWasRead() {
    assertThat(Snapshot.unread(NOON).withWorkers(3, 4).totals().readings())
        .hasToString("{running workers=Known[value=3.0], desired workers=Known[value=4.0]}");
  }

  @Test
  void backlogPerWorkerIsWaitingAndInFlightSharedByTheWorkers() {
    assertThat(perWorker(at(NOON, queue("a", 1), queue("b", 10)), 6)).isEqualTo(new Known(5.5));
  }

  @ParameterizedTest
  @EnumSource(names = {"QUEUE_DEPTH", "JOBS_IN_FLIGHT"})
  void backlogPerWorkerIsUnknownWithoutTheBacklog(Metric half) {
    assertThat(perWorker(at(NOON, queue("a", 1, half, new Unknown("not read"))), 3))
        .isEqualTo(new Unknown("not read"));
  }

  @Test
  void backlogPerWorkerIsKnownWhateverElseIsNot() {
    var queue = unreadable("a").figures();
    var snapshot =
        at(
            NOON,
            new Unknown("no brokers"),
            new QueueSnapshot(
                new QueueName("a"),
                queue
                    .with(Metric.QUEUE_DEPTH, new Known(4))
                    .with(Metric.JOBS_IN_FLIGHT, new Known(2)),
                List.of()));

    assertThat(perWorker(snapshot, 3)).isEqualTo(new Known(2));
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
  void noWorkerCountsAsOne(double backlog, int workers, double expected) {
    assertThat(Figures.backlogPerWorker(backlog, workers)).isEqualTo(expected);
  }

  @Test
  void negativeNumberOfWorkersIsRefused() {
    assertThatThrownBy(() -> Figures.backlogPerWorker(1, -1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("workers must be 0 or more, was -1");
  }

  private static Reading perWorker(Snapshot snapshot, int workers) {
    return snapshot.withWorkers(workers, workers).totals().reading(Metric.BACKLOG_PER_WORKER);
  }
}
