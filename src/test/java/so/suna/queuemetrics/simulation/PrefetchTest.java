package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What real Dramatiq 1.18.0 did with the same messages: prefetch-8.csv and prefetch-4.csv, recorded
 * by checks/fixtures/record_prefetch.py with eight processes of four threads.
 */
class PrefetchTest {

  private static final Path RECORDED =
      Path.of("src/test/resources/so/suna/queuemetrics/simulation");
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
    try (Stream<String> lines = Files.lines(RECORDED.resolve(name))) {
      return lines
          .filter(line -> !line.startsWith("#"))
          .map(line -> Stream.of(line.split(",", -1)).mapToDouble(Double::parseDouble).toArray())
          .map(cells -> new Measured(cells[0], cells[1], cells[2]))
          .toList();
    }
  }
}
