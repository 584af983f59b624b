package so.suna.queuemetrics.scaling;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import so.suna.queuemetrics.scaling.Decision.Reason;
import so.suna.queuemetrics.scaling.TargetTracking.Service;

/**
 * Runs a service minute by minute: a datum, the evaluations, and tasks that start after a while.
 */
final class Driver {

  static final String METRIC = "PerTask";

  final TargetTracking tracking;
  final List<Decision> decisions = new ArrayList<>();
  int running;
  int desired;
  boolean deploying;
  private Instant minute;
  private final Duration toStart;
  private final TreeMap<Instant, Runnable> changes = new TreeMap<>();

  Driver(TargetTracking tracking, int tasks, Instant from, Duration toStart) {
    this.tracking = tracking;
    this.running = tasks;
    this.desired = tasks;
    this.minute = from;
    this.toStart = toStart;
  }

  /** Adds so many tasks as soon as one minute is above the threshold. */
  static ScalingPolicy.Step step(double threshold, Duration cooldown, int tasks) {
    return step(
        threshold, cooldown, new ScalingPolicy.StepAdjustment(0, Double.POSITIVE_INFINITY, tasks));
  }

  static ScalingPolicy.Step step(
      double threshold, Duration cooldown, ScalingPolicy.StepAdjustment... steps) {
    return new ScalingPolicy.Step(
        "burst",
        METRIC,
        new Alarm(Alarm.Comparison.GREATER_THAN, threshold, 1, 1, Alarm.MissingData.MISSING),
        ScalingPolicy.Adjustment.ChangeInCapacity,
        List.of(steps),
        cooldown);
  }

  /** Makes the change before the first evaluation at or after that instant. */
  void at(Instant when, Runnable change) {
    changes.put(when, change);
  }

  /**
   * A datum for each minute, and then the evaluations of the minute that follows.
   *
   * @param values such as {@code 15 0*3}, which is 15 and then three zeros
   */
  void minutes(String values) {
    Stream.of(values.split(" "))
        .map(value -> value.split("\\*"))
        .flatMap(
            value ->
                Collections.nCopies(
                    value.length == 1 ? 1 : Integer.parseInt(value[1]), Double.valueOf(value[0]))
                    .stream())
        .forEach(
            value -> {
              tracking.put(METRIC, minute, value);
              silence(1);
            });
  }

  void silence(int minutes) {
    for (int i = 0; i < minutes; i++) {
      minute = minute.plusSeconds(60);
      Instant end = minute.plusSeconds(60);
      for (Instant at = tracking.nextEvaluation(minute.minusMillis(1));
          at.isBefore(end);
          at = tracking.nextEvaluation(at)) {
        evaluate(at);
      }
    }
  }

  private void evaluate(Instant at) {
    while (!changes.isEmpty() && !changes.firstKey().isAfter(at)) {
      changes.pollFirstEntry().getValue().run();
    }
    for (Decision decision : tracking.evaluate(at, new Service(running, desired, deploying))) {
      decisions.add(decision);
      if (decision.moves()) {
        desired = decision.to();
        running = desired;
        tracking.running(at.plus(toStart), running);
      }
    }
  }

  List<Decision> moves() {
    return decisions.stream().filter(Decision::moves).toList();
  }

  List<Reason> reasons() {
    return decisions.stream().map(Decision::reason).toList();
  }
}
