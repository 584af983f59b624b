package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.scaling.Alarm;
import so.suna.queuemetrics.scaling.ScalingPolicy;
import so.suna.queuemetrics.template.Template;

class PolicyTest {

  private static final Path TEMPLATE = Path.of("template.yaml");

  @TempDir private Path folder;

  @Test
  void theTemplateDeploysWhatItsParametersSay() {
    var policy = one("template");
    assertThat(policy.scaling().min()).isEqualTo(2);
    assertThat(policy.scaling().max()).isEqualTo(20);
    assertThat(policy.scaling().policies())
        .contains(tracking("DramatiqBacklogPerWorker", 10, 30, 300));
    assertThat(policy.stampsRead()).isFalse();
    assertThat(policy.worker()).isEqualTo(Worker.DEFAULT);
  }

  @Test
  void wordsOverrideParametersAndWorkers() {
    var policy =
        one("target=12 min=3 max=40 out=120 in=600 metric=QueueDepth prefetch=4 stop=120 protect");
    assertThat(policy.scaling().min()).isEqualTo(3);
    assertThat(policy.scaling().max()).isEqualTo(40);
    assertThat(policy.scaling().policies()).contains(tracking("DramatiqQueueDepth", 12, 120, 600));
    assertThat(policy.worker())
        .isEqualTo(Worker.DEFAULT.withPrefetch(4).withStopTimeout(120).withProtection(true));
  }

  @Test
  void theSeedScalesOnTheDepthAndStampsTheReadAsItDid() {
    var seed = one("seed");
    assertThat(metrics(seed)).containsExactly("DramatiqQueueDepth");
    assertThat(seed.stampsRead()).isTrue();
  }

  @Test
  void aTemplateThatScalesOnlyOnCpuIsRefused() throws IOException {
    Path file =
        file(
            """
        Parameters: {}
        Resources:
          WorkerScalableTarget: {Type: T, Properties: {MinCapacity: 1, MaxCapacity: 2}}
          Cpu:
            Type: AWS::ApplicationAutoScaling::ScalingPolicy
            Properties:
              PolicyName: cpu
              ScalingTargetId: !Ref WorkerScalableTarget
              TargetTrackingScalingPolicyConfiguration:
                TargetValue: 50
                PredefinedMetricSpecification:
                  PredefinedMetricType: ECSServiceAverageCPUUtilization
        """);
    assertRefused(
        file.toString(), "policy: %s scales only on CPU and memory, which are not simulated", file);
  }

  @Test
  void aParameterMayBeNamedAsTheTemplateDoes() {
    assertThat(one("QueueTarget=12 WorkerMaxCapacity=9").scaling())
        .isEqualTo(one("target=12 max=9").scaling());
  }

  @Test
  void aPolicyOnAMetricThatIsNotComputedIsOnlyReplayed() throws IOException {
    Path file =
        file(Files.readString(TEMPLATE).replace("Dramatiq${QueueScalingMetric}", "Sidekiq"));
    String text = file + " burst=false";
    assertRefused(
        text,
        "policy '%s': the metric must be one of [DramatiqBacklogPerWorker, DramatiqQueueDepth,"
            + " DramatiqJobsInFlight], was Sidekiq",
        text);
    assertThat(metrics(Policy.parse(text + " metric=replay", TEMPLATE, true).getFirst()))
        .containsExactly("Sidekiq");
  }

  @Test
  void severalPoliciesStandApartBySemicolonsInTheOrderGiven() {
    assertThat(Policy.parse("target=10 out=30; template target=12;seed;", TEMPLATE, false))
        .extracting(Policy::name)
        .containsExactly("target=10 out=30", "template target=12", "seed");
  }

  @Test
  void burstIsTheTemplatesStepPolicyWithItsAlarm() {
    assertThat(one("target=7").scaling().policies())
        .contains(
            new ScalingPolicy.Step(
                "worker-queue-burst-scaling",
                "DramatiqBacklogPerWorker",
                new Alarm(Alarm.Comparison.GREATER_THAN, 14, 1, 1, Alarm.MissingData.NOT_BREACHING),
                ScalingPolicy.Adjustment.PercentChangeInCapacity,
                List.of(
                    new ScalingPolicy.StepAdjustment(0, 7, 100),
                    new ScalingPolicy.StepAdjustment(7, 14, 200),
                    new ScalingPolicy.StepAdjustment(14, 28, 300),
                    new ScalingPolicy.StepAdjustment(28, 56, 500),
                    new ScalingPolicy.StepAdjustment(56, Double.POSITIVE_INFINITY, 900)),
                Duration.ofMinutes(1)));
    assertThat(one("burst").scaling()).isEqualTo(one("burst=true").scaling());
    assertThat(names(one("burst=false"))).containsExactly("worker-queue-depth-scaling");
  }

  @Test
  void aBurstOfNTargetsOrdersAtMostNTimesTheWorkersAsTargetTrackingWould() {
    var policies = one("template").scaling().policies();
    assertThat(policies).hasSize(2);
    for (double backlog = 20.5; backlog < 300; backlog += 0.5) {
      assertThat(policies.getLast().wanted(2, backlog))
          .as("for a backlog of %s", backlog)
          .isBetween(4, policies.getFirst().wanted(2, backlog));
    }
  }

  @Test
  void burstFollowsTheBacklogPerWorkerWhateverTheTargetFollows() {
    assertThat(metrics(one("metric=QueueDepth")))
        .containsExactly("DramatiqQueueDepth", "DramatiqBacklogPerWorker");
  }

  @Test
  void aTemplateWithoutBurstScalingRefusesTheWordAndNeedsNoDenial() throws IOException {
    Path file = file(Files.readString(TEMPLATE).replace("BurstScaling", "Other"));
    assertThat(one(file + " burst=false").scaling().policies()).isNotEmpty();
    assertRefused(file + " burst", "policy: %s has no parameter BurstScaling".formatted(file));
  }

  @Test
  void cpuAndMemoryAgreeUnlessToldToDisagree() {
    assertThat(one("template").scaling().policies()).noneMatch(Policy::isPredefined);
    assertThat(names(one("others=disagree")))
        .contains("worker-cpu-scaling", "worker-memory-scaling", "worker-queue-depth-scaling");
  }

  /** Steps are relative to the alarm; an alarm may watch a metric in multiples of the target. */
  @ParameterizedTest
  @CsvSource({"'MetricName: DramatiqBacklogPerWorker', 25, 1", "'Metrics', 2.5, 10"})
  void aStepPolicyIsReadWithItsAlarm(String metric, double threshold, double unit)
      throws IOException {
    String what =
        metric.equals("Metrics")
            ? """
            Metrics:
                  - Id: ratio
                    Expression: !Sub backlog / ${Target}
                  - Id: backlog
                    ReturnData: false
                    MetricStat: {Metric: {MetricName: DramatiqBacklogPerWorker}, Period: 60, Stat: Average}\
            """
            : metric;
    Path file =
        file(
            """
        Parameters:
          Target: {Type: Number, Default: 10}
          On: {Type: String, Default: 'true', AllowedValues: ['true', 'false']}
        Conditions:
          IsOn: !And [!Equals [!Ref On, 'true'], !Not [!Or [!Equals [a, b], !Equals [b, c]]]]
        Resources:
          WorkerScalableTarget:
            Type: AWS::ApplicationAutoScaling::ScalableTarget
            Properties: {MinCapacity: 1, MaxCapacity: !If [IsOn, 9, 8]}
          Burst:
            Type: AWS::ApplicationAutoScaling::ScalingPolicy
            Condition: IsOn
            Properties:
              PolicyName: burst
              ScalingTargetId: !Ref WorkerScalableTarget
              StepScalingPolicyConfiguration:
                AdjustmentType: PercentChangeInCapacity
                Cooldown: 60
                StepAdjustments:
                  - {MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 1, ScalingAdjustment: 50}
                  - {MetricIntervalLowerBound: 1, ScalingAdjustment: 100}
          BurstAlarm:
            Type: AWS::CloudWatch::Alarm
            Properties:
              AlarmActions: [!Ref Burst]
              ComparisonOperator: GreaterThanThreshold
              EvaluationPeriods: 1
              Threshold: %s
              TreatMissingData: notBreaching
              %s
        """
                .formatted(threshold, what));
    var scaling = one(file.toString()).scaling();
    assertThat(scaling.max()).isEqualTo(9);
    assertThat(scaling.policies())
        .containsExactly(
            new ScalingPolicy.Step(
                "burst",
                "DramatiqBacklogPerWorker",
                new Alarm(Alarm.Comparison.GREATER_THAN, 25, 1, 1, Alarm.MissingData.NOT_BREACHING),
                ScalingPolicy.Adjustment.PercentChangeInCapacity,
                List.of(
                    new ScalingPolicy.StepAdjustment(0, unit, 50),
                    new ScalingPolicy.StepAdjustment(unit, Double.POSITIVE_INFINITY, 100)),
                Duration.ofSeconds(60)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Template(file).with(Map.of("On", "false"), true).workers())
        .withMessage("policy: %s has no scaling policy for WorkerScalableTarget", file);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          min=9 max=5     | policy: min must be at most max, was 9 with max 5
          target=0        | policy: QueueTarget must be 1 or more messages, was '0'
          target=many     | policy: QueueTarget must be 1 or more messages, was 'many'
          out=-1          | policy: ScaleOutCooldown must be 0 to 86400 seconds, was '-1'
          metric=Depth    | policy: QueueScalingMetric must be BacklogPerWorker or QueueDepth, was 'Depth'
          taget=3         | policy 'taget=3': expected a word such as target=10, min, max, out, in, burst, prefetch, stop, protect or metric, was 'taget=3'
          target          | policy 'target': expected a word such as target=10, min, max, out, in, burst, prefetch, stop, protect or metric, was 'target'
          protect=perhaps | policy 'protect=perhaps': protect must be true or false, was 'perhaps'
          stamp=now       | policy 'stamp=now': stamp must be minute or read, was 'now'
          others=maybe    | policy 'others=maybe': others must be agree or disagree, was 'maybe'
          stop=soon       | policy 'stop=soon': stop must be a number of 0 or more, was 'soon'
          prefetch=2      | prefetch must be at least the threads (4), was 2
          ;               | policy ';': expected a word such as target=10, min, max, out, in, burst, prefetch, stop, protect or metric
          Target=3        | policy: template.yaml has no parameter Target
          no.yaml         | policy: no.yaml cannot be read: java.nio.file.NoSuchFileException: no.yaml
          """)
  void aBadPolicyIsRefusedInOneSentence(String policy, String message) {
    assertRefused(policy, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          [1, 2]        | policy: expected a Mapping in the template, was line 1
          ``            | policy: expected a Mapping in the template, was nothing
          Resources: {} | policy: expected Parameters beside [Resources] in the template
          {Parameters: {}, Resources: {WorkerScalableTarget: {Properties: {MinCapacity: few}}}} | policy: MinCapacity in the template must be a number, was 'few'
          {Parameters: {}, Resources: {WorkerScalableTarget: {Type: T, Properties: {MinCapacity: 1, MaxCapacity: 2}}}} | policy: %s has no scaling policy for WorkerScalableTarget
          """)
  void anotherFileThanATemplateIsRefusedInOneSentence(String yaml, String message)
      throws IOException {
    Path file = file(yaml);
    assertRefused(file.toString(), message.formatted(file));
  }

  private static Policy one(String text) {
    return Policy.parse(text, TEMPLATE, false).getFirst();
  }

  private Path file(String template) throws IOException {
    return Files.writeString(folder.resolve("policy.yaml"), template);
  }

  private static List<String> names(Policy policy) {
    return policy.scaling().policies().stream().map(ScalingPolicy::name).toList();
  }

  private static List<String> metrics(Policy policy) {
    return policy.scaling().policies().stream().map(ScalingPolicy::metric).toList();
  }

  private static ScalingPolicy tracking(
      String metric, double target, int outSeconds, int inSeconds) {
    return new ScalingPolicy.Tracking(
        "worker-queue-depth-scaling",
        metric,
        target,
        Duration.ofSeconds(outSeconds),
        Duration.ofSeconds(inSeconds),
        true);
  }

  private static void assertRefused(String policy, String message, Object... values) {
    assertThatIllegalArgumentException().isThrownBy(() -> one(policy)).withMessage(message, values);
  }
}
