package so.suna.queuemetrics.scaling;

import java.time.Duration;

/**
 * What AWS does not publish about Application Auto Scaling, each with what the evidence points to.
 *
 * @param capacity what the metric is multiplied by
 * @param datapoint which value a decision takes
 * @param scaleInShare how many tasks one scale-in may remove: one of so many, and one at least
 * @param activity how long a scaling activity lasts at least; the cooldowns begin at its end
 * @param settling no scale-in while tasks start, and for so long after the last one runs
 */
public record Assumptions(
    Capacity capacity,
    Datapoint datapoint,
    int scaleInShare,
    Duration activity,
    Duration settling) {

  public enum Capacity {
    RUNNING,
    DESIRED
  }

  public enum Datapoint {
    LATEST,
    MEAN_OF_BREACHING
  }

  /**
   * Running: github.com/aws/containers-roadmap/issues/525. One task in an action was seen of every
   * fleet of up to 7; a tenth above that is a guess. Activities of 31 to 35 s were seen. In two
   * recordings the low alarm, already in ALARM, was without effect 75 s after the last new task was
   * ready and acted at 91 s; a task is ready 2 to 3 s after it runs.
   */
  public static final Assumptions DEFAULT =
      new Assumptions(
          Capacity.RUNNING, Datapoint.LATEST, 10, Duration.ofSeconds(33), Duration.ofSeconds(85));
}
