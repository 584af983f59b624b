package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FleetTest {

  private static final Worker.Range AT_ONCE = new Worker.Range(0, 0);
  private static final Worker.Range START = new Worker.Range(30, 30);

  private final Timeline timeline = new Timeline();
  private final List<Job> jobs = new ArrayList<>();

  /** Measured with Dramatiq 1.18.0: a second worker, up for 7 s, started none of the eight. */
  @Test
  void aProcessHoldsTwiceItsThreadsWhileANewOneIsIdle() {
    Fleet fleet = running(1, worker(1, 4, 8));
    send(fleet, 8, 15);
    fleet.desire(2);
    timeline.runUntil(0);
    assertThat(fleet.waiting()).isZero();
    assertThat(fleet.inFlight()).isEqualTo(8);
    timeline.runUntil(100);
    assertThat(waits()).containsExactly(0., 0., 0., 0., 15., 15., 15., 15.);
  }

  /** Measured likewise: with a prefetch of 4 the second worker took four at once. */
  @Test
  void aNewWorkerTakesWhatNobodyHasFetchedAhead() {
    Fleet fleet = running(2, worker(1, 4, 4));
    send(fleet, 8, 15);
    timeline.runUntil(100);
    assertThat(waits()).containsOnly(0.);
  }

  @Test
  void aTaskRunsAfterItsStartAndFetchesAWhileLater() {
    var worker = new Worker(1, 4, 8, START, new Worker.Range(2, 2), 30, false, 0);
    var seen = new ArrayList<String>();
    var fleets = new ArrayList<Fleet>();
    fleets.add(
        new Fleet(
            timeline,
            worker,
            new SplittableRandom(1),
            () -> seen.add(fleets.getFirst().running() + " at " + timeline.now())));
    Fleet fleet = fleets.getFirst();
    fleet.desire(1);
    send(fleet, 1, 10);
    timeline.runUntil(100);
    assertThat(seen).containsExactly("1 at 30.0");
    assertThat(waits()).containsExactly(32.);
  }

  @Test
  void aStoppedTaskFinishesWhatRunsAndThenGivesBackWhatItFetchedAhead() {
    Fleet fleet = running(1, worker(1, 4, 8));
    send(fleet, 6, 20);
    timeline.runUntil(5);
    fleet.desire(0);
    assertThat(fleet.running()).isZero();
    timeline.runUntil(19);
    assertThat(fleet.inFlight()).isEqualTo(6);
    timeline.runUntil(21);
    assertThat(fleet.waiting()).isEqualTo(2);
    assertThat(fleet.killed()).isZero();
    timeline.runUntil(1_000);
    assertThat(finished()).isEqualTo(4);
    assertThat(fleet.bill()).isEqualTo(20);
  }

  @Test
  void whatRunsAtTheStopTimeoutIsKilledAndDeliveredAgainOnceTheHeartbeatIsMissed() {
    Fleet fleet = running(1, worker(1, 4, 8));
    send(fleet, 6, 100);
    timeline.runUntil(1);
    fleet.desire(0);
    timeline.runUntil(30.9);
    assertThat(fleet.killed()).isZero();
    timeline.runUntil(31);
    assertThat(fleet.killed()).isEqualTo(4);
    assertThat(fleet.stranded()).isEqualTo(2);
    fleet.desire(1);
    assertThat(fleet.inFlight()).as("the broker does not know yet").isEqualTo(6);
    timeline.runUntil(90.9);
    assertThat(fleet.waiting()).isZero();
    timeline.runUntil(5_000);
    assertThat(finished()).isEqualTo(6);
    assertThat(fleet.inFlight()).isZero();
    assertThat(jobs.stream().filter(job -> job.run > 0)).allMatch(job -> job.waited() > 90);
  }

  @Test
  void aProtectedTaskIsStoppedOnlyOnceItIsIdle() {
    Fleet fleet = running(1, worker(1, 4, 4).withProtection(true));
    send(fleet, 1, 100);
    timeline.runUntil(1);
    fleet.desire(0);
    timeline.runUntil(104);
    assertThat(fleet.running()).isOne();
    timeline.runUntil(106);
    assertThat(fleet.running()).isZero();
    assertThat(fleet.killed()).isZero();
    assertThat(finished()).isOne();
  }

  @Test
  void anIdleTaskIsStoppedRatherThanAProtectedOne() {
    for (long seed = 0; seed < 10; seed++) {
      var line = new Timeline();
      var fleet =
          new Fleet(
              line, worker(1, 1, 1).withProtection(true), new SplittableRandom(seed), () -> {});
      fleet.begin(3);
      var job = new Job(0, 100);
      fleet.send(job);
      line.runUntil(1);
      fleet.desire(1);
      line.runUntil(200);
      assertThat(job.finished).isEqualTo(100);
    }
  }

  @Test
  void aTaskThatHasNotStartedYetIsStoppedFirst() {
    Fleet fleet = running(1, worker(1, 4, 8));
    fleet.desire(3);
    timeline.runUntil(10);
    fleet.desire(1);
    timeline.runUntil(100);
    assertThat(fleet.running()).isOne();
    assertThat(fleet.bill()).isEqualTo(100 + 2 * 10);
  }

  @Test
  void aDeploymentStopsAnOldTaskForEachNewOneThatRuns() {
    Fleet fleet = running(3, worker(1, 1, 1));
    send(fleet, 3, 20);
    timeline.runUntil(10);
    fleet.deploy();
    timeline.runUntil(39.9);
    assertThat(fleet.deploying()).isTrue();
    assertThat(fleet.running()).isEqualTo(3);
    timeline.runUntil(40.1);
    assertThat(fleet.deploying()).isFalse();
    assertThat(fleet.running()).isEqualTo(3);
    assertThat(fleet.bill()).isCloseTo(3 * 40 + 3 * 30.1, within(1e-6));
    send(fleet, 3, 20);
    timeline.runUntil(100);
    assertThat(waits()).containsOnly(0.);
  }

  @Test
  void aDeploymentWaitsForAProtectedTask() {
    Fleet fleet = running(1, worker(1, 1, 1).withProtection(true));
    send(fleet, 1, 100);
    timeline.runUntil(1);
    fleet.deploy();
    timeline.runUntil(104);
    assertThat(fleet.deploying()).isTrue();
    assertThat(fleet.running()).isEqualTo(2);
    timeline.runUntil(106);
    assertThat(fleet.deploying()).isFalse();
    assertThat(fleet.running()).isOne();
    assertThat(fleet.killed()).isZero();
  }

  @Test
  void theAgeIsThatOfTheOlderEnd() {
    Fleet fleet = fleet(worker(1, 1, 1));
    timeline.runUntil(60);
    fleet.send(new Job(50, 1));
    fleet.send(new Job(10, 1)); // Given back: old, and at the tail.
    assertThat(fleet.oldestAge()).isEqualTo(50);
  }

  @Test
  void idleProcessesPauseAsDramatiqDoes() {
    var worker = new Worker(1, 1, 1, AT_ONCE, AT_ONCE, 30, false, 1);
    Fleet fleet = running(1, worker);
    for (int i = 0; i < 10_000; i++) {
      timeline.runUntil(100 * (i + 1));
      send(fleet, 1, 1);
    }
    timeline.runUntil(2e6);
    // What is left of a pause between 0.5 and 1 s: E(pause squared) / (2 E(pause)) = 0.389 s.
    assertThat(waits().stream().mapToDouble(d -> d).average().orElseThrow()).isBetween(0.38, 0.40);
    assertThat(waits()).allMatch(wait -> wait <= 1);
  }

  private Fleet fleet(Worker worker) {
    return new Fleet(timeline, worker, new SplittableRandom(1), () -> {});
  }

  private Fleet running(int tasks, Worker worker) {
    Fleet fleet = fleet(worker);
    fleet.begin(tasks);
    return fleet;
  }

  private static Worker worker(int processes, int threads, int prefetch) {
    return new Worker(processes, threads, prefetch, START, AT_ONCE, 30, false, 0);
  }

  private void send(Fleet fleet, int count, double duration) {
    IntStream.range(0, count)
        .mapToObj(_ -> new Job(timeline.now(), duration))
        .forEach(
            job -> {
              jobs.add(job);
              fleet.send(job);
            });
  }

  private List<Double> waits() {
    return jobs.stream().map(Job::waited).toList();
  }

  private long finished() {
    return jobs.stream().filter(Job::isFinished).count();
  }
}
