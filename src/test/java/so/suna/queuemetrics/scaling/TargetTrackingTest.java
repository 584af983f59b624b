package so.suna.queuemetrics.scaling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.scaling.Decision.Reason;
import so.suna.queuemetrics.scaling.TargetTracking.Service;

class TargetTrackingTest {

  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");
  private static final String METRIC = "BacklogPerWorker";

  @Test
  void scalesOutAtTheSecondOfTheAlarmOnceThreeCompleteMinutesAreAboveTheTarget() {
    var fleet = new Driver(2, tracking(10));
    fleet.minutes(15, 15, 15);
    assertThat(fleet.moves())
        .containsExactly(new Decision(at("12:03:20"), 2, 3, "queue", Reason.AlarmHigh));
  }

  /**
   * <a
   * href="https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html">
   * Documented</a>: a change of 1.5 becomes 2 when it adds, and 0.5 becomes 0 when it removes. The
   * third is the example of the SQS guide, the others its formula at its borders.
   */
  @ParameterizedTest
  @CsvSource({
    "2, 10, 17.5, 4",
    "4, 10, 8.75, 4",
    "10, 100, 150, 15",
    "3, 10, 10.000001, 4",
    "7, 75, 691, 65",
    "1, 0.7, 0.7, 1"
  })
  void roundsTheCapacityUp(int capacity, double target, double metric, int wanted) {
    assertThat(tracking(target).wanted(capacity, metric)).isEqualTo(wanted);
  }

  @Test
  void countsNoTaskAsOne() {
    assertThat(tracking(10).wanted(0, 25)).isEqualTo(3);
    assertThat(tracking(10).wanted(0, 0)).isZero();
  }

  @Test
  void neverLeavesTheBounds() {
    var fleet = new Driver(2, tracking(10));
    fleet.minutes(900, 900, 900, 900, 900);
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(20);
    assertThat(fleet.reasons()).endsWith(Reason.AlreadyAtMaxCapacity);
  }

  @Test
  void bringsAServiceBelowTheMinimumBackIntoTheBounds() {
    var tracking =
        new TargetTracking(4, 20, List.of(tracking(10)), Assumptions.DEFAULT, Duration.ZERO, 1);
    for (int minute = 0; minute < 3; minute++) {
      tracking.put(METRIC, NOON.plusSeconds(60L * minute), 15);
    }
    assertThat(tracking.evaluate(at("12:03:00"), new Service(1, 1, false)))
        .extracting(Decision::to)
        .containsExactly(4);
  }

  @Test
  void namesTheAlarmThatMovedTheService() {
    assertThat(new Decision(NOON, 2, 3, "queue", Reason.AlarmHigh).cause())
        .isEqualTo("monitor alarm TargetTracking-AlarmHigh in state ALARM triggered policy queue");
    assertThat(new Decision(NOON, 2, 4, "burst", Reason.StepAlarm).cause())
        .isEqualTo("monitor alarm burst in state ALARM triggered policy burst");
    assertThat(new Decision(NOON, 2, 2, "queue", Reason.AlreadyAtMinCapacity).cause())
        .isEqualTo("AlreadyAtMinCapacity");
  }

  @Test
  void countsWhatWasAddedWithinTheCooldown() {
    var fleet = new Driver(4, tracking(10, Duration.ofMinutes(5)));
    fleet.minutes(15, 15, 15, 15, 20, 15);
    // 4 x 15 / 10 = 6, and then 4 x 20 / 10 = 8, not 6 x 20 / 10 = 12.
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(6, 8);
    assertThat(fleet.reasons())
        .containsExactly(
            Reason.AlarmHigh,
            Reason.AlreadyAtDesiredCapacity,
            Reason.AlarmHigh,
            Reason.AlreadyAtDesiredCapacity);
  }

  @Test
  void multipliesAgainOnceTheCooldownIsOver() {
    var fleet = new Driver(4, tracking(10, Duration.ofSeconds(30)));
    fleet.minutes(15, 15, 15, 15);
    // Ordered at 12:03:20, running at :50, so the activity ends at :53 and its cooldown at
    // 12:04:23.
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(6);
    fleet.minutes(15);
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(6, 9);
  }

  @Test
  void removesOneTaskAfterFifteenMinutesBelowNineTenths() {
    var fleet = new Driver(5, tracking(10));
    fleet.minutes(repeat(14, 0));
    assertThat(fleet.moves()).isEmpty();
    fleet.minutes(0);
    assertThat(fleet.moves())
        .containsExactly(new Decision(at("12:15:43"), 5, 4, "queue", Reason.AlarmLow));
  }

  @Test
  void removesATenthOfALargeFleet() {
    var fleet = new Driver(20, tracking(10));
    fleet.minutes(repeat(15, 0));
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(18);
  }

  @Test
  void removesNothingWhereTheMetricWouldRiseAboveTheTarget() {
    var fleet = new Driver(5, tracking(10));
    fleet.minutes(repeat(15, 8.5)); // 8.5 x 5 / 4 = 10.6
    assertThat(fleet.moves()).isEmpty();
    assertThat(fleet.reasons()).containsExactly(Reason.AutoScalingAnticipatedFlapping);
    fleet.minutes(8); // 8 x 5 / 4 = 10
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(4);
  }

  @Test
  void waitsForTheCooldownBetweenTwoScaleIns() {
    var fleet = new Driver(5, tracking(10));
    fleet.minutes(repeat(22, 0));
    // The activity lasts 33 s and the cooldown 300 s from its end: 12:15:43 + 333 s = 12:21:16.
    assertThat(fleet.moves())
        .extracting(Decision::at)
        .containsExactly(at("12:15:43"), at("12:21:43"));
    assertThat(fleet.reasons()).contains(Reason.ScaleInCooldown);
  }

  @Test
  void endsTheCooldownOfScaleInWithAScaleOut() {
    var fleet = new Driver(5, tracking(10), step(20, 1));
    fleet.minutes(repeat(15, 0));
    fleet.minutes(30); // out by the step at once, which also makes the low alarm OK
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(4, 5);
    fleet.minutes(repeat(15, 0));
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(4, 5, 4);
  }

  @Test
  void leavesTheMinimumAlone() {
    var fleet = new Driver(2, tracking(10));
    fleet.minutes(repeat(15, 0));
    assertThat(fleet.moves()).isEmpty();
    assertThat(fleet.reasons()).containsExactly(Reason.AlreadyAtMinCapacity);
  }

  @Test
  void doesNotScaleInWhileADeploymentRunsButScalesOut() {
    var fleet = new Driver(5, tracking(10));
    fleet.deploying = true;
    fleet.minutes(repeat(15, 0));
    assertThat(fleet.reasons()).containsExactly(Reason.TargetServicePutResourceAsUnscalable);
    fleet.minutes(15, 15, 15);
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(8);
  }

  @Test
  void doesNotScaleInRightAfterATaskHasStarted() {
    var fleet = new Driver(5, tracking(10));
    fleet.minutes(repeat(14, 0));
    fleet.tracking.running(NOON.plusSeconds(14 * 60 + 30), 6);
    fleet.running = fleet.desired = 6;
    fleet.minutes(0, 0);
    assertThat(fleet.reasons()).containsExactly(Reason.TasksSettling, Reason.AlarmLow);
  }

  @Test
  void scalesInOnlyWhenAllPoliciesThatScaleInAgreeAndToTheLargestCapacity() {
    var other = new ScalingPolicy.Tracking("other", "Other", 10, s(30), s(300), true);
    var atOnce =
        new Assumptions(
            Assumptions.Capacity.RUNNING, Assumptions.Datapoint.LATEST, 1, s(33), s(85));
    var fleet = new Driver(20, atOnce, tracking(10), other);
    fleet.minutes(repeat(15, 0));
    assertThat(fleet.reasons()).containsOnly(Reason.OtherPoliciesDisagree);
    for (int minute = 0; minute < 20; minute++) {
      fleet.tracking.put("Other", NOON.plus(Duration.ofMinutes(15 + minute)), 8.6);
      fleet.minutes(0);
    }
    // The first policy would go to the minimum, the other wants 20 x 8.6 / 10 = 17.2.
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(18);
  }

  @Test
  void aPolicyWithScaleInDisabledHasNoSayInIt() {
    var other = new ScalingPolicy.Tracking("memory", "Other", 90, s(30), s(300), false);
    var fleet = new Driver(5, tracking(10), other);
    fleet.minutes(repeat(15, 0));
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(4);
    assertThat(fleet.tracking.alarms())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "queue high", Alarm.State.OK,
                "queue low", Alarm.State.ALARM,
                "memory high", Alarm.State.INSUFFICIENT_DATA));
  }

  @Test
  void doesNothingOnceNoDatumComes() {
    var fleet = new Driver(5, tracking(10, s(300)));
    fleet.minutes(12);
    fleet.silence(20);
    // X - - is an alarm, documented as premature, and so are X - - - and X - - - -.
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(6);
    assertThat(fleet.tracking.alarms()).containsEntry("queue high", Alarm.State.INSUFFICIENT_DATA);
  }

  @Test
  void averagesTheDatumsOfOneMinute() {
    var fleet = new Driver(2, tracking(10));
    fleet.tracking.put(METRIC, NOON.plusSeconds(59), 25);
    fleet.minutes(5, 15, 15);
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(3);
  }

  @Test
  void aStepPolicyActsAtItsFirstBreachingMinuteByTheStepOfTheBreach() {
    var fleet = new Driver(4, step(20, 2, 6));
    fleet.minutes(20, 25, 26, 31);
    // 25 and 26 are less than 10 above the threshold, 31 is more: 4 + 6, of which 2 are there.
    assertThat(fleet.moves())
        .containsExactly(
            new Decision(at("12:02:20"), 4, 6, "burst", Reason.StepAlarm),
            new Decision(at("12:04:20"), 6, 10, "burst", Reason.StepAlarm));
  }

  @ParameterizedTest
  @CsvSource({
    "ChangeInCapacity, 10, 3, 13",
    "ExactCapacity, 10, 3, 3",
    "PercentChangeInCapacity, 10, 27, 12",
    "PercentChangeInCapacity, 4, 20, 5",
    "PercentChangeInCapacity, 12, 100, 24"
  })
  void aStepAdjustsAsItsTypeSays(
      ScalingPolicy.Adjustment adjustment, int capacity, int by, int wanted) {
    var policy =
        new ScalingPolicy.Step(
            "burst",
            METRIC,
            new Alarm(Alarm.Comparison.GREATER_THAN, 20, 1, 1, Alarm.MissingData.MISSING),
            adjustment,
            List.of(new ScalingPolicy.StepAdjustment(0, Double.POSITIVE_INFINITY, by)),
            s(60));
    assertThat(policy.wanted(capacity, 21)).isEqualTo(wanted);
    assertThat(policy.wanted(capacity, 19)).isEqualTo(capacity);
  }

  @Test
  void multipliesWhatItIsToldTo() {
    var desired =
        new Assumptions(
            Assumptions.Capacity.DESIRED,
            Assumptions.Datapoint.MEAN_OF_BREACHING,
            10,
            s(33),
            s(85));
    var fleet = new Driver(2, desired, tracking(10));
    fleet.desired = 4; // two of which do not start
    fleet.minutes(15, 15, 30);
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(8);
    fleet = new Driver(2, Assumptions.DEFAULT, tracking(10));
    fleet.desired = 4;
    fleet.minutes(15, 15, 30);
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(6);
  }

  @Test
  void refusesBoundsThatApplicationAutoScalingRefuses() {
    assertThatThrownBy(
            () ->
                new TargetTracking(
                    3, 2, List.of(tracking(10)), Assumptions.DEFAULT, Duration.ZERO, 2))
        .hasMessage("min must be 0 to max, was 3 with max 2");
    assertThatThrownBy(() -> tracking(0)).hasMessage("target must be above 0, was 0.0");
  }

  private static ScalingPolicy.Tracking tracking(double target) {
    return tracking(target, s(30));
  }

  private static ScalingPolicy.Tracking tracking(double target, Duration out) {
    return new ScalingPolicy.Tracking("queue", METRIC, target, out, s(300), true);
  }

  /** Steps of 10 above the threshold. */
  private static ScalingPolicy.Step step(double threshold, int... by) {
    var steps = new ArrayList<ScalingPolicy.StepAdjustment>();
    for (int i = 0; i < by.length; i++) {
      double to = i + 1 < by.length ? 10.0 * (i + 1) : Double.POSITIVE_INFINITY;
      steps.add(new ScalingPolicy.StepAdjustment(10.0 * i, to, by[i]));
    }
    return new ScalingPolicy.Step(
        "burst",
        METRIC,
        new Alarm(Alarm.Comparison.GREATER_THAN, threshold, 1, 1, Alarm.MissingData.MISSING),
        ScalingPolicy.Adjustment.ChangeInCapacity,
        steps,
        s(120));
  }

  private static Duration s(long seconds) {
    return Duration.ofSeconds(seconds);
  }

  private static double[] repeat(int minutes, double value) {
    double[] values = new double[minutes];
    java.util.Arrays.fill(values, value);
    return values;
  }

  private static Instant at(String time) {
    return Instant.parse("2026-01-01T" + time + "Z");
  }

  /**
   * A service of 2 to 20 tasks that start or stop 30 s after they are ordered; first alarm at :20.
   */
  private static final class Driver {
    final TargetTracking tracking;
    final List<Decision> decisions = new ArrayList<>();
    int running;
    int desired;
    boolean deploying;
    private Instant minute = NOON;

    Driver(int tasks, ScalingPolicy... policies) {
      this(tasks, Assumptions.DEFAULT, policies);
    }

    Driver(int tasks, Assumptions assumptions, ScalingPolicy... policies) {
      running = tasks;
      desired = tasks;
      tracking = new TargetTracking(2, 20, List.of(policies), assumptions, s(20), tasks);
    }

    /** A datum for each minute, and then the evaluations of the minute that follows. */
    void minutes(double... values) {
      for (double value : values) {
        tracking.put(METRIC, minute, value);
        pass();
      }
    }

    void silence(int minutes) {
      for (int i = 0; i < minutes; i++) {
        pass();
      }
    }

    private void pass() {
      minute = minute.plus(s(60));
      Instant end = minute.plus(s(60));
      for (Instant at = tracking.nextEvaluation(minute.minusMillis(1));
          at.isBefore(end);
          at = tracking.nextEvaluation(at)) {
        for (Decision decision : tracking.evaluate(at, new Service(running, desired, deploying))) {
          decisions.add(decision);
          if (decision.moves()) {
            desired = decision.to();
            running = desired;
            tracking.running(at.plus(s(30)), running);
          }
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
}
