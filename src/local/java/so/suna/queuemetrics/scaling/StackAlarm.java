package so.suna.queuemetrics.scaling;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Function;

/** An alarm as a stack makes it, and whom it tells. */
public sealed interface StackAlarm {

  String name();

  /** What its action is; empty for an alarm that is only the cause of another. */
  Optional<String> tells();

  /**
   * @param value its datapoint of a minute, from what CloudWatch has of that minute by the name of
   *     each metric
   */
  record OfMetrics(
      String name,
      Optional<String> tells,
      Alarm alarm,
      Function<Map<String, Double>, OptionalDouble> value)
      implements StackAlarm {}

  /** {@code AWS::CloudWatch::CompositeAlarm}, in ALARM as long as any of these is. */
  record OfAlarms(
      String name, Optional<String> tells, Set<String> causes, Optional<Suppressor> suppressor)
      implements StackAlarm {
    public OfAlarms {
      causes = Set.copyOf(causes);
    }
  }

  /**
   * An alarm without which nobody is told.
   *
   * @param waitPeriod how long to wait for it after its composite alarm has begun
   * @param extensionPeriod how long to go on as if it rang after it has ended
   */
  record Suppressor(String alarm, Duration waitPeriod, Duration extensionPeriod) {}
}
