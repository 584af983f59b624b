package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What real Dramatiq 1.18.0 did with the same messages: prefetch-8.csv and prefetch-4.csv, recorded
 * by checks/fixtures/record_prefetch.py with eight processes of four threads.
 */
class PrefetchTest {

  private static final int SEEDS = 40;

  // What Redis, Python and a busy machine add, and the model leaves out: 5 ms or 0.5 % of the
  // messages.
  private static final double HOP = 0.005;

  private record Measured(double sent, double ran, double waited) {}

  @ParameterizedTest
  @ValueSource(ints = {8, 4})
  void theIntervalOfTheModelHoldsTheMeasurement(int prefetch) throws IOException {
    List<Measured> measured = read("prefetch-%d.csv".formatted(prefetch));
    double[] real = measured.stream().mapToDouble(Measured::waited).toArray();
    double[][] modelled =
        IntStream.range(0, SEEDS)
            .mapToObj(seed -> waits(measured, prefetch, seed))
            .toArray(double[][]::new);
    holds("mean", modelled, real, waits -> Arrays.stream(waits).average().orElseThrow());
    holds("p95", modelled, real, waits -> percentile(waits, 0.95));
    holds(
        "share above 1 s",
        modelled,
        real,
        waits -> (double) Arrays.stream(waits).filter(wait -> wait > 1).count() / waits.length);
  }

  private static void holds(
      String name, double[][] modelled, double[] real, ToDoubleFunction<double[]> figure) {
    var interval = Arrays.stream(modelled).mapToDouble(figure).summaryStatistics();
    assertThat(figure.applyAsDouble(real))
        .as(name)
        .isBetween(interval.getMin() - HOP, interval.getMax() + HOP);
  }

  private static double[] waits(List<Measured> measured, int prefetch, int seed) {
    var timeline = new Timeline();
    var none = new Worker.Range(0, 0);
    var worker = new Worker(8, 4, prefetch, none, none, 30, false, Worker.DEFAULT.idlePoll());
    var fleet = new Fleet(timeline, worker, new SplittableRandom(seed), () -> {});
    fleet.begin(1);
    timeline.runUntil(5); // As in the recording: all are idle before the first message.
    List<Job> jobs = measured.stream().map(m -> new Job(5 + m.sent(), m.ran())).toList();
    jobs.forEach(job -> timeline.at(job.sent, () -> fleet.send(job)));
    timeline.runUntil(1e5);
    return jobs.stream().mapToDouble(Job::waited).toArray();
  }

  private static double percentile(double[] waits, double share) {
    double[] sorted = Arrays.stream(waits).sorted().toArray();
    return sorted[(int) Math.ceil(share * sorted.length) - 1];
  }

  private static List<Measured> read(String name) throws IOException {
    var resource = Objects.requireNonNull(PrefetchTest.class.getResourceAsStream(name), name);
    try (var lines = new BufferedReader(new InputStreamReader(resource, StandardCharsets.UTF_8))) {
      return lines
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> line.split(",", -1))
          .map(
              cells ->
                  new Measured(
                      Double.parseDouble(cells[0]),
                      Double.parseDouble(cells[1]),
                      Double.parseDouble(cells[2])))
          .toList();
    }
  }
}
