package so.suna.queuemetrics.scaling;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.scaling.Decision.Reason;

/**
 * What published recordings of real accounts show. Those called SIT314 are the scaling activities
 * and CloudWatch output in github.com/lorenzodarioben-lgtm,
 * Scalable-Multimodal-IoT-Public-Transport-Monitoring-System at 6707c69, artifacts/hd-aws-runs and
 * docs/DISTINCTION_FINAL_RESULTS.md: an ECS service on Fargate of 1 to 5 tasks, a metric of visible
 * messages per running task, and a step policy of 4 tasks on an alarm above 75, 1 of 1 minute.
 */
class RecordingsTest {

  private static final String DAY = "2026-09-23T";
  private static final Duration STARTS = Duration.ofSeconds(22);
  private static final ScalingPolicy BURST = Driver.step(75, Duration.ofSeconds(60), 4);

  @Test
  void aStepOnAnAlarmOfOneMinuteIsOrderedInTheMinuteAfterTheBreach() {
    // SIT314, sudden burst: minutes from 22:05:00, and the request at 22:11:45.530.
    var service = service("22:05:00", 1, 5, "45.530", BURST);
    service.minutes("0*4 20 331 691 0 0 3.6 0*3");
    assertThat(service.moves())
        .containsExactly(new Decision(at("22:11:45.530"), 1, 5, "burst", Reason.StepAlarm));
  }

  @Test
  void theFirstBreachingMinuteIsEnough() {
    // SIT314, fast alarm: the minute 10:51 breached first, alarm at 10:52:02.284, request at .512.
    var service = service("10:50:00", 1, 5, "2.284", BURST);
    service.minutes("0 100 192");
    assertThat(service.moves().getFirst().at()).isBetween(at("10:52:02.284"), at("10:52:02.512"));
  }

  /** SIT314: five actions of one alarm within three hours, 39 ms apart in their minutes. */
  @ParameterizedTest
  @ValueSource(
      strings = {"19:58:45.554", "20:47:45.530", "21:38:45.569", "22:11:45.530", "22:51:45.567"})
  void anAlarmIsEvaluatedAtOneSecondOfTheMinute(String recorded) {
    var tracking = service("19:00:00", 1, 5, "45.550", BURST).tracking;
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
    Instant first = at(raised).minus(Duration.ofMinutes(20));
    // The low alarm is the second one, 23 s after the first.
    Duration high = second(second).minusSeconds(23);
    var service = service(first, 1, 5, high, tracking(75, 60, 180));
    service.at(at(raised), () -> service.desired = tasks);
    // Ready 2 to 3 s after it runs.
    Instant runs = at(ready).minusMillis(2_500);
    service.at(
        runs,
        () -> {
          service.running = tasks;
          service.tracking.running(runs, tasks);
        });
    service.minutes("0*26");
    assertThat(service.moves().getFirst())
        .isEqualTo(new Decision(at(scaledIn), tasks, tasks - 1, "tracking", Reason.AlarmLow));
  }

  @Test
  void withoutACooldownScaleInsFollowEachOtherByAMinute() {
    // An EC2 group of 2018, which knows no cooldown of scale-in: 4 to 3 at 09:05:25, to 2 at
    // 09:06:24.
    var service = service("08:48:00", 4, 5, "2", tracking(20, 0, 0));
    service.minutes("0*20");
    var moves = service.moves();
    assertThat(moves).extracting(Decision::to).startsWith(3, 2);
    assertThat(Duration.between(moves.get(0).at(), moves.get(1).at()))
        .isBetween(Duration.ofSeconds(59), Duration.ofSeconds(61));
  }

  @Test
  void aLargeBacklogIsAnsweredInOneStep() {
    // ECS behind a load balancer: 2 to 6, later 6 to 5 and so on, one by one.
    var service = service("10:00:00", 2, 6, "5", tracking(10, 300, 60));
    service.minutes("30*3 0*27");
    assertThat(service.moves()).extracting(Decision::to).startsWith(6, 5, 4);
  }

  /** Of every fleet of up to 7, in five accounts: even at a metric of 0 one task an action. */
  @ParameterizedTest
  @ValueSource(ints = {7, 6, 5, 4, 3, 2})
  void aFleetOfUpToSevenRemovesOneTask(int tasks) {
    var service = service("18:56:00", tasks, 9, "6", tracking(75, 60, 180));
    service.minutes("0*15");
    assertThat(service.moves()).extracting(Decision::to).containsExactly(tasks - 1);
  }

  @Test
  void anEmptyQueueSendsTheLastTaskHomeWhereTheMinimumAllows() {
    // A queue depth policy with minimum 0: real zeros, and the desired count set to 0.
    var policies = List.<ScalingPolicy>of(tracking(10, 60, 60));
    var tracking = new TargetTracking(0, 5, policies, Assumptions.DEFAULT, Duration.ZERO, 1);
    var service = new Driver(tracking, 1, at("10:00:00"), STARTS);
    service.minutes("0*15");
    assertThat(service.moves()).extracting(Decision::to).containsExactly(0);
  }

  private static Driver service(
      String from, int tasks, int max, String second, ScalingPolicy policy) {
    return service(at(from), tasks, max, second(second), policy);
  }

  private static Driver service(
      Instant from, int tasks, int max, Duration second, ScalingPolicy policy) {
    var policies = List.of(policy);
    var tracking = new TargetTracking(1, max, policies, Assumptions.DEFAULT, second, tasks);
    return new Driver(tracking, tasks, from, STARTS);
  }

  private static ScalingPolicy tracking(double target, int outSeconds, int inSeconds) {
    return new ScalingPolicy.Tracking(
        "tracking",
        Driver.METRIC,
        target,
        Duration.ofSeconds(outSeconds),
        Duration.ofSeconds(inSeconds),
        true);
  }

  private static Duration second(String seconds) {
    return Duration.parse("PT" + seconds + "S");
  }

  private static Instant at(String time) {
    return Instant.parse(DAY + time + "Z");
  }
}
