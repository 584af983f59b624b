package so.suna.queuemetrics.scaling;

import java.time.Duration;
import java.util.List;

/** A scaling policy of one service, after {@code AWS::ApplicationAutoScaling::ScalingPolicy}. */
public sealed interface ScalingPolicy {

  String name();

  /** The name under which its datums are {@linkplain TargetTracking#put given}. */
  String metric();

  Duration scaleOutCooldown();

  /**
   * Tasks that a service of {@code capacity} tasks wants at this datapoint, without regard to
   * bounds.
   */
  int wanted(int capacity, double datapoint);

  /**
   * Target tracking. Its alarms are those seen of ECS services: 3 of 3 above the target, 15 of 15
   * below 0.9 of it (high and low of 50/45, 70/63, 75/67.5 and 80/72 in published recordings).
   *
   * @param scalesIn false for {@code DisableScaleIn}
   */
  record Tracking(
      String name,
      String metric,
      double target,
      Duration scaleOutCooldown,
      Duration scaleInCooldown,
      boolean scalesIn)
      implements ScalingPolicy {

    public Tracking {
      if (!(target > 0)) {
        throw new IllegalArgumentException("target must be above 0, was " + target);
      }
    }

    // Rounding up must not make 4 tasks of 3.0000000000000004.
    private static final double ROUNDING = 1e-9;

    /**
     * capacity x metric / target, rounded up. No task counts as one, else nothing would come of
     * nothing.
     */
    @Override
    public int wanted(int capacity, double datapoint) {
      return (int) Math.ceil(Math.max(1, capacity) * datapoint / target - ROUNDING);
    }

    Alarm high() {
      return Alarm.ofTracking(Alarm.Comparison.GREATER_THAN, target, 3);
    }

    Alarm low() {
      return Alarm.ofTracking(Alarm.Comparison.LESS_THAN, 0.9 * target, 15);
    }
  }

  /** Step scaling on an alarm of its own, which only adds tasks. */
  record Step(
      String name,
      String metric,
      Alarm alarm,
      Adjustment adjustment,
      List<StepAdjustment> steps,
      Duration scaleOutCooldown)
      implements ScalingPolicy {

    public Step {
      steps = List.copyOf(steps);
    }

    @Override
    public int wanted(int capacity, double datapoint) {
      double above = datapoint - alarm.threshold();
      return steps.stream()
          .filter(step -> step.from() <= above && above < step.to())
          .mapToInt(step -> adjustment.of(capacity, step.by()))
          .findFirst()
          .orElse(capacity);
    }
  }

  /**
   * @param from distance from the alarm's threshold at which the step begins
   * @param to where it ends, infinite for the last
   * @param by tasks or percent
   */
  record StepAdjustment(double from, double to, int by) {}

  /** {@code AdjustmentType}. */
  enum Adjustment {
    ChangeInCapacity,
    PercentChangeInCapacity,
    ExactCapacity;

    private int of(int capacity, int by) {
      return switch (this) {
        case ChangeInCapacity -> capacity + by;
        // "Values greater than 1 are rounded down, values between 0 and 1 are rounded to 1":
        // https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
        case PercentChangeInCapacity -> capacity + Math.max(1, capacity * by / 100);
        case ExactCapacity -> by;
      };
    }
  }
}
