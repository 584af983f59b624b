package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RingsTest {

  private static final Path TEMPLATE = Path.of("template.yaml");
  private static final String FAULT =
      "| a fault | %s | %s | 3 s | next tick | whatever stood here |\n";

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"docs/faults.md", "docs/alarms.md"})
  void aPageTellsWhomTheAlarmsReach(Path page) throws IOException {
    String text = Files.readString(page);
    assertThat(new Rings(TEMPLATE).renewed(text)).isEqualTo(text);
  }

  @Test
  void everyStopOfThePageEndsInAnAlarm() throws IOException {
    String stops = between(Files.readString(Path.of("docs/alarms.md")), Rings.BEGIN, Rings.END);
    assertThat(stops.lines().filter(line -> line.endsWith("| nobody |")))
        .containsExactly("| a deployment runs twice the desired workers | nobody |");
  }

  @Test
  void aFaultThatBlindsScalingIsOneMail() {
    assertThat(told("only the running and desired workers", "fails: …gave no answer…"))
        .isEqualTo("`ScalingBlindAlarm` wakes somebody within 5 min");
    assertThat(told("everything", "fails: …not published…"))
        .isEqualTo("`TicksFailAlarm` writes a ticket within 9 min");
    assertThat(told("everything", "succeeds")).isEqualTo("nobody");
  }

  @Test
  void withoutItsSuppressorTheAlarmOfTheTicksWouldTellOfTheSameFaultToo() throws IOException {
    String template = Files.readString(TEMPLATE);
    String changed =
        template
            .replaceAll(" +ActionsSuppressor: .*\n", "")
            .replace("ActionsSuppressorWaitPeriod", "A");
    Path file = Files.writeString(folder.resolve("template.yaml"), changed);
    assertThat(new Rings(file).renewed(FAULT.formatted("nothing", "fails: …")))
        .contains(
            "`TicksFailAlarm` writes a ticket within 4 min; `ScalingBlindAlarm` wakes somebody"
                + " within 5 min");
  }

  /** CloudWatch looks at seven minutes for five periods, of which none may have a datum. */
  @Test
  void aSilenceOfFivePeriodsWouldBeToldTwoMinutesLater() throws IOException {
    String three = "EvaluationPeriods: 3\n      DatapointsToAlarm: 3";
    assertThat(Files.readString(TEMPLATE)).containsOnlyOnce(three);
    Path file =
        Files.writeString(
            folder.resolve("template.yaml"),
            Files.readString(TEMPLATE).replace(three, three.replace('3', '5')));
    assertThat(new Rings(file).renewed(FAULT.formatted("nothing", "fails: …")))
        .contains("`ScalingBlindAlarm` wakes somebody within 7 min");
  }

  @Test
  void wordsThatNoFaultHasAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> told("half of it", "succeeds"))
        .withMessage(
            "docs: published meanwhile must be words of checks/rehearsal/faults.py, was 'half of"
                + " it'");
  }

  private static String told(String published, String tick) {
    String row = new Rings(TEMPLATE).renewed(FAULT.formatted(published, tick));
    return List.of(row.strip().split(" \\| ")).getLast().replace(" |", "");
  }

  private static String between(String text, String from, String to) {
    return text.substring(text.indexOf(from), text.indexOf(to));
  }
}
