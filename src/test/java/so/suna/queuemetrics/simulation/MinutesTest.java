package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MinutesTest {

  @TempDir private Path folder;

  @Test
  void aMetricIsFoundByItsLabelWhateverTheOrderOfItsTimes() throws IOException {
    Path file = write("DramatiqBacklogPerWorker", "10:01", 7, "10:00", 5);
    assertThat(Minutes.json("replay", file, "DramatiqBacklogPerWorker"))
        .isEqualTo(Minutes.json("replay", file, ""))
        .containsExactly(
            java.util.Map.entry(Instant.parse("2026-01-01T10:00:00Z"), 5.),
            java.util.Map.entry(Instant.parse("2026-01-01T10:01:00Z"), 7.));
  }

  @Test
  void theLoadIsWhatTheBacklogGrewByAndWhatWasDone() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("both.json"),
            """
            {"MetricDataResults": [
              {"Id": "a", "Label": "DramatiqQueueDepth", "Timestamps":
                ["2026-01-01T10:00:00+00:00", "2026-01-01T10:01:00+00:00", "2026-01-01T10:02:00+00:00"],
                "Values": [0, 30, 10]},
              {"Id": "b", "Label": "DramatiqJobsInFlight", "Timestamps":
                ["2026-01-01T10:00:00+00:00", "2026-01-01T10:01:00+00:00", "2026-01-01T10:02:00+00:00"],
                "Values": [20, 20, 20]}]}
            """);
    var load = Minutes.load(file, Load.Durations.parse("constant 30s"));
    // 30 more and 40 done; 20 less and 40 done.
    assertThat(load.draw(new SplittableRandom(1))).hasSize(70 + 20);
    assertThat(load.seconds()).isEqualTo(120);
  }

  @Test
  void anotherMetricAGapAndAnotherFileAreRefused() throws IOException {
    Path other = write("CPUUtilization", "10:00", 1, "10:01", 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Minutes.json("replay", other, "DramatiqQueueDepth"))
        .withMessage(
            "replay: %s must hold the metric DramatiqQueueDepth, held [CPUUtilization]", other);
    Path gap = write("DramatiqQueueDepth and DramatiqJobsInFlight", "10:00", 1, "10:02", 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Minutes.load(gap, _ -> 60))
        .withMessage("load: %s must hold every minute, had no value for 2026-01-01T10:01:00Z", gap);
    Path text = Files.writeString(folder.resolve("x.json"), "{}");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Minutes.json("load", text, ""))
        .withMessage("load: %s must be what aws cloudwatch get-metric-data prints as JSON", text);
  }

  @Test
  void aFileForAnyMetricMustHoldOneAtFullMinutes() throws IOException {
    Path two =
        Files.writeString(
            folder.resolve("two.json"),
            """
            {"MetricDataResults": [
              {"Label": "a", "Timestamps": ["2026-01-01T10:00:00Z"], "Values": [1]},
              {"Label": "b", "Timestamps": ["2026-01-01T10:00:00Z"], "Values": [1]}]}
            """);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Minutes.json("replay", two, ""))
        .withMessage("replay: %s must hold one metric, held [a, b]", two);
    Path between = write("m", "10:00:3", 1, "10:01", 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Minutes.json("replay", between, ""))
        .withMessage(
            "replay: %s must be what aws cloudwatch get-metric-data prints as JSON", between);
    Path half =
        Files.writeString(
            folder.resolve("half.json"),
            Files.readString(write("n", "10:00", 1, "10:01", 1)).replace("10:01:00", "10:01:30"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Minutes.json("replay", half, ""))
        .withMessage(
            "replay: %s must hold times at the beginning of a minute, had 2026-01-01T10:01:30Z",
            half);
  }

  private Path write(String label, String first, double one, String second, double other)
      throws IOException {
    return Files.writeString(
        folder.resolve(label + ".json"),
        """
        {"MetricDataResults": [{"Id": "m", "Label": "%s",
          "Timestamps": ["2026-01-01T%s:00+00:00", "2026-01-01T%s:00+00:00"], "Values": [%s, %s]}]}
        """
            .formatted(label, first, second, one, other));
  }
}
