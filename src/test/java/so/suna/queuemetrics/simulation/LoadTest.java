package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoadTest {

  @TempDir private Path folder;

  @Test
  void piecesFollowEachOther() {
    var load = Load.parse("20/min for 1h, 200/min for 10m,500 at once, 1/s for 90 s");
    assertThat(load.seconds()).isEqualTo(3_600 + 600 + 90);
    double[] sent = load.draw(new SplittableRandom(1));
    assertThat(sent).isSorted();
    assertThat(within(sent, 0, 3_600)).isBetween(1_100, 1_300);
    assertThat(within(sent, 3_600, 4_200)).isBetween(1_870, 2_130);
    assertThat(Arrays.stream(sent).filter(at -> at == 4_200)).hasSize(500);
    assertThat(load.surge()).hasValue(3_600);
  }

  @Test
  void aWaveGoesUpAndDownAndARampOnlyUp() {
    double[] wave = Load.parse("wave 0-120/min for 2h").draw(new SplittableRandom(2));
    assertThat(within(wave, 0, 1_800)).isBetween(550, 760); // 30 min x 60 x (1/2 - 1/pi) x 2
    assertThat(within(wave, 1_800, 5_400)).isBetween(5_600, 6_180);
    double[] ramp = Load.parse("0-120/min for 2h").draw(new SplittableRandom(3));
    assertThat(within(ramp, 0, 3_600)).isBetween(1_640, 1_960);
    assertThat(within(ramp, 3_600, 7_200)).isBetween(5_180, 5_620);
    assertThat(Load.parse("wave 0-120/min for 2h").surge()).isEmpty();
  }

  @Test
  void aFileSaysHowManyInEachMinute() throws IOException {
    Path file =
        write(
            "time,jobs",
            "2026-01-01T00:00:00Z,3",
            "2026-01-01T00:01:00Z,0",
            "2026-01-01T00:02:00Z,5");
    var load = Load.parse(file.toString());
    assertThat(load.seconds()).isEqualTo(180);
    double[] sent = load.draw(new SplittableRandom(1));
    assertThat(within(sent, 0, 60)).isEqualTo(3);
    assertThat(within(sent, 60, 120)).isZero();
    assertThat(within(sent, 120, 180)).isEqualTo(5);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          20/min for 1h, 5/fortnight for 1h | load, piece 2 '5/fortnight for 1h': a unit must be s, m or min, h or d, was 'fortnight'
          -20/min for 1h                    | load, piece 1 '-20/min for 1h': a number must be 0 or more, was -20
          20 for 1h                         | load, piece 1 '20 for 1h': expected such as '20/min for 1h', '10-60/min for 2h', 'wave 10-200/min for 24h', '500 at once' or 'deploy'
          500 at once, deploy               | load '500 at once, deploy': expected a duration of more than 0, add such as ', 0/min for 1h'
          9000/s for 1h                     | load '9000/s for 1h': expected at most 5000000 jobs, was up to 32400000
          nosuch.csv                        | load: expected a readable file with lines such as 2026-01-01T12:00:00Z,20, was 'nosuch.csv'
          """)
  void aBadLoadIsRefusedWithPlaceValueAndWhatIsExpected(String load, String message) {
    assertThatIllegalArgumentException().isThrownBy(() -> Load.parse(load)).withMessage(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          2026-01-01T00:00:00Z,3        | expected a time after 2026-01-01T00:00:00Z
          2026-01-01T00:01:30Z,3        | the time must be the beginning of a minute
          2026-01-01T00:01:00Z,Infinity | the value must be one number of 0 or more
          2026-01-01T00:01:00Z,-3       | the value must be one number of 0 or more
          2026-01-01T00:01:00Z          | the value must be one number of 0 or more
          yesterday,3                   | expected such as 2026-01-01T12:00:00Z,20
          2026-01-01T00:01:00Z,many     | expected such as 2026-01-01T12:00:00Z,20
          """)
  void aBadLineIsRefusedByItsNumber(String line, String message) throws IOException {
    Path file = write("2026-01-01T00:00:00Z,3", line);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Load.parse(file.toString()))
        .withMessage("load, %s line 2 '%s': %s", file, line, message);
  }

  @Test
  void aReplayMayMissAMinuteButNotALoad() throws IOException {
    Path file = write("2026-01-01T00:00:00Z,3", "2026-01-01T00:02:00Z,5");
    assertThat(Minutes.csv("replay", file)).hasSize(2);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Load.parse(file.toString()))
        .withMessage(
            "load: %s must hold every minute, had no value for 2026-01-01T00:01:00Z", file);
  }

  @Test
  void timesAreUtcUnlessTheyHaveAnOffset() throws IOException {
    Path file = write("2026-01-01T00:00,3", "2026-01-01T02:01:00+02:00,5", "2026-01-01T00:02Z,7");
    assertThat(Minutes.csv("replay", file).values()).containsExactly(3., 5., 7.);
  }

  @Test
  void aDeploymentHasItsTimeAndNoJobs() {
    var load = Load.parse("0/min for 10m, deploy, 60/min for 5m, deploy");
    assertThat(load.deployments()).containsExactly(600., 900.);
    assertThat(load.seconds()).isEqualTo(900);
    assertThat(load.draw(new SplittableRandom(1))).hasSizeBetween(240, 360).isSorted();
  }

  @ParameterizedTest
  @CsvSource({"constant 60s, 60, 0", "exponential 1m, 60, 60", "lognormal 60 s 1.0, 60, 78.6"})
  void durationsHaveTheirMeanAndDeviation(String text, double mean, double deviation) {
    var durations = Load.Durations.parse(text);
    var random = new SplittableRandom(5);
    double[] drawn = new double[200_000];
    Arrays.setAll(drawn, _ -> durations.draw(random));
    double seen = Arrays.stream(drawn).average().orElseThrow();
    double variance =
        Arrays.stream(drawn).map(d -> (d - seen) * (d - seen)).average().orElseThrow();
    assertThat(seen).isBetween(mean * 0.98, mean * 1.02);
    assertThat(Math.sqrt(variance)).isBetween(deviation * 0.95, deviation * 1.05);
  }

  @Test
  void durationsMayBeDrawnFromAFile() throws IOException {
    var durations = Load.Durations.parse(write("3", "", "5").toString());
    assertThat(
            new SplittableRandom(1)
                .ints(100)
                .mapToDouble(seed -> durations.draw(new SplittableRandom(seed))))
        .containsOnly(3., 5.);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          lognormal 60s    | jobs 'lognormal 60s': lognormal needs a sigma after the mean, the others take none
          constant 60s 1.0 | jobs 'constant 60s 1.0': lognormal needs a sigma after the mean, the others take none
          constant 60y     | jobs 'constant 60y': a unit must be s, m or min, h or d, was 'y'
          constant -1s     | jobs 'constant -1s': a number must be 0 or more, was -1
          normal 60s       | jobs: expected 'constant 60s', 'exponential 60s', 'lognormal 60s 1.0' or a readable file, was 'normal 60s'
          """)
  void badDurationsAreRefused(String text, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Load.Durations.parse(text))
        .withMessage(message);
  }

  @Test
  void aBadSampleIsRefused() throws IOException {
    Path file = write("3", "three");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Load.Durations.parse(file.toString()))
        .withMessage("jobs, %s: expected a duration in seconds on each line, was 'three'", file);
  }

  private static int within(double[] sent, double from, double to) {
    return (int) Arrays.stream(sent).filter(at -> at >= from && at < to).count();
  }

  private Path write(String... lines) throws IOException {
    return Files.write(folder.resolve("load.csv"), java.util.List.of(lines));
  }
}
