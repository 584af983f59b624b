package so.suna.queuemetrics.scaling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.scaling.Alarm.Comparison;
import so.suna.queuemetrics.scaling.Alarm.MissingData;
import so.suna.queuemetrics.scaling.Alarm.State;

/**
 * The tables of <a
 * href="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html">Configuring
 * how CloudWatch alarms treat missing data</a>: X breaches, 0 does not, - is missing, newest last.
 */
class AlarmTest {

  private static final double THRESHOLD = 10;

  @ParameterizedTest(
      name = "{0} of 3, {1}: missing {2}, ignore {3}, breaching {4}, notBreaching {5}")
  @CsvSource({
    "3, 0 - X - X, OK, OK, OK, OK",
    "3, - - - - 0, OK, OK, OK, OK",
    "3, - - - - -, INSUFFICIENT_DATA, KEPT, ALARM, OK",
    "3, 0 X X - X, ALARM, ALARM, ALARM, ALARM",
    "3, - - X - -, ALARM, KEPT, ALARM, OK",
    // From the text below the tables: neither goes to ALARM at once.
    "3, - - - - X, INSUFFICIENT_DATA, KEPT, ALARM, OK",
    "3, - - - X -, INSUFFICIENT_DATA, KEPT, ALARM, OK",
    "3, - - - X 0, OK, OK, OK, OK",
    "3, - - X - 0, OK, OK, OK, OK",
    // Still in the range, though older than three periods.
    "3, X - - - -, ALARM, KEPT, ALARM, OK",
    "2, 0 - X - X, ALARM, ALARM, ALARM, ALARM",
    "2, 0 0 X 0 X, ALARM, ALARM, ALARM, ALARM",
    "2, 0 - X - -, OK, OK, ALARM, OK",
    "2, - - - - 0, OK, OK, ALARM, OK",
    "2, - - - X -, ALARM, KEPT, ALARM, OK"
  })
  void missingDataCountAsTheyAreTreated(
      int points, String data, String missing, String ignore, String breaching, String not) {
    assertThat(states(points, data)).containsExactly(missing, ignore, breaching, not);
  }

  @Test
  void anAlarmOfFifteenLooksAtTwoMinutesMore() {
    var low = Alarm.ofTracking(Comparison.LESS_THAN, 9, 15);
    assertThat(low.evaluationRange()).isEqualTo(17);
    assertThat(low.evaluate(range("X X " + "0 ".repeat(15), 20), State.OK)).isEqualTo(State.ALARM);
    assertThat(low.evaluate(range("- X - " + "0 ".repeat(14), 20), State.OK)).isEqualTo(State.OK);
    assertThat(low.evaluate(range("- - - " + "0 ".repeat(14), 20), State.OK))
        .isEqualTo(State.INSUFFICIENT_DATA);
    assertThat(low.evaluate(range("0 ".repeat(15) + "- -", 20), State.OK)).isEqualTo(State.ALARM);
  }

  @ParameterizedTest
  @CsvSource({
    "GREATER_THAN, 10, OK",
    "GREATER_THAN, 10.1, ALARM",
    "GREATER_THAN_OR_EQUAL, 10, ALARM",
    "GREATER_THAN_OR_EQUAL, 9.9, OK",
    "LESS_THAN, 10, OK",
    "LESS_THAN, 9.9, ALARM",
    "LESS_THAN_OR_EQUAL, 10, ALARM",
    "LESS_THAN_OR_EQUAL, 10.1, OK"
  })
  void comparesAsItsOperatorSays(Comparison comparison, double value, State expected) {
    var alarm = new Alarm(comparison, THRESHOLD, 1, 1, MissingData.MISSING);
    assertThat(alarm.evaluate(List.of(OptionalDouble.of(value)), State.OK)).isEqualTo(expected);
  }

  @Test
  void refusesMoreDatapointsThanPeriods() {
    assertThatThrownBy(() -> new Alarm(Comparison.GREATER_THAN, 1, 3, 4, MissingData.MISSING))
        .hasMessage("datapoints to alarm must be 1 to 3 (the periods), was 4");
  }

  /** KEPT: the state is the one before, whichever that was. */
  private static List<String> states(int datapointsToAlarm, String data) {
    return Arrays.stream(MissingData.values())
        .map(
            missing -> {
              var alarm =
                  new Alarm(Comparison.GREATER_THAN, THRESHOLD, 3, datapointsToAlarm, missing);
              State fromOk = alarm.evaluate(range(data, THRESHOLD + 1), State.OK);
              State fromAlarm = alarm.evaluate(range(data, THRESHOLD + 1), State.ALARM);
              return fromOk == fromAlarm ? fromOk.name() : "KEPT";
            })
        .toList();
  }

  private static List<OptionalDouble> range(String data, double x) {
    return Arrays.stream(data.strip().split(" ", -1))
        .map(
            point ->
                switch (point) {
                  case "X" -> OptionalDouble.of(x);
                  case "0" -> OptionalDouble.of(0);
                  default -> OptionalDouble.empty();
                })
        .toList();
  }
}
