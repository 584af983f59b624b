package so.suna.queuemetrics.simulation;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import so.suna.queuemetrics.scaling.ScalingPolicy;

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

  static final String REPLAY = "replay";
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

  private static final String WORDS =
      "expected a word such as target=10, min, max, out, in, burst, prefetch, stop, protect or"
          + " metric";

  /** Named policies, each as the words that it stands for. */
  private static final Map<String, String> NAMED =
      Map.of(
          "template", "",
          "seed", "metric=QueueDepth burst=false stamp=read",
          "recommended", "target=12 out=120 burst prefetch=4 stop=120 protect");

  /**
   * @param text policies apart by semicolons; each begins with a name or a template, if it has one
   * @param replays whether {@code metric=replay} is allowed
   * @throws IllegalArgumentException with one sentence that names the place, the value and what is
   *     expected
   */
  static List<Policy> parse(String text, Path template, boolean replays) {
    var policies = new ArrayList<Policy>();
    for (String part : text.split(";", -1)) {
      policies.add(one(part.strip(), template, replays));
    }
    return policies;
  }

  private static Policy one(String text, Path template, boolean replays) {
    Path file = template;
    var values = new HashMap<String, String>();
    for (String word : words(text)) {
      if (NAMED.containsKey(word)) {
        words(NAMED.getOrDefault(word, "")).forEach(each -> put(values, text, each));
      } else if (word.endsWith(".yaml") || word.endsWith(".yml")) {
        file = Path.of(word);
      } else {
        put(values, text, word);
      }
    }
    boolean recorded = REPLAY.equals(values.get("metric"));
    if (recorded && !replays) {
      throw new IllegalArgumentException(
          "policy '%s': metric=replay needs -Dreplay=FILE.csv".formatted(text));
    }
    if (recorded) {
      values.remove("metric");
      values.putIfAbsent("burst", "false"); // It acts on another metric than the target's.
    }
    var parameters = new HashMap<String, String>();
    values.forEach(
        (word, value) -> {
          if (PARAMETERS.containsKey(word)) {
            parameters.put(PARAMETERS.getOrDefault(word, word), value);
          }
        });
    if (!Template.declares(file, BURST_SCALING)) {
      parameters.remove(BURST_SCALING, "false"); // A template of before it has no such policy.
    }
    var scaling = new Template(file, parameters, !recorded).workers();
    if (!"disagree".equals(values.get("others"))) {
      scaling = scaling.without(each -> !isModelled(each));
    }
    var worker = Worker.DEFAULT;
    if (values.containsKey("prefetch")) {
      worker = worker.withPrefetch((int) number(text, values, "prefetch"));
    }
    if (values.containsKey("stop")) {
      worker = worker.withStopTimeout(number(text, values, "stop"));
    }
    worker = worker.withProtection("true".equals(values.get("protect")));
    return new Policy(
        text.isEmpty() ? "template" : text,
        Map.copyOf(parameters),
        scaling,
        worker,
        "read".equals(values.get("stamp")),
        recorded);
  }

  /** The metric that a recording has to hold, or nothing if it may be any. */
  String replayed() {
    return recorded ? "" : scaling.policies().getFirst().metric();
  }

  /** CPU and memory are not modelled: they agree to every scale-in, or to none. */
  static boolean isModelled(ScalingPolicy policy) {
    return policy.metric().startsWith("Dramatiq");
  }

  private static List<String> words(String text) {
    return Arrays.stream(text.split("\\s+", -1)).filter(word -> !word.isEmpty()).toList();
  }

  private static void put(Map<String, String> values, String policy, String word) {
    String[] pair = word.split("=", 2);
    boolean isSwitch = List.of("burst", "protect").contains(pair[0]);
    boolean known =
        PARAMETERS.containsKey(pair[0])
            || List.of("prefetch", "stop", "protect", "stamp", "others").contains(pair[0]);
    if (!known || (pair.length == 1 && !isSwitch)) {
      throw new IllegalArgumentException(
          "policy '%s': %s, was '%s'".formatted(policy, WORDS, word));
    }
    String value = pair.length == 2 ? pair[1] : "true";
    if (isSwitch && !value.equals("true") && !value.equals("false")) {
      throw new IllegalArgumentException(
          "policy '%s': %s must be true or false, was '%s'".formatted(policy, pair[0], value));
    }
    values.put(pair[0], value);
  }

  private static double number(String policy, Map<String, String> values, String word) {
    String value = values.getOrDefault(word, "");
    if (!value.matches("[0-9]{1,4}")) {
      throw new IllegalArgumentException(
          "policy '%s': %s must be a number of 0 or more, was '%s'".formatted(policy, word, value));
    }
    return Double.parseDouble(value);
  }
}
