package so.suna.queuemetrics.simulation;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import so.suna.queuemetrics.scaling.AlarmBoard;
import so.suna.queuemetrics.scaling.StackAlarm;
import so.suna.queuemetrics.template.Template;

/**
 * Which alarm of template.yaml rings, when, and whom it reaches, if something lasts for an hour:
 * the faults that docs/faults.md saw, and the stops that docs/alarms.md lists.
 */
final class Rings {

  static final String BEGIN = "<!-- what ./mvnw -q -Psimulate -Ddocs=docs/alarms.md prints -->";
  static final String END = "<!-- end -->";

  // A row of docs/faults.md: what was published, how the tick ended, within how many seconds.
  private static final Pattern FAULT =
      Pattern.compile(
          "(?m)^(\\| [^|]+ \\| ([^|]+) \\| (succeeds|fails)[^|]* \\| (\\d+) s \\| [^|]+"
              + " \\|)[^|]*\\|$");

  private static final String ON_CALL = "arn:aws:sns:us-west-2:123456789012:on-call";
  private static final String TICKETS = "arn:aws:sns:us-west-2:123456789012:tickets";
  // Long enough for an alarm to have settled before, and to be over afterwards.
  private static final int BEFORE = 30;
  private static final int DURING = 60;
  private static final int AFTER = 30;

  private static final Set<String> OF_WORKERS =
      Set.of("DramatiqRunningWorkers", "DramatiqDesiredWorkers");
  private static final String BACKLOG_PER_WORKER = "DramatiqBacklogPerWorker";

  private static final Map<String, Double> HEALTHY =
      Map.ofEntries(
          Map.entry("DramatiqQueueDepth", 5.0),
          Map.entry("DramatiqJobsInFlight", 15.0),
          Map.entry("DramatiqJobsDelayed", 1.0),
          Map.entry("DramatiqOrphanedMessages", 0.0),
          Map.entry("DramatiqDeadLetters", 2.0),
          Map.entry("DramatiqNewDeadLetters", 0.0),
          Map.entry("DramatiqOldestJobAge", 20.0),
          Map.entry("DramatiqActiveBrokers", 9.0),
          Map.entry("DramatiqRunningWorkers", 2.0),
          Map.entry("DramatiqDesiredWorkers", 2.0),
          Map.entry(BACKLOG_PER_WORKER, 10.0),
          Map.entry("Errors of PublishFunction", 0.0),
          Map.entry("Throttles of PublishFunction", 0.0),
          Map.entry("Duration of PublishFunction", 200.0));

  /** What stops, and what CloudWatch has of each minute since then. */
  private record Stop(String what, IntFunction<Map<String, Double>> minutes) {}

  private static final List<Stop> STOPS =
      List.of(
          new Stop("the rule of the tick is off", _ -> Map.of()),
          new Stop(
              "EventBridge may not start the publisher", _ -> Map.of("FailedInvocations", 1.0)),
          new Stop(
              "Lambda has no free execution for ticks",
              _ -> Map.of("Throttles of PublishFunction", 3.0)),
          new Stop("every tick runs into Lambda's limit of 30 s", _ -> own(Set.of(), 1, 30)),
          new Stop(
              "the age of the oldest message cannot be read",
              _ -> without(Set.of("DramatiqOldestJobAge"))),
          new Stop(
              "the settings name the wrong Redis, database or namespace",
              _ ->
                  with(
                      Map.of(
                          "DramatiqQueueDepth",
                          0.0,
                          "DramatiqJobsInFlight",
                          0.0,
                          "DramatiqOldestJobAge",
                          0.0,
                          "DramatiqActiveBrokers",
                          0.0,
                          BACKLOG_PER_WORKER,
                          0.0))),
          new Stop(
              "all workers are gone, and none starts",
              minute ->
                  with(
                      Map.of(
                          "DramatiqRunningWorkers", 0.0,
                          "DramatiqActiveBrokers", 0.0,
                          "DramatiqOldestJobAge", 60.0 * minute))),
          new Stop(
              "new workers cannot start, the old ones keep up",
              _ -> with(Map.of("DramatiqDesiredWorkers", 6.0))),
          new Stop(
              "workers run and take nothing",
              minute -> with(Map.of("DramatiqOldestJobAge", 60.0 * minute))),
          new Stop(
              "the load needs more than `WorkerMaxCapacity` workers",
              minute ->
                  with(
                      Map.of(
                          "DramatiqRunningWorkers", 20.0,
                          "DramatiqDesiredWorkers", 20.0,
                          "DramatiqOldestJobAge", 30.0 * minute))),
          new Stop(
              "a worker gives up on a message",
              minute -> with(Map.of("DramatiqNewDeadLetters", minute == 0 ? 1.0 : 0.0))),
          new Stop(
              "a deployment runs twice the desired workers",
              _ -> with(Map.of("DramatiqDesiredWorkers", 12.0, "DramatiqRunningWorkers", 24.0))));

  private final List<StackAlarm> alarms;

  Rings(Path template) {
    alarms =
        new Template(template)
            .with(Map.of("AlarmTopicArn", ON_CALL, "TicketTopicArn", TICKETS), true)
            .alarms();
  }

  /** The page with its last column, or what stands between its marks, as the template says now. */
  String renewed(String page) {
    int from = page.indexOf(BEGIN);
    int to = page.indexOf(END);
    return 0 <= from && from < to
        ? page.substring(0, from + BEGIN.length()) + "\n" + stops() + page.substring(to)
        : FAULT.matcher(page).replaceAll(row -> Matcher.quoteReplacement(renewed(row)));
  }

  private String renewed(MatchResult row) {
    int errors = row.group(3).equals("fails") ? 1 : 0;
    var meanwhile = own(published(row.group(2)), errors, Integer.parseInt(row.group(4)));
    return "%s %s |".formatted(row.group(1), told(_ -> meanwhile));
  }

  /** The metrics that a tick published, by the words of docs/faults.md. */
  private static Set<String> published(String words) {
    var ours = HEALTHY.keySet().stream().filter(Rings::isOurs).collect(Collectors.toSet());
    switch (words) {
      case "everything" -> {}
      case "nothing" -> ours.clear();
      case "only the running and desired workers" -> ours.retainAll(OF_WORKERS);
      case "all but the three of the workers" -> {
        ours.removeAll(OF_WORKERS);
        ours.remove(BACKLOG_PER_WORKER);
      }
      default ->
          throw new IllegalArgumentException(
              "docs: published meanwhile must be words of checks/rehearsal/faults.py, was '%s'"
                  .formatted(words));
    }
    return ours;
  }

  private static boolean isOurs(String metric) {
    return metric.startsWith("Dramatiq");
  }

  private static Map<String, Double> own(Set<String> published, int errors, int seconds) {
    var minute = new HashMap<String, Double>(HEALTHY);
    minute.keySet().removeIf(metric -> isOurs(metric) && !published.contains(metric));
    minute.put("Errors of PublishFunction", (double) errors);
    minute.put("Duration of PublishFunction", 1_000.0 * seconds);
    return minute;
  }

  private static Map<String, Double> with(Map<String, Double> changed) {
    var minute = new HashMap<String, Double>(HEALTHY);
    minute.putAll(changed);
    return minute;
  }

  private static Map<String, Double> without(Set<String> unread) {
    var minute = with(Map.of("Errors of PublishFunction", 1.0));
    minute.keySet().removeAll(unread);
    return minute;
  }

  private String stops() {
    return "| what stops | who is told, if it lasts |\n|---|---|\n"
        + STOPS.stream()
            .map(stop -> "| %s | %s |%n".formatted(stop.what(), told(stop.minutes())))
            .collect(Collectors.joining());
  }

  /**
   * @param meanwhile what CloudWatch has of each minute since the fault began
   */
  private String told(IntFunction<Map<String, Double>> meanwhile) {
    var messages = messages(meanwhile);
    return messages.isEmpty()
        ? "nobody"
        : messages.stream().map(Rings::text).collect(Collectors.joining("; "));
  }

  private static String text(AlarmBoard.Message message) {
    return "`%s` %s within %d min"
        .formatted(
            message.alarm(),
            message.to().equals(ON_CALL) ? "wakes somebody" : "writes a ticket",
            // The first bad tick runs at the beginning of its minute, and an alarm looks at a
            // minute at some second of the next.
            message.minute() - BEFORE + 2);
  }

  List<AlarmBoard.Message> messages(IntFunction<Map<String, Double>> meanwhile) {
    var ticks = new ArrayList<Map<String, Double>>();
    IntStream.range(0, BEFORE).forEach(_ -> ticks.add(HEALTHY));
    IntStream.range(0, DURING).forEach(minute -> ticks.add(meanwhile.apply(minute)));
    IntStream.range(0, AFTER).forEach(_ -> ticks.add(HEALTHY));
    var minutes = new ArrayList<Map<String, Double>>();
    for (int minute = 0; minute < ticks.size(); minute++) {
      var both = new HashMap<String, Double>();
      // Our datums are stamped with the minute before the tick, those of Lambda with its own.
      ticks
          .get(Math.min(minute + 1, ticks.size() - 1))
          .forEach((metric, value) -> put(both, metric, value, isOurs(metric)));
      ticks.get(minute).forEach((metric, value) -> put(both, metric, value, !isOurs(metric)));
      minutes.add(both);
    }
    return AlarmBoard.run(alarms, minutes);
  }

  private static void put(Map<String, Double> minute, String metric, double value, boolean counts) {
    if (counts) {
      minute.put(metric, value);
    }
  }
}
