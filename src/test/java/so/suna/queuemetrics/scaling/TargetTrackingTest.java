package so.suna.queuemetrics.scaling;

import static java.time.ZoneOffset.UTC;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.scaling.Decision.Reason;
import so.suna.queuemetrics.scaling.TargetTracking.Service;

class TargetTrackingTest {

  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");

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
  void bringsAServiceBelowTheMinimumBackIntoTheBounds() {
    var tracking =
        new TargetTracking(4, 20, List.of(tracking(10)), Assumptions.DEFAULT, Duration.ZERO, 1);
    for (int minute = 0; minute < 3; minute++) {
      tracking.put(Driver.METRIC, NOON.plusSeconds(60L * minute), 15);
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

  /** Of so many tasks, at a target of 10 and so long a cooldown: when to how many, and why. */
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          adds at the second of the alarm           |  2 |  30 | 15*3       | 12:03:20 3             | AlarmHigh
          never leaves the bounds                   |  2 |  30 | 900*5      | 12:03:20 20            | AlarmHigh AlreadyAtMaxCapacity AlreadyAtMaxCapacity
          # 4 x 15 / 10 = 6, and then 4 x 20 / 10 = 8, not 6 x 20 / 10 = 12.
          counts what it added within the cooldown  |  4 | 300 | 15*4 20 15 | 12:03:20 6, 12:05:20 8 | AlarmHigh AlreadyAtDesiredCapacity AlarmHigh AlreadyAtDesiredCapacity
          # Ordered at 12:03:20, running at :50, so the activity ends at :53 and its cooldown at 12:04:23.
          multiplies again after the cooldown       |  4 |  30 | 15*5       | 12:03:20 6, 12:05:20 9 | AlarmHigh AlreadyAtDesiredCapacity AlarmHigh
          removes nothing within fifteen minutes    |  5 |  30 | 0*14       |                        | ''
          removes one task after fifteen minutes    |  5 |  30 | 0*15       | 12:15:43 4             | AlarmLow
          removes a tenth of a large fleet          | 20 |  30 | 0*15       | 12:15:43 18            | AlarmLow
          # The activity lasts 33 s and the cooldown 300 s from its end: 12:15:43 + 333 s = 12:21:16.
          waits for the cooldown of a scale-in      |  5 |  30 | 0*22       | 12:15:43 4, 12:21:43 3 | AlarmLow ScaleInCooldown ScaleInCooldown ScaleInCooldown ScaleInCooldown ScaleInCooldown AlarmLow ScaleInCooldown
          # 8.5 x 5 / 4 = 10.6, and 8 x 5 / 4 = 10.
          removes nothing if that breaks the target |  5 |  30 | 8.5*15     |                        | AutoScalingAnticipatedFlapping
          removes one once that no longer does      |  5 |  30 | 8.5*15 8   | 12:16:43 4             | AutoScalingAnticipatedFlapping AlarmLow
          leaves the minimum alone                  |  2 |  30 | 0*15       |                        | AlreadyAtMinCapacity
          """)
  void followsItsMetric(
      String what,
      int tasks,
      int cooldown,
      String minutes,
      @Nullable String moves,
      String reasons) {
    var fleet = fleet(tasks, tracking(10, s(cooldown)));
    fleet.minutes(minutes);
    assertThat(fleet.moves().stream().map(TargetTrackingTest::words).collect(joining(", ")))
        .isEqualTo(moves == null ? "" : moves);
    assertThat(fleet.reasons().stream().map(Reason::name).collect(joining(" "))).isEqualTo(reasons);
  }

  private static String words(Decision move) {
    assertThat(move.policy()).isEqualTo("queue");
    return "%s %d".formatted(LocalTime.ofInstant(move.at(), UTC), move.to());
  }

  @Test
  void endsTheCooldownOfScaleInWithAScaleOut() {
    // Longer than the 15 minutes until the low alarm rings again.
    var slow = new ScalingPolicy.Tracking("queue", Driver.METRIC, 10, s(30), s(1_200), true);
    var fleet = fleet(5, slow, Driver.step(20, s(120), 1));
    fleet.minutes("0*15");
    fleet.minutes("30"); // out by the step at once, which also makes the low alarm OK
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(4, 5);
    fleet.minutes("0*15");
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(4, 5, 4);
  }

  @Test
  void doesNotScaleInWhileADeploymentRunsButScalesOut() {
    var fleet = fleet(5, tracking(10));
    fleet.deploying = true;
    fleet.minutes("0*15");
    assertThat(fleet.reasons()).containsExactly(Reason.TargetServicePutResourceAsUnscalable);
    fleet.minutes("15 15 15");
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(8);
  }

  @Test
  void doesNotScaleInRightAfterATaskHasStarted() {
    var fleet = fleet(5, tracking(10));
    fleet.minutes("0*14");
    fleet.tracking.running(NOON.plusSeconds(14 * 60 + 30), 6);
    fleet.running = fleet.desired = 6;
    fleet.minutes("0 0");
    assertThat(fleet.reasons()).containsExactly(Reason.TasksSettling, Reason.AlarmLow);
  }

  @Test
  void scalesInOnlyWhenAllPoliciesThatScaleInAgreeAndToTheLargestCapacity() {
    var other = new ScalingPolicy.Tracking("other", "Other", 10, s(30), s(300), true);
    var atOnce =
        new Assumptions(
            Assumptions.Capacity.RUNNING, Assumptions.Datapoint.LATEST, 1, s(33), s(85));
    var fleet = fleet(20, atOnce, tracking(10), other);
    fleet.minutes("0*15");
    assertThat(fleet.reasons()).containsOnly(Reason.OtherPoliciesDisagree);
    for (int minute = 0; minute < 20; minute++) {
      fleet.tracking.put("Other", NOON.plus(Duration.ofMinutes(15 + minute)), 8.6);
      fleet.minutes("0");
    }
    // The first policy would go to the minimum, the other wants 20 x 8.6 / 10 = 17.2.
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(18);
  }

  @Test
  void aPolicyWithScaleInDisabledHasNoSayInIt() {
    var other = new ScalingPolicy.Tracking("memory", "Other", 90, s(30), s(300), false);
    var fleet = fleet(5, tracking(10), other);
    fleet.minutes("0*15");
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
    var fleet = fleet(5, tracking(10, s(300)));
    fleet.minutes("12");
    fleet.silence(20);
    // X - - is an alarm, documented as premature, and so are X - - - and X - - - -.
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(6);
    assertThat(fleet.tracking.alarms()).containsEntry("queue high", Alarm.State.INSUFFICIENT_DATA);
  }

  @Test
  void averagesTheDatumsOfOneMinute() {
    var fleet = fleet(2, tracking(10));
    fleet.tracking.put(Driver.METRIC, NOON.plusSeconds(59), 25);
    fleet.minutes("5 15 15");
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(3);
  }

  @Test
  void aStepPolicyActsAtItsFirstBreachingMinuteByTheStepOfTheBreach() {
    var fleet =
        fleet(
            4,
            Driver.step(
                20,
                s(120),
                new ScalingPolicy.StepAdjustment(0, 10, 2),
                new ScalingPolicy.StepAdjustment(10, Double.POSITIVE_INFINITY, 6)));
    fleet.minutes("20 25 26 31");
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
            Driver.METRIC,
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
    var fleet = fleet(2, desired, tracking(10));
    fleet.desired = 4; // two of which do not start
    fleet.minutes("15 15 30");
    assertThat(fleet.moves()).extracting(Decision::to).containsExactly(8);
    fleet = fleet(2, Assumptions.DEFAULT, tracking(10));
    fleet.desired = 4;
    fleet.minutes("15 15 30");
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
    return new ScalingPolicy.Tracking("queue", Driver.METRIC, target, out, s(300), true);
  }

  /** Of 2 to 20 tasks that start or stop 30 s after they are ordered; its first alarm is at :20. */
  private static Driver fleet(int tasks, ScalingPolicy... policies) {
    return fleet(tasks, Assumptions.DEFAULT, policies);
  }

  private static Driver fleet(int tasks, Assumptions assumptions, ScalingPolicy... policies) {
    var tracking = new TargetTracking(2, 20, List.of(policies), assumptions, s(20), tasks);
    return new Driver(tracking, tasks, NOON, s(30));
  }

  private static Duration s(long seconds) {
    return Duration.ofSeconds(seconds);
  }

  private static Instant at(String time) {
    return Instant.parse("2026-01-01T" + time + "Z");
  }
}
