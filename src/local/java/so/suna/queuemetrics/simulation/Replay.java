package so.suna.queuemetrics.simulation;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import so.suna.queuemetrics.scaling.Assumptions;
import so.suna.queuemetrics.scaling.Decision;
import so.suna.queuemetrics.scaling.TargetTracking;

/**
 * What a policy would have ordered on a recorded metric. Open loop: the metric stays what it was,
 * whatever is ordered.
 */
final class Replay {

  // One place in the minute, since the recording does not tell which one it was.
  private static final Duration ALARM_SECOND = Duration.ofSeconds(30);

  private final Policy policy;
  private final SortedMap<Instant, Double> minutes;
  private final TargetTracking tracking;
  private final Timeline timeline = new Timeline();
  private final List<Decision> decisions = new ArrayList<>();
  private int desired;
  private int running;

  private Replay(Policy policy, SortedMap<Instant, Double> minutes, int workers) {
    this.policy = policy;
    this.minutes = minutes;
    var scaling = policy.scaling();
    tracking =
        new TargetTracking(
            scaling.min(),
            scaling.max(),
            scaling.policies(),
            Assumptions.DEFAULT,
            ALARM_SECOND,
            workers);
    desired = workers;
    running = workers;
  }

  /**
   * @param minutes values by the beginning of their minute; a minute that is absent is missing data
   * @param workers tasks that run at the beginning
   */
  static List<Decision> of(Policy policy, SortedMap<Instant, Double> minutes, int workers) {
    var replay = new Replay(policy, minutes, workers);
    replay.minutes.forEach(
        (minute, value) -> replay.timeline.at(replay.seconds(minute), () -> replay.put(minute)));
    // A minute counts once it is complete.
    replay.evaluateAfter(minutes.firstKey().plusSeconds(Simulation.MINUTE).minusMillis(1));
    replay.timeline.runUntil(replay.seconds(minutes.lastKey()) + 2 * Simulation.MINUTE - 0.001);
    return replay.decisions;
  }

  private void put(Instant minute) {
    for (var each : policy.scaling().policies()) {
      if (!Policy.isPredefined(each)) {
        tracking.put(each.metric(), minute, minutes.getOrDefault(minute, Double.NaN));
      }
    }
  }

  private void evaluateAfter(Instant before) {
    Instant at = tracking.nextEvaluation(before);
    timeline.at(
        seconds(at),
        () -> {
          for (Decision decision :
              tracking.evaluate(at, new TargetTracking.Service(running, desired, false))) {
            decisions.add(decision);
            if (decision.moves()) {
              move(decision);
            }
          }
          evaluateAfter(at);
        });
  }

  /** Tasks stop at once and start in the mean time that they take. */
  private void move(Decision decision) {
    desired = decision.to();
    var start = policy.worker().toRunning();
    double seconds = decision.to() < running ? 0 : (start.from() + start.to()) / 2;
    timeline.in(
        seconds,
        () -> {
          running = Math.min(decision.to(), desired);
          tracking.running(decision.at().plusMillis(Math.round(seconds * 1_000)), running);
        });
  }

  private double seconds(Instant at) {
    return (at.toEpochMilli() - minutes.firstKey().toEpochMilli()) / 1_000.0;
  }
}
