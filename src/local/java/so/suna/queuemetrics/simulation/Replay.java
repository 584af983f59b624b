package so.suna.queuemetrics.simulation;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import so.suna.queuemetrics.scaling.Assumptions;
import so.suna.queuemetrics.scaling.Decision;
import so.suna.queuemetrics.scaling.TargetTracking;

/**
 * What a policy would have ordered on a recorded metric. Open loop: the metric stays what it was,
 * whatever is ordered.
 */
final class Replay {

  private static final Duration MINUTE = Duration.ofMinutes(1);
  // One place in the minute, as which one it was is not recorded.
  private static final Duration ALARM_SECOND = Duration.ofSeconds(30);

  private record Start(Instant at, int running) {}

  private Replay() {}

  /**
   * @param minutes values by the beginning of their minute; a minute that is absent is missing data
   * @param workers tasks that run at the beginning
   */
  static List<Decision> of(Policy policy, Map<Instant, Double> minutes, int workers) {
    var scaling = policy.scaling();
    var tracking =
        new TargetTracking(
            scaling.min(),
            scaling.max(),
            scaling.policies(),
            Assumptions.DEFAULT,
            ALARM_SECOND,
            workers);
    var decisions = new ArrayList<Decision>();
    var changes = new PriorityQueue<Start>((a, b) -> a.at().compareTo(b.at()));
    var range = policy.worker().toRunning();
    var toRunning = Duration.ofMillis(Math.round(500 * (range.from() + range.to())));
    int desired = workers;
    int running = workers;
    Instant first = minutes.keySet().iterator().next();
    Instant last = first;
    for (Instant minute : minutes.keySet()) {
      last = minute;
    }
    for (Instant minute = first; !minute.isAfter(last); minute = minute.plus(MINUTE)) {
      Double value = minutes.get(minute);
      for (var each : scaling.policies().stream().filter(Policy::isModelled).toList()) {
        if (value != null) {
          tracking.put(each.metric(), minute, value);
        }
      }
      Instant end = minute.plus(MINUTE).plus(MINUTE);
      for (Instant at = tracking.nextEvaluation(end.minus(MINUTE).minusMillis(1));
          at.isBefore(end);
          at = tracking.nextEvaluation(at)) {
        while (!changes.isEmpty() && !changes.element().at().isAfter(at)) {
          var change = changes.remove();
          running = change.running();
          tracking.running(change.at(), running);
        }
        for (Decision decision :
            tracking.evaluate(at, new TargetTracking.Service(running, desired, false))) {
          decisions.add(decision);
          if (decision.to() > desired) {
            changes.add(new Start(at.plus(toRunning), decision.to()));
          } else if (decision.moves()) {
            changes.clear();
            changes.add(new Start(at, decision.to()));
          }
          desired = decision.to();
        }
      }
    }
    return decisions;
  }
}
