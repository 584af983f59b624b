package so.suna.queuemetrics.template;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import so.suna.queuemetrics.scaling.Alarm;
import so.suna.queuemetrics.scaling.ScalingPolicy;
import so.suna.queuemetrics.scaling.StackAlarm;
import so.suna.queuemetrics.template.CloudFormation.Resource;
import so.suna.queuemetrics.template.CloudFormation.Section;

/**
 * The scaling of the workers and the alarms of a CloudFormation template, read from the resources
 * that would be deployed. Immutable.
 */
public final class Template {

  private static final String WORKER_TARGET = "WorkerScalableTarget";
  private static final String ALARM = "AWS::CloudWatch::Alarm";
  private static final Pattern CAUSE = Pattern.compile("ALARM\\(\"(\\w+)\"\\)");

  private final Path file;
  private final CloudFormation stack;

  /** What is deployed for the workers. */
  public record Scaling(int min, int max, List<ScalingPolicy> policies) {
    public Scaling without(Predicate<ScalingPolicy> which) {
      return new Scaling(min, max, policies.stream().filter(which.negate()).toList());
    }
  }

  private Template(Path file, CloudFormation stack) {
    this.file = file;
    this.stack = stack;
  }

  /** Every parameter has its default. */
  public Template(Path file) {
    this(file, new CloudFormation(file));
  }

  /**
   * The same template with other values for some parameters.
   *
   * @param limits whether the template's smallest value of a number holds, or Application Auto
   *     Scaling's, which is 0
   * @throws IllegalArgumentException if the template has no such parameter, or refuses the value
   */
  public Template with(Map<String, String> overrides, boolean limits) {
    return new Template(file, stack.with(overrides, limits));
  }

  public boolean declares(String parameter) {
    return stack.declares(parameter);
  }

  public Scaling workers() {
    var target = stack.properties(WORKER_TARGET);
    int min = (int) target.number("MinCapacity");
    int max = (int) target.number("MaxCapacity");
    if (min > max) {
      throw new IllegalArgumentException(
          "policy: min must be at most max, was %d with max %d".formatted(min, max));
    }
    var policies =
        stack
            .deployed("AWS::ApplicationAutoScaling::ScalingPolicy")
            .filter(policy -> policy.properties().refersTo("ScalingTargetId", WORKER_TARGET))
            .map(this::policy)
            .toList();
    if (policies.isEmpty()) {
      throw new IllegalArgumentException(
          "policy: %s has no scaling policy for %s".formatted(file, WORKER_TARGET));
    }
    return new Scaling(min, max, policies);
  }

  private ScalingPolicy policy(Resource policy) {
    return policy.properties().has("StepScalingPolicyConfiguration")
        ? step(policy)
        : tracking(policy.properties());
  }

  private static ScalingPolicy tracking(Section policy) {
    var configuration = policy.section("TargetTrackingScalingPolicyConfiguration");
    String custom = "CustomizedMetricSpecification";
    return new ScalingPolicy.Tracking(
        policy.text("PolicyName"),
        configuration.has(custom)
            ? configuration.section(custom).text("MetricName")
            : configuration.section("PredefinedMetricSpecification").text("PredefinedMetricType"),
        configuration.number("TargetValue"),
        configuration.seconds("ScaleOutCooldown"),
        configuration.seconds("ScaleInCooldown"),
        !configuration.texts("DisableScaleIn").equals(List.of("true")));
  }

  private ScalingPolicy step(Resource policy) {
    Section alarm =
        stack
            .deployed(ALARM)
            .map(Resource::properties)
            .filter(properties -> properties.refersTo("AlarmActions", policy.id()))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "policy: %s has no alarm whose action is %s".formatted(file, policy.id())));
    double scale = divisor(alarm);
    var configuration = policy.properties().section("StepScalingPolicyConfiguration");
    var steps =
        configuration.sections("StepAdjustments").stream()
            .map(
                step ->
                    new ScalingPolicy.StepAdjustment(
                        scale * step.number("MetricIntervalLowerBound", 0),
                        scale * step.number("MetricIntervalUpperBound", Double.POSITIVE_INFINITY),
                        (int) step.number("ScalingAdjustment")))
            .toList();
    return new ScalingPolicy.Step(
        policy.properties().text("PolicyName"),
        metrics(alarm).values().iterator().next(),
        alarm(alarm, scale),
        ScalingPolicy.Adjustment.valueOf(configuration.text("AdjustmentType")),
        steps,
        configuration.seconds("Cooldown"));
  }

  /** The number by which the alarm's expression, if it has one, divides its metric. */
  private double divisor(Section alarm) {
    String expression = expression(alarm);
    if (expression.isEmpty()) {
      return 1;
    }
    String[] parts = expression.split("/", -1);
    if (parts.length != 2) {
      throw new IllegalArgumentException(
          "policy: %s has an alarm on '%s', expected a metric divided by a number"
              .formatted(file, expression));
    }
    return Double.parseDouble(parts[1].strip());
  }

  /** The alarms that tell somebody, and their causes; not those that only scale. */
  public List<StackAlarm> alarms() {
    return Stream.concat(
            stack
                .deployed(ALARM)
                .filter(alarm -> !alarm.properties().refersToAnyResource("AlarmActions"))
                .map(this::ofMetrics),
            stack.deployed("AWS::CloudWatch::CompositeAlarm").map(this::ofAlarms))
        .toList();
  }

  private StackAlarm ofMetrics(Resource alarm) {
    var properties = alarm.properties();
    return new StackAlarm.OfMetrics(
        alarm.id(), action(properties), alarm(properties, 1), datapoint(properties));
  }

  private StackAlarm ofAlarms(Resource alarm) {
    var properties = alarm.properties();
    var suppressor =
        properties.texts("ActionsSuppressor").stream()
            .map(
                arn ->
                    new StackAlarm.Suppressor(
                        arn.replaceFirst("\\.Arn$", ""),
                        properties.seconds("ActionsSuppressorWaitPeriod"),
                        properties.seconds("ActionsSuppressorExtensionPeriod")))
            .findFirst();
    return new StackAlarm.OfAlarms(
        alarm.id(), action(properties), causes(properties.text("AlarmRule")), suppressor);
  }

  private static Optional<String> action(Section alarm) {
    return alarm.texts("AlarmActions").stream().findFirst();
  }

  /** A rule that is an OR of alarms, the only kind that this template has. */
  private Set<String> causes(String rule) {
    var causes = new TreeSet<String>();
    for (String part : rule.strip().split(" OR ", -1)) {
      var alarm = CAUSE.matcher(part);
      if (!alarm.matches()) {
        throw new IllegalArgumentException(
            "alarms: %s has the rule '%s', expected ALARM(\"…\") OR ALARM(\"…\")"
                .formatted(file, rule));
      }
      causes.add(alarm.group(1));
    }
    return causes;
  }

  /** What an alarm looks at: a metric, its samples, or one metric less another. */
  private Function<Map<String, Double>, OptionalDouble> datapoint(Section alarm) {
    var names = metrics(alarm);
    if (!alarm.has("Metrics")) {
      String metric = names.values().iterator().next() + ofFunction(alarm);
      boolean counts = alarm.text("Statistic").equals("SampleCount");
      return minute ->
          minute.containsKey(metric)
              ? OptionalDouble.of(counts ? 1 : minute.getOrDefault(metric, 0.0))
              : OptionalDouble.empty();
    }
    String[] parts = expression(alarm).split(" - ", -1);
    if (parts.length != 2 || !names.keySet().equals(Set.of(parts))) {
      throw new IllegalArgumentException(
          "alarms: %s has an alarm on '%s', expected one metric less another"
              .formatted(file, expression(alarm)));
    }
    String from = names.getOrDefault(parts[0], "");
    String less = names.getOrDefault(parts[1], "");
    return minute ->
        minute.containsKey(from) && minute.containsKey(less)
            ? OptionalDouble.of(minute.getOrDefault(from, 0.0) - minute.getOrDefault(less, 0.0))
            : OptionalDouble.empty();
  }

  /** The names of an alarm's metrics by their ids; an alarm on one metric gives it none. */
  private static Map<String, String> metrics(Section alarm) {
    if (!alarm.has("Metrics")) {
      return Map.of("", alarm.text("MetricName"));
    }
    var names = new HashMap<String, String>();
    for (Section metric : alarm.sections("Metrics")) {
      if (metric.has("MetricStat")) {
        names.put(
            metric.text("Id"), metric.section("MetricStat").section("Metric").text("MetricName"));
      }
    }
    return names;
  }

  /** Empty if the alarm looks at a metric as it is. */
  private static String expression(Section alarm) {
    return alarm.has("Metrics")
        ? alarm.sections("Metrics").stream()
            .filter(metric -> metric.has("Expression"))
            .map(metric -> metric.text("Expression"))
            .findFirst()
            .orElse("")
        : "";
  }

  /** Lambda has the same metrics of each function. */
  private static String ofFunction(Section alarm) {
    var dimension = alarm.sections("Dimensions").getFirst();
    return dimension.text("Name").equals("FunctionName") ? " of " + dimension.text("Value") : "";
  }

  private static Alarm alarm(Section alarm, double scale) {
    int periods = (int) alarm.number("EvaluationPeriods");
    return new Alarm(
        Alarm.Comparison.valueOf(constant(alarm.text("ComparisonOperator"))),
        scale * alarm.number("Threshold"),
        periods,
        (int) alarm.number("DatapointsToAlarm", periods),
        alarm.has("TreatMissingData")
            ? Alarm.MissingData.valueOf(constant(alarm.text("TreatMissingData")))
            : Alarm.MissingData.MISSING);
  }

  /** GreaterThanThreshold is GREATER_THAN, notBreaching is NOT_BREACHING. */
  private static String constant(String name) {
    return name.replaceFirst("(To)?Threshold$", "")
        .replaceAll("(?<=[a-z])([A-Z])", "_$1")
        .toUpperCase(Locale.ROOT);
  }
}
