package so.suna.queuemetrics.simulation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import so.suna.queuemetrics.scaling.Alarm;
import so.suna.queuemetrics.scaling.ScalingPolicy;
import so.suna.queuemetrics.scaling.StackAlarm;

/**
 * A CloudFormation template with values for its parameters: reads the scalable target of the
 * workers and the policies on it from the resources that would be deployed. Knows of the intrinsic
 * functions those that such resources need.
 */
public final class Template {

  private static final String WORKER_TARGET = "WorkerScalableTarget";
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([A-Za-z0-9:.]+)}");

  private static final Pattern CAUSE = Pattern.compile("ALARM\\(\"(\\w+)\"\\)");

  private final Path file;
  private final Map<String, Node> conditions;
  private final Map<String, Node> resources;
  private final Map<String, Node> declared;
  private final Map<String, String> parameters = new HashMap<>();

  /** What is deployed for the workers. */
  public record Scaling(int min, int max, List<ScalingPolicy> policies) {
    public Scaling without(Predicate<ScalingPolicy> which) {
      return new Scaling(min, max, policies.stream().filter(which.negate()).toList());
    }
  }

  /**
   * @param overrides values of parameters, the others have their defaults
   * @throws IllegalArgumentException if the template has no such parameter, or refuses the value
   */
  public Template(Path file, Map<String, String> overrides) {
    this(new Template(file), overrides, true);
  }

  /** Every parameter has its default. */
  Template(Path file) {
    this.file = file;
    Map<String, Node> root;
    try (var reader = Files.newBufferedReader(file)) {
      root = entries(new Yaml(new LoaderOptions()).compose(reader));
    } catch (IOException | YAMLException e) {
      throw new IllegalArgumentException(
          "policy: %s cannot be read: %s".formatted(file, e.toString().replaceAll("\\s+", " ")), e);
    }
    conditions = root.containsKey("Conditions") ? entries(need(root, "Conditions")) : Map.of();
    resources = entries(need(root, "Resources"));
    declared = entries(need(root, "Parameters"));
    declared.forEach(
        (name, declaration) -> {
          Node value = entries(declaration).get("Default");
          parameters.put(name, value == null ? "" : text(value));
        });
  }

  private Template(Template source, Map<String, String> overrides, boolean limits) {
    file = source.file;
    conditions = source.conditions;
    resources = source.resources;
    declared = source.declared;
    parameters.putAll(source.parameters);
    overrides.forEach(
        (name, value) -> {
          Node declaration = declared.get(name);
          if (declaration == null) {
            throw new IllegalArgumentException(
                "policy: %s has no parameter %s".formatted(file, name));
          }
          check(name, entries(declaration), value, limits);
          parameters.put(name, value);
        });
  }

  /**
   * The same template with other values.
   *
   * @param limits whether the template's smallest value of a number holds, or Application Auto
   *     Scaling's, which is 0
   */
  Template with(Map<String, String> overrides, boolean limits) {
    return new Template(this, overrides, limits);
  }

  boolean declares(String parameter) {
    return declared.containsKey(parameter);
  }

  private void check(String name, Map<String, Node> declaration, String value, boolean limits) {
    boolean ok;
    if (declaration.containsKey("AllowedValues")) {
      ok = items(need(declaration, "AllowedValues")).stream().anyMatch(n -> text(n).equals(value));
    } else if (declaration.containsKey("AllowedPattern")) {
      ok = value.matches(text(need(declaration, "AllowedPattern")));
    } else {
      double least = limits ? number(declaration, "MinValue", Double.NEGATIVE_INFINITY) : 0;
      double most = number(declaration, "MaxValue", Double.MAX_VALUE);
      try {
        double given = Double.parseDouble(value);
        ok = given >= least && given <= most;
      } catch (NumberFormatException e) {
        ok = false;
      }
    }
    if (!ok) {
      Node expected = declaration.get("ConstraintDescription");
      throw new IllegalArgumentException(
          "policy: %s %s, was '%s'"
              .formatted(name, expected == null ? "must be a number" : text(expected), value));
    }
  }

  public Scaling workers() {
    var target = properties(WORKER_TARGET);
    int min = (int) number(target, "MinCapacity");
    int max = (int) number(target, "MaxCapacity");
    if (min > max) {
      throw new IllegalArgumentException(
          "policy: min must be at most max, was %d with max %d".formatted(min, max));
    }
    var policies = new ArrayList<ScalingPolicy>();
    for (String id : resources.keySet()) {
      if (isDeployed(id, "AWS::ApplicationAutoScaling::ScalingPolicy")) {
        var policy = properties(id);
        if (isReference(need(policy, "ScalingTargetId"), WORKER_TARGET)) {
          policies.add(
              policy.containsKey("StepScalingPolicyConfiguration")
                  ? step(id, policy)
                  : tracking(policy));
        }
      }
    }
    if (policies.isEmpty()) {
      throw new IllegalArgumentException(
          "policy: %s has no scaling policy for %s".formatted(file, WORKER_TARGET));
    }
    return new Scaling(min, max, policies);
  }

  /** The alarms that tell somebody, and their causes; not those that only scale. */
  public List<StackAlarm> alarms() {
    var alarms = new ArrayList<StackAlarm>();
    for (String id : resources.keySet()) {
      if (isDeployed(id, "AWS::CloudWatch::Alarm") && !scales(properties(id))) {
        var alarm = properties(id);
        alarms.add(new StackAlarm.OfMetrics(id, action(alarm), alarm(alarm, 1), datapoint(alarm)));
      } else if (isDeployed(id, "AWS::CloudWatch::CompositeAlarm")) {
        var alarm = properties(id);
        var suppressor =
            Optional.ofNullable(alarm.get("ActionsSuppressor"))
                .map(
                    arn ->
                        new StackAlarm.Suppressor(
                            text(arn).replaceFirst("\\.Arn$", ""),
                            seconds(alarm, "ActionsSuppressorWaitPeriod"),
                            seconds(alarm, "ActionsSuppressorExtensionPeriod")));
        alarms.add(
            new StackAlarm.OfAlarms(
                id, action(alarm), causes(value(need(alarm, "AlarmRule"))), suppressor));
      }
    }
    return alarms;
  }

  private boolean scales(Map<String, Node> alarm) {
    Node actions = alarm.get("AlarmActions");
    return actions != null
        && items(actions).stream()
            .anyMatch(
                action ->
                    action instanceof ScalarNode scalar
                        && resources.containsKey(scalar.getValue()));
  }

  /** Empty without an action, as {@code AWS::NoValue} says too. */
  private Optional<String> action(Map<String, Node> alarm) {
    return Optional.ofNullable(alarm.get("AlarmActions"))
        .map(this::chosen)
        .filter(actions -> actions instanceof SequenceNode)
        .map(actions -> value(items(actions).getFirst()));
  }

  private Node chosen(Node node) {
    return node.getTag().getValue().equals("!If")
        ? chosen(items(node).get(condition(text(items(node).get(0))) ? 1 : 2))
        : node;
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
  private Function<Map<String, Double>, OptionalDouble> datapoint(Map<String, Node> alarm) {
    if (!alarm.containsKey("Metrics")) {
      String metric = value(need(alarm, "MetricName")) + ofFunction(alarm);
      boolean counts = value(need(alarm, "Statistic")).equals("SampleCount");
      return minute ->
          minute.containsKey(metric)
              ? OptionalDouble.of(counts ? 1 : minute.getOrDefault(metric, 0.0))
              : OptionalDouble.empty();
    }
    var names = new HashMap<String, String>();
    String expression = "";
    for (Node each : items(need(alarm, "Metrics"))) {
      var metric = entries(each);
      if (metric.containsKey("Expression")) {
        expression = value(need(metric, "Expression"));
      } else {
        names.put(
            value(need(metric, "Id")),
            value(
                need(entries(need(entries(need(metric, "MetricStat")), "Metric")), "MetricName")));
      }
    }
    String[] parts = expression.split(" - ", -1);
    if (parts.length != 2 || !names.keySet().equals(Set.of(parts))) {
      throw new IllegalArgumentException(
          "alarms: %s has an alarm on '%s', expected one metric less another"
              .formatted(file, expression));
    }
    String from = names.getOrDefault(parts[0], "");
    String less = names.getOrDefault(parts[1], "");
    return minute ->
        minute.containsKey(from) && minute.containsKey(less)
            ? OptionalDouble.of(minute.getOrDefault(from, 0.0) - minute.getOrDefault(less, 0.0))
            : OptionalDouble.empty();
  }

  /** Lambda has the same metrics of each function. */
  private String ofFunction(Map<String, Node> alarm) {
    var dimension = entries(items(need(alarm, "Dimensions")).getFirst());
    return value(need(dimension, "Name")).equals("FunctionName")
        ? " of " + value(need(dimension, "Value"))
        : "";
  }

  private Alarm alarm(Map<String, Node> alarm, double scale) {
    int periods = (int) number(alarm, "EvaluationPeriods");
    return new Alarm(
        Alarm.Comparison.valueOf(constant(value(need(alarm, "ComparisonOperator")))),
        scale * number(alarm, "Threshold"),
        periods,
        (int) number(alarm, "DatapointsToAlarm", periods),
        alarm.containsKey("TreatMissingData")
            ? Alarm.MissingData.valueOf(constant(value(need(alarm, "TreatMissingData"))))
            : Alarm.MissingData.MISSING);
  }

  private ScalingPolicy tracking(Map<String, Node> policy) {
    var configuration = entries(need(policy, "TargetTrackingScalingPolicyConfiguration"));
    Node custom = configuration.get("CustomizedMetricSpecification");
    String metric =
        custom == null
            ? value(
                need(
                    entries(need(configuration, "PredefinedMetricSpecification")),
                    "PredefinedMetricType"))
            : value(need(entries(custom), "MetricName"));
    Node disabled = configuration.get("DisableScaleIn");
    return new ScalingPolicy.Tracking(
        value(need(policy, "PolicyName")),
        metric,
        number(configuration, "TargetValue"),
        seconds(configuration, "ScaleOutCooldown"),
        seconds(configuration, "ScaleInCooldown"),
        disabled == null || !value(disabled).equals("true"));
  }

  private ScalingPolicy step(String id, Map<String, Node> policy) {
    var configuration = entries(need(policy, "StepScalingPolicyConfiguration"));
    Map<String, Node> alarm =
        resources.keySet().stream()
            .filter(other -> isDeployed(other, "AWS::CloudWatch::Alarm"))
            .map(this::properties)
            .filter(
                properties ->
                    properties.containsKey("AlarmActions")
                        && items(need(properties, "AlarmActions")).stream()
                            .anyMatch(action -> isReference(action, id)))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "policy: %s has no alarm whose action is %s".formatted(file, id)));
    double scale = alarm.containsKey("Metrics") ? divisor(need(alarm, "Metrics")) : 1;
    var steps = new ArrayList<ScalingPolicy.StepAdjustment>();
    for (Node step : items(need(configuration, "StepAdjustments"))) {
      var bounds = entries(step);
      steps.add(
          new ScalingPolicy.StepAdjustment(
              scale * number(bounds, "MetricIntervalLowerBound", 0),
              scale * number(bounds, "MetricIntervalUpperBound", Double.POSITIVE_INFINITY),
              (int) number(bounds, "ScalingAdjustment")));
    }
    return new ScalingPolicy.Step(
        value(need(policy, "PolicyName")),
        alarm.containsKey("Metrics")
            ? value(need(entries(metric(need(alarm, "Metrics"))), "MetricName"))
            : value(need(alarm, "MetricName")),
        alarm(alarm, scale),
        ScalingPolicy.Adjustment.valueOf(value(need(configuration, "AdjustmentType"))),
        steps,
        seconds(configuration, "Cooldown"));
  }

  /** GreaterThanThreshold is GREATER_THAN, notBreaching is NOT_BREACHING. */
  private static String constant(String name) {
    return name.replaceFirst("(To)?Threshold$", "")
        .replaceAll("(?<=[a-z])([A-Z])", "_$1")
        .toUpperCase(java.util.Locale.ROOT);
  }

  /** The number by which the alarm's expression divides its metric: "backlog / 10". */
  private double divisor(Node metrics) {
    for (Node metric : items(metrics)) {
      Node expression = entries(metric).get("Expression");
      if (expression != null) {
        String[] parts = value(expression).split("/", -1);
        if (parts.length == 2) {
          return Double.parseDouble(parts[1].strip());
        }
        throw new IllegalArgumentException(
            "policy: %s has an alarm on '%s', expected a metric divided by a number"
                .formatted(file, value(expression)));
      }
    }
    return 1;
  }

  private static Node metric(Node metrics) {
    return items(metrics).stream()
        .map(Template::entries)
        .filter(metric -> metric.containsKey("MetricStat"))
        .map(metric -> need(entries(need(metric, "MetricStat")), "Metric"))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("policy: an alarm without a metric"));
  }

  private static boolean isReference(Node node, String id) {
    return node.getTag().getValue().equals("!Ref") && text(node).equals(id);
  }

  private boolean isDeployed(String id, String type) {
    var resource = entries(need(resources, id));
    Node condition = resource.get("Condition");
    return text(need(resource, "Type")).equals(type)
        && (condition == null || condition(text(condition)));
  }

  private Map<String, Node> properties(String id) {
    return entries(need(entries(need(resources, id)), "Properties"));
  }

  private Duration seconds(Map<String, Node> properties, String name) {
    return Duration.ofSeconds((long) number(properties, name, 300)); // AWS's default
  }

  private double number(Map<String, Node> properties, String name) {
    String value = value(need(properties, name));
    try {
      return Double.parseDouble(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "policy: %s in the template must be a number, was '%s'".formatted(name, value), e);
    }
  }

  private double number(Map<String, Node> properties, String name, double otherwise) {
    return properties.containsKey(name) ? number(properties, name) : otherwise;
  }

  private boolean condition(String name) {
    return truth(need(conditions, name));
  }

  private boolean truth(Node node) {
    return switch (node.getTag().getValue()) {
      case "!Condition" -> condition(text(node));
      case "!Equals" -> value(items(node).get(0)).equals(value(items(node).get(1)));
      case "!Not" -> !truth(items(node).get(0));
      case "!And" -> items(node).stream().allMatch(this::truth);
      case "!Or" -> items(node).stream().anyMatch(this::truth);
      default -> throw unknown(node);
    };
  }

  private String value(Node node) {
    return switch (node.getTag().getValue()) {
      case "!Ref" -> parameters.getOrDefault(text(node), text(node));
      case "!If" -> value(chosen(node));
      case "!Sub" ->
          VARIABLE
              .matcher(text(node))
              .replaceAll(
                  name ->
                      java.util.regex.Matcher.quoteReplacement(
                          parameters.getOrDefault(name.group(1), name.group(1))));
      default -> {
        if (node instanceof ScalarNode scalar && !node.getTag().getValue().startsWith("!")) {
          yield scalar.getValue();
        }
        throw unknown(node);
      }
    };
  }

  private IllegalArgumentException unknown(Node node) {
    return new IllegalArgumentException(
        "policy: %s line %d has %s, which the simulator cannot read"
            .formatted(file, node.getStartMark().getLine() + 1, node.getTag().getValue()));
  }

  private static Node need(Map<String, Node> entries, String name) {
    Node node = entries.get(name);
    if (node == null) {
      throw new IllegalArgumentException(
          "policy: expected %s beside %s in the template".formatted(name, entries.keySet()));
    }
    return node;
  }

  private static <N extends Node> N as(Class<N> type, @Nullable Node node) {
    if (!type.isInstance(node)) {
      throw new IllegalArgumentException(
          "policy: expected a %s in the template, was %s"
              .formatted(
                  type.getSimpleName().replace("Node", ""),
                  node == null ? "nothing" : "line " + (node.getStartMark().getLine() + 1)));
    }
    return type.cast(node);
  }

  private static String text(Node node) {
    return as(ScalarNode.class, node).getValue();
  }

  private static List<Node> items(Node node) {
    return as(SequenceNode.class, node).getValue();
  }

  private static Map<String, Node> entries(@Nullable Node node) {
    var entries = new java.util.LinkedHashMap<String, Node>();
    for (NodeTuple entry : as(MappingNode.class, node).getValue()) {
      entries.put(text(entry.getKeyNode()), entry.getValueNode());
    }
    return entries;
  }
}
