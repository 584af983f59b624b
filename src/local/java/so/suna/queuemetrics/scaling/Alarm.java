package so.suna.queuemetrics.scaling;

import java.util.List;
import java.util.OptionalDouble;

/**
 * A CloudWatch alarm on one-minute datapoints. Immutable and pure.
 *
 * <p>CloudWatch retrieves more datapoints than it evaluates, and documents this "evaluation range"
 * only for 3 of 3: five. Two more than {@code periods} is assumed for every alarm. The rules for
 * missing data are those of the tables in <a
 * href="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html">Configuring
 * how CloudWatch alarms treat missing data</a>.
 *
 * @param periods datapoints that are evaluated, N
 * @param datapointsToAlarm of those, how many have to breach, M
 */
public record Alarm(
    Comparison comparison,
    double threshold,
    int periods,
    int datapointsToAlarm,
    MissingData missingData) {

  private static final int RETRIEVED_BEYOND_PERIODS = 2;

  public enum State {
    OK,
    ALARM,
    INSUFFICIENT_DATA
  }

  /** {@code TreatMissingData} of an alarm. */
  public enum MissingData {
    MISSING,
    IGNORE,
    BREACHING,
    NOT_BREACHING
  }

  /** {@code ComparisonOperator} of an alarm. */
  public enum Comparison {
    GREATER_THAN,
    GREATER_THAN_OR_EQUAL,
    LESS_THAN,
    LESS_THAN_OR_EQUAL
  }

  public Alarm {
    if (datapointsToAlarm < 1 || datapointsToAlarm > periods) {
      throw new IllegalArgumentException(
          "datapoints to alarm must be 1 to %d (the periods), was %d"
              .formatted(periods, datapointsToAlarm));
    }
  }

  /**
   * An alarm as target tracking makes it: all datapoints have to breach, missing ones are missing.
   */
  static Alarm ofTracking(Comparison comparison, double threshold, int periods) {
    return new Alarm(comparison, threshold, periods, periods, MissingData.MISSING);
  }

  /** Datapoints that CloudWatch looks at, the newest included. */
  public int evaluationRange() {
    return periods + RETRIEVED_BEYOND_PERIODS;
  }

  /**
   * The state after one evaluation.
   *
   * @param range the last {@link #evaluationRange()} minutes, oldest first, empty where no datum
   *     came
   * @param before the state until now, which {@link MissingData#IGNORE} keeps
   */
  public State evaluate(List<OptionalDouble> range, State before) {
    double[] known =
        range.stream()
            .filter(OptionalDouble::isPresent)
            .mapToDouble(OptionalDouble::getAsDouble)
            .toArray();
    int evaluated = Math.min(known.length, periods);
    int missing = periods - evaluated;
    int breaching = 0;
    for (int i = known.length - evaluated; i < known.length; i++) {
      breaching += breaches(known[i]) ? 1 : 0;
    }
    if (missingData == MissingData.BREACHING) {
      breaching += missing;
    }
    if (breaching >= datapointsToAlarm) {
      return State.ALARM;
    }
    if (missing == 0
        || missingData == MissingData.BREACHING
        || missingData == MissingData.NOT_BREACHING
        || breaching < evaluated) {
      return State.OK;
    }
    // What is known breaches, but is too little: none at all, or fewer than M.
    if (missingData == MissingData.IGNORE) {
      return before;
    }
    return ageOfOldest(range) >= datapointsToAlarm ? State.ALARM : State.INSUFFICIENT_DATA;
  }

  private boolean breaches(double value) {
    return switch (comparison) {
      case GREATER_THAN -> value > threshold;
      case GREATER_THAN_OR_EQUAL -> value >= threshold;
      case LESS_THAN -> value < threshold;
      case LESS_THAN_OR_EQUAL -> value <= threshold;
    };
  }

  /** In minutes, 1 for the newest; 0 where nothing is known. */
  private static int ageOfOldest(List<OptionalDouble> range) {
    for (int i = 0; i < range.size(); i++) {
      if (range.get(i).isPresent()) {
        return range.size() - i;
      }
    }
    return 0;
  }
}
