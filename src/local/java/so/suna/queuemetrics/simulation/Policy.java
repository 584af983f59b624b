package so.suna.queuemetrics.simulation;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.scaling.ScalingPolicy;
import so.suna.queuemetrics.template.Template;

/**
 * One row of the comparison: what template.yaml deploys with some parameters, and how the workers
 * are set up.
 *
 * @param name as the user gave it
 * @param stampsRead whether datums carry the instant of the read, as the seed's do, and not the end
 *     of the minute before
 * @param recorded whether its metric is a recording, of whatever service
 */
record Policy(
    String name,
    Map<String, String> parameters,
    Template.Scaling scaling,
    Worker worker,
    boolean stampsRead,
    boolean recorded) {

  private static final String BURST_SCALING = "BurstScaling";

  /** The words of a policy and the parameters of the template that they stand for. */
  private static final Map<String, String> PARAMETERS =
      Map.of(
          "target", "QueueTarget",
          "min", "WorkerMinCapacity",
          "max", "WorkerMaxCapacity",
          "out", "ScaleOutCooldown",
          "in", "ScaleInCooldown",
          "burst", BURST_SCALING,
          "metric", "QueueScalingMetric");

  /** Words about the workers and the metric, which no parameter of the template sets. */
  private static final Set<String> WORKER_WORDS =
      Set.of("prefetch", "stop", "protect", "stamp", "others");

  private static final List<String> SWITCH = List.of("true", "false");

  /** The words that take one of a few values. */
  private static final Map<String, List<String>> CHOICES =
      Map.of(
          BURST_SCALING,
          SWITCH,
          "protect",
          SWITCH,
          "stamp",
          List.of("minute", "read"),
          "others",
          List.of("agree", "disagree"));

  /** What the simulated broker and fleet tell. */
  private static final List<String> COMPUTED =
      Stream.of(Metric.BACKLOG_PER_WORKER, Metric.QUEUE_DEPTH, Metric.JOBS_IN_FLIGHT)
          .map(Metric::metricName)
          .toList();

  private static final String WORDS =
      "expected a word such as target=10, min, max, out, in, burst, prefetch, stop, protect or"
          + " metric";

  /** Named policies, each as the words that it stands for. */
  private static final Map<String, String> NAMED =
      Map.of(
          "template", "stamp=minute",
          "seed", "metric=QueueDepth burst=false stamp=read",
          "recommended", "target=12 out=120 burst prefetch=4 stop=120 protect");

  /**
   * @param text policies apart by semicolons; each begins with a name or a template, if it has one
   * @param replays whether {@code metric=replay} is allowed
   * @throws IllegalArgumentException with one sentence that names the place, the value and what is
   *     expected
   */
  static List<Policy> parse(String text, Path template, boolean replays) {
    var templates = new HashMap<Path, Template>();
    var policies =
        Arrays.stream(text.split(";"))
            .map(String::strip)
            .filter(part -> !part.isEmpty())
            .map(part -> one(part, template, templates, replays))
            .toList();
    if (policies.isEmpty()) {
      throw new IllegalArgumentException("policy '%s': %s".formatted(text, WORDS));
    }
    return policies;
  }

  private static Policy one(
      String text, Path template, Map<Path, Template> templates, boolean replays) {
    Path file = template;
    var values = new HashMap<String, String>();
    for (String word : words(text).flatMap(w -> words(NAMED.getOrDefault(w, w))).toList()) {
      if (word.endsWith(".yaml") || word.endsWith(".yml")) {
        file = Path.of(word);
      } else {
        put(values, text, word);
      }
    }
    boolean recorded = values.remove("QueueScalingMetric", "replay");
    if (recorded && !replays) {
      throw new IllegalArgumentException(
          "policy '%s': metric=replay needs -Dreplay=FILE.csv".formatted(text));
    }
    if (recorded) {
      values.putIfAbsent(BURST_SCALING, "false"); // It acts on another metric than the target's.
    }
    Template source = templates.computeIfAbsent(file, Template::new);
    if (!source.declares(BURST_SCALING)) {
      values.remove(BURST_SCALING, "false"); // A template of before it has no such policy.
    }
    var parameters = new HashMap<>(values);
    parameters.keySet().removeAll(WORKER_WORDS);
    var scaling = source.with(parameters, !recorded).workers();
    if (!"disagree".equals(values.get("others"))) {
      scaling = scaling.without(Policy::isPredefined);
    }
    if (scaling.policies().isEmpty()) {
      throw new IllegalArgumentException(
          "policy: %s scales only on CPU and memory, which are not simulated".formatted(file));
    }
    for (ScalingPolicy each : scaling.policies()) {
      if (!recorded && !isPredefined(each) && !COMPUTED.contains(each.metric())) {
        throw new IllegalArgumentException(
            "policy '%s': the metric must be one of %s, was %s"
                .formatted(text, COMPUTED, each.metric()));
      }
    }
    var worker =
        Worker.DEFAULT
            .withPrefetch((int) number(text, values, "prefetch", Worker.DEFAULT.prefetch()))
            .withStopTimeout(number(text, values, "stop", Worker.DEFAULT.stopTimeout()))
            .withProtection("true".equals(values.get("protect")));
    boolean stampsRead = "read".equals(values.get("stamp"));
    return new Policy(text, Map.copyOf(parameters), scaling, worker, stampsRead, recorded);
  }

  /** The metric that a recording has to hold, or nothing if it may be any. */
  String replayed() {
    return recorded ? "" : scaling.policies().getFirst().metric();
  }

  /** CPU and memory are not modelled: they agree to every scale-in, or to none. */
  static boolean isPredefined(ScalingPolicy policy) {
    return policy.metric().startsWith("ECSService");
  }

  private static Stream<String> words(String text) {
    return Arrays.stream(text.strip().split("\\s+"));
  }

  private static void put(Map<String, String> values, String policy, String word) {
    String[] pair = word.split("=", 2);
    String name = PARAMETERS.getOrDefault(pair[0], pair[0]);
    var choices = CHOICES.getOrDefault(name, List.of());
    boolean isSwitch = choices.equals(SWITCH);
    boolean known = WORKER_WORDS.contains(name) || name.matches("[A-Z]\\w+");
    if (!known || (pair.length == 1 && !isSwitch)) {
      throw new IllegalArgumentException(
          "policy '%s': %s, was '%s'".formatted(policy, WORDS, word));
    }
    String value = pair.length == 2 ? pair[1] : "true";
    if (!choices.isEmpty() && !choices.contains(value)) {
      throw new IllegalArgumentException(
          "policy '%s': %s must be %s, was '%s'"
              .formatted(policy, pair[0], String.join(" or ", choices), value));
    }
    values.put(name, value);
  }

  private static double number(
      String policy, Map<String, String> values, String word, double otherwise) {
    String value = values.get(word);
    if (value == null) {
      return otherwise;
    }
    if (!value.matches("[0-9]{1,4}")) {
      throw new IllegalArgumentException(
          "policy '%s': %s must be a number of 0 or more, was '%s'".formatted(policy, word, value));
    }
    return Double.parseDouble(value);
  }
}
