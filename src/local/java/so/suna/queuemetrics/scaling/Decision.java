package so.suna.queuemetrics.scaling;

import java.time.Instant;

/**
 * What Application Auto Scaling makes of one alarm in state ALARM.
 *
 * @param from desired tasks before
 * @param to desired tasks after; the same where nothing moves
 * @param policy name of the policy whose alarm it was
 */
public record Decision(Instant at, int from, int to, String policy, Reason reason) {

  /**
   * Why. The first three name the alarm that moved the service, as a scaling activity's cause does.
   * The next five are AWS's own <a
   * href="https://docs.aws.amazon.com/autoscaling/application/APIReference/API_NotScaledReason.html">codes
   * of activities that did not scale</a>; for the last three AWS records no activity at all.
   */
  public enum Reason {
    AlarmHigh("alarm high in state ALARM triggered the policy"),
    AlarmLow("alarm low in state ALARM triggered the policy"),
    StepAlarm("the alarm of a step policy in state ALARM triggered it"),
    AutoScalingAnticipatedFlapping("one task fewer would bring the metric back above the target"),
    TargetServicePutResourceAsUnscalable("a deployment is in progress"),
    AlreadyAtMaxCapacity("the service has as many tasks as it may have"),
    AlreadyAtMinCapacity("the service has as few tasks as it may have"),
    AlreadyAtDesiredCapacity("the capacity that the policy asks for is there or has been ordered"),
    ScaleInCooldown("the last scale-in is too recent"),
    TasksSettling("tasks are starting, or the last start is too recent"),
    OtherPoliciesDisagree("another policy with scale-in enabled does not agree");

    private final String meaning;

    Reason(String meaning) {
      this.meaning = meaning;
    }

    public String meaning() {
      return meaning;
    }
  }

  public boolean moves() {
    return from != to;
  }

  /** A move's cause as a scaling activity words it, or else the code of its not scaled reason. */
  public String cause() {
    String alarm = reason == Reason.StepAlarm ? policy : "TargetTracking-" + reason;
    return moves()
        ? "monitor alarm %s in state ALARM triggered policy %s".formatted(alarm, policy)
        : reason.name();
  }
}
