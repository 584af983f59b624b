package so.suna.queuemetrics.scaling;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The alarms of a stack, evaluated once a minute on complete minutes, and the messages that they
 * send. Composite alarms follow <a
 * href="https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html">PutCompositeAlarm</a>.
 * For one thread.
 */
public final class AlarmBoard {

  private final List<StackAlarm> alarms;
  private final Map<String, Alarm.State> states = new HashMap<>();
  private final Set<String> ringing = new HashSet<>();
  private final Set<String> told = new HashSet<>();
  private final Map<String, Integer> heldUntil = new HashMap<>();

  /**
   * @param minute the last complete one when the alarm told
   * @param alarm its name
   */
  public record Message(int minute, String alarm, String to) {}

  private AlarmBoard(List<StackAlarm> alarms) {
    // Causes before the alarms that look at them, and the suppressor before what it suppresses.
    this.alarms =
        new ArrayList<>(alarms.stream().filter(StackAlarm.OfMetrics.class::isInstance).toList());
    for (boolean suppressed : new boolean[] {false, true}) {
      alarms.stream()
          .filter(
              alarm ->
                  alarm instanceof StackAlarm.OfAlarms composite
                      && composite.suppressor().isPresent() == suppressed)
          .forEach(this.alarms::add);
    }
  }

  /**
   * @param minutes what CloudWatch has of each minute, by the name of each metric
   */
  public static List<Message> run(List<StackAlarm> alarms, List<Map<String, Double>> minutes) {
    var board = new AlarmBoard(alarms);
    var messages = new ArrayList<Message>();
    for (int minute = 0; minute < minutes.size(); minute++) {
      for (StackAlarm alarm : board.alarms) {
        boolean tells =
            switch (alarm) {
              case StackAlarm.OfMetrics metrics -> board.tells(metrics, minutes, minute);
              case StackAlarm.OfAlarms composite -> board.tells(composite, minute);
            };
        if (tells && alarm.tells().isPresent()) {
          messages.add(new Message(minute, alarm.name(), alarm.tells().get()));
        }
      }
    }
    return messages;
  }

  private boolean tells(StackAlarm.OfMetrics alarm, List<Map<String, Double>> minutes, int minute) {
    var range =
        IntStream.rangeClosed(minute - alarm.alarm().evaluationRange() + 1, minute)
            .mapToObj(
                each -> each < 0 ? OptionalDouble.empty() : alarm.value().apply(minutes.get(each)))
            .toList();
    var before = states.getOrDefault(alarm.name(), Alarm.State.INSUFFICIENT_DATA);
    var state = alarm.alarm().evaluate(range, before);
    states.put(alarm.name(), state);
    return begins(alarm.name(), state == Alarm.State.ALARM);
  }

  private boolean tells(StackAlarm.OfAlarms alarm, int minute) {
    String name = alarm.name();
    boolean rings = alarm.causes().stream().anyMatch(ringing::contains);
    boolean begins = begins(name, rings);
    if (!rings) {
      told.remove(name);
      return false;
    }
    alarm
        .suppressor()
        .ifPresent(
            suppressor -> {
              if (ringing.contains(suppressor.alarm())) {
                heldUntil.put(name, minute + (int) suppressor.extensionPeriod().toMinutes());
              } else if (begins) {
                heldUntil.merge(
                    name, minute + (int) suppressor.waitPeriod().toMinutes(), Math::max);
              }
            });
    boolean suppressed =
        alarm.suppressor().filter(each -> ringing.contains(each.alarm())).isPresent()
            || minute < heldUntil.getOrDefault(name, 0);
    return !suppressed && told.add(name);
  }

  private boolean begins(String name, boolean rings) {
    if (rings) {
      return ringing.add(name);
    }
    ringing.remove(name);
    return false;
  }
}
