package so.suna.queuemetrics.scaling;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.scaling.TargetTracking.Service;

/**
 * What published recordings of real accounts show. Those called SIT314 are the scaling activities
 * and CloudWatch output in github.com/lorenzodarioben-lgtm,
 * Scalable-Multimodal-IoT-Public-Transport-Monitoring-System at 6707c69, artifacts/hd-aws-runs and
 * docs/DISTINCTION_FINAL_RESULTS.md: an ECS service on Fargate of 1 to 5 tasks, a metric of visible
 * messages per running task, and a step policy of 4 tasks on an alarm above 75, 1 of 1 minute.
 */
class RecordingsTest {

  private static final String DAY = "2026-09-23T";

  @Test
  void aStepOnAnAlarmOfOneMinuteIsOrderedInTheMinuteAfterTheBreach() {
    // SIT314, sudden burst: minutes from 22:05:00, and the request at 22:11:45.530.
    double[] metric = {0, 0, 0, 0, 20, 331, 691, 0, 0, 3.6, 0, 0, 0};
    var moves = replay("22:05:00", metric, 1, second("45.530"), List.of(burst()), List.of());
    assertThat(moves)
        .containsExactly(
            new Decision(at("22:11:45.530"), 1, 5, "burst", Decision.Reason.StepAlarm));
  }

  @Test
  void theFirstBreachingMinuteIsEnough() {
    // SIT314, fast alarm: the minute 10:51 breached first, alarm at 10:52:02.284, request at .512.
    var moves =
        replay(
            "10:50:00",
            new double[] {0, 100, 192},
            1,
            second("2.284"),
            List.of(burst()),
            List.of());
    assertThat(moves.getFirst().at()).isBetween(at("10:52:02.284"), at("10:52:02.512"));
  }

  /** SIT314: five actions of one alarm within three hours, 39 ms apart in their minutes. */
  @ParameterizedTest
  @ValueSource(
      strings = {"19:58:45.554", "20:47:45.530", "21:38:45.569", "22:11:45.530", "22:51:45.567"})
  void anAlarmIsEvaluatedAtOneSecondOfTheMinute(String recorded) {
    var tracking =
        new TargetTracking(1, 5, List.of(burst()), Assumptions.DEFAULT, second("45.550"), 1);
    Instant next = tracking.nextEvaluation(at(recorded).minusSeconds(30));
    assertThat(Duration.between(at(recorded), next).abs()).isLessThan(Duration.ofMillis(39));
  }

  /**
   * SIT314: target 75, cooldown of scale-in 180 s. The low alarm (67.5) was in ALARM long before
   * somebody else raised the desired count.
   */
  @ParameterizedTest
  @CsvSource({
    "21:15:30, 5, 21:16:33, 21:18:48.837, 48.837",
    "21:54:54.611, 3, 21:55:17.9, 21:56:48.854, 48.854"
  })
  void aScaleInWaitsUntilNewTasksHaveSettledAndRemovesOne(
      String raised, int tasks, String ready, String scaledIn, String second) {
    var policy =
        new ScalingPolicy.Tracking(
            "tracking", "PerTask", 75, Duration.ofSeconds(60), Duration.ofSeconds(180), true);
    Instant first = at(raised).minus(Duration.ofMinutes(20));
    double[] metric = new double[26];
    var moves =
        replay(
            first.toString().substring(11, 19),
            metric,
            1,
            // The low alarm is the second one, 23 s after the first.
            second(second).minusSeconds(23),
            List.of(policy),
            // Ready 2 to 3 s after it runs.
            List.of(new Raise(at(raised), tasks, at(ready).minusMillis(2_500))));
    assertThat(moves.getFirst())
        .isEqualTo(
            new Decision(at(scaledIn), tasks, tasks - 1, "tracking", Decision.Reason.AlarmLow));
  }

  @Test
  void withoutACooldownScaleInsFollowEachOtherByAMinute() {
    // An EC2 group of 2018, which knows no cooldown of scale-in: 4 to 3 at 09:05:25, to 2 at
    // 09:06:24.
    var policy =
        new ScalingPolicy.Tracking("tracking", "PerTask", 20, Duration.ZERO, Duration.ZERO, true);
    var moves = replay("08:48:00", new double[20], 4, second("2"), List.of(policy), List.of());
    assertThat(moves).extracting(Decision::to).startsWith(3, 2);
    assertThat(Duration.between(moves.get(0).at(), moves.get(1).at()))
        .isBetween(Duration.ofSeconds(59), Duration.ofSeconds(61));
  }

  @Test
  void aLargeBacklogIsAnsweredInOneStep() {
    // ECS behind a load balancer: 2 to 6, later 6 to 5 and so on, one by one.
    var policy =
        new ScalingPolicy.Tracking(
            "tracking", "PerTask", 10, Duration.ofSeconds(300), Duration.ofSeconds(60), true);
    double[] metric = new double[30];
    metric[0] = metric[1] = metric[2] = 30;
    var moves = replay(6, "10:00:00", metric, 2, second("5"), List.of(policy), List.of());
    assertThat(moves).extracting(Decision::to).startsWith(6, 5, 4);
  }

  /** Of every fleet of up to 7, in five accounts: even at a metric of 0 one task an action. */
  @ParameterizedTest
  @ValueSource(ints = {7, 6, 5, 4, 3, 2})
  void aFleetOfUpToSevenRemovesOneTask(int tasks) {
    var policy =
        new ScalingPolicy.Tracking(
            "tracking", "PerTask", 75, Duration.ofSeconds(60), Duration.ofSeconds(180), true);
    var moves =
        replay(9, "18:56:00", new double[15], tasks, second("6"), List.of(policy), List.of());
    assertThat(moves).extracting(Decision::to).containsExactly(tasks - 1);
  }

  @Test
  void anEmptyQueueSendsTheLastTaskHomeWhereTheMinimumAllows() {
    // A queue depth policy with minimum 0: real zeros, and the desired count set to 0.
    var policy =
        new ScalingPolicy.Tracking(
            "tracking", "PerTask", 10, Duration.ofSeconds(60), Duration.ofSeconds(60), true);
    var tracking = new TargetTracking(0, 5, List.of(policy), Assumptions.DEFAULT, Duration.ZERO, 1);
    for (int minute = 0; minute < 15; minute++) {
      tracking.put("PerTask", at("10:00:00").plusSeconds(60L * minute), 0);
    }
    assertThat(tracking.evaluate(at("10:15:23"), new Service(1, 1, false)))
        .extracting(Decision::to)
        .containsExactly(0);
  }

  /** A desired count set by somebody else, and when its last task runs. */
  private record Raise(Instant at, int desired, Instant running) {}

  private static List<Decision> replay(
      String from,
      double[] metric,
      int tasks,
      Duration second,
      List<ScalingPolicy> policies,
      List<Raise> raises) {
    return replay(5, from, metric, tasks, second, policies, raises);
  }

  private static List<Decision> replay(
      int max,
      String from,
      double[] metric,
      int tasks,
      Duration second,
      List<ScalingPolicy> policies,
      List<Raise> raises) {
    var tracking = new TargetTracking(1, max, policies, Assumptions.DEFAULT, second, tasks);
    var moves = new ArrayList<Decision>();
    int desired = tasks;
    int running = tasks;
    Instant start = at(from);
    for (int minute = 0; minute < metric.length; minute++) {
      tracking.put("PerTask", start.plusSeconds(60L * minute), metric[minute]);
      Instant end = start.plusSeconds(60L * (minute + 2));
      for (Instant at = tracking.nextEvaluation(end.minusSeconds(60).minusMillis(1));
          at.isBefore(end);
          at = tracking.nextEvaluation(at)) {
        for (Raise raise : raises) {
          if (!raise.at().isAfter(at)) {
            desired = Math.max(desired, raise.desired());
          }
          if (!raise.running().isAfter(at) && running < raise.desired() && moves.isEmpty()) {
            running = raise.desired();
            tracking.running(raise.running(), running);
          }
        }
        for (Decision decision : tracking.evaluate(at, new Service(running, desired, false))) {
          if (decision.moves()) {
            moves.add(decision);
            desired = decision.to();
            running = desired;
            tracking.running(at.plusSeconds(22), running);
          }
        }
      }
    }
    return moves;
  }

  private static ScalingPolicy burst() {
    return new ScalingPolicy.Step(
        "burst",
        "PerTask",
        new Alarm(Alarm.Comparison.GREATER_THAN, 75, 1, 1, Alarm.MissingData.MISSING),
        ScalingPolicy.Adjustment.ChangeInCapacity,
        List.of(new ScalingPolicy.StepAdjustment(0, Double.POSITIVE_INFINITY, 4)),
        Duration.ofSeconds(60));
  }

  private static Duration second(String seconds) {
    return Duration.parse("PT" + seconds + "S");
  }

  private static Instant at(String time) {
    return Instant.parse(DAY + time + "Z");
  }
}
