package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * A fleet that fetches at once and not ahead is a queue with as many servers as it has threads, and
 * such queues have exact solutions: queues.csv.
 */
class QueueingTheoryTest {

  private static final int BATCHES = 20;
  private static final int JOBS = 100_000;

  // What happens to one job in a thousand comes in clumps: of so few the error says nothing.
  private static final double COUNTABLE = 1e-3;

  private record Expected(
      String queue, int servers, double load, double meanWait, double waiting, double backlog) {}

  @TestFactory
  Stream<DynamicTest> waitsAreThoseOfTheory() {
    return expected().filter(queue -> !queue.queue().equals("fluid")).map(this::wait);
  }

  @TestFactory
  Stream<DynamicTest> backlogsDrainWithinTheTimeOfTheory() {
    return expected().filter(queue -> queue.queue().equals("fluid")).map(this::drain);
  }

  private DynamicTest wait(Expected queue) {
    return dynamicTest(
        "%s with %d servers at %s".formatted(queue.queue(), queue.servers(), queue.load()),
        () -> {
          List<Job> jobs = run(queue, 0, JOBS);
          List<Job> settled = jobs.subList(JOBS / 10, JOBS);
          holds(settled, Job::waited, queue.meanWait());
          holds(settled, job -> job.waited() > 1e-9 ? 1 : 0, queue.waiting());
        });
  }

  /**
   * Within three standard errors, which batch means give; a batch is longer than what it remembers.
   */
  private static void holds(List<Job> jobs, ToDoubleFunction<Job> figure, double expected) {
    int size = jobs.size() / BATCHES;
    double[] means = new double[BATCHES];
    for (int i = 0; i < BATCHES; i++) {
      means[i] =
          jobs.subList(i * size, (i + 1) * size).stream()
              .mapToDouble(figure)
              .average()
              .orElseThrow();
    }
    double mean = Arrays.stream(means).average().orElseThrow();
    double variance = Arrays.stream(means).map(m -> (m - mean) * (m - mean)).sum() / (BATCHES - 1);
    if (expected < COUNTABLE) {
      assertThat(mean).isLessThan(2 * COUNTABLE);
      return;
    }
    double error = Math.sqrt(variance / BATCHES);
    assertThat(Math.abs(mean - expected))
        .as("mean %s of expected %s, standard error %s", mean, expected, error)
        .isLessThanOrEqualTo(3 * error);
  }

  private DynamicTest drain(Expected queue) {
    return dynamicTest(
        "a backlog of %.0f with %d servers at %s"
            .formatted(queue.backlog(), queue.servers(), queue.load()),
        () -> {
          double[] drained =
              new SplittableRandom(7)
                  .longs(BATCHES)
                  .mapToDouble(seed -> drainTime(queue, seed))
                  .toArray();
          double mean = Arrays.stream(drained).average().orElseThrow();
          double variance =
              Arrays.stream(drained).map(d -> (d - mean) * (d - mean)).sum() / (BATCHES - 1);
          assertThat(mean)
              .isCloseTo(queue.meanWait(), Offset.offset(3 * Math.sqrt(variance / BATCHES)));
        });
  }

  private static double drainTime(Expected queue, long seed) {
    var timeline = new Timeline();
    var random = new SplittableRandom(seed);
    Fleet fleet = fleet(timeline, queue.servers());
    for (int i = 0; i < queue.backlog() + queue.servers(); i++) {
      fleet.send(new Job(0, random.nextExponential()));
    }
    double rate = queue.load() * queue.servers();
    if (rate > 0) {
      send(timeline, fleet, random, rate);
    }
    while (fleet.waiting() > 0) {
      timeline.runUntil(timeline.now() + 0.01);
    }
    return timeline.now();
  }

  private static void send(Timeline timeline, Fleet fleet, SplittableRandom random, double rate) {
    timeline.in(
        random.nextExponential() / rate,
        () -> {
          fleet.send(new Job(timeline.now(), random.nextExponential()));
          send(timeline, fleet, random, rate);
        });
  }

  private static List<Job> run(Expected queue, long seed, int count) {
    var random = new SplittableRandom(seed);
    var timeline = new Timeline();
    Fleet fleet = fleet(timeline, queue.servers());
    var jobs = new ArrayList<Job>(count);
    double at = 0;
    for (int i = 0; i < count; i++) {
      at += random.nextExponential() / (queue.load() * queue.servers());
      Job job = new Job(at, queue.queue().equals("M/M/c") ? random.nextExponential() : 1);
      jobs.add(job);
      timeline.runUntil(at);
      fleet.send(job);
    }
    timeline.runUntil(Double.MAX_VALUE);
    return jobs;
  }

  private static Fleet fleet(Timeline timeline, int servers) {
    var second = new Worker.Range(0, 0);
    var worker = new Worker(1, servers, servers, second, second, 30, false, 0);
    var fleet = new Fleet(timeline, worker, new SplittableRandom(1), () -> {});
    fleet.begin(1);
    return fleet;
  }

  private static Stream<Expected> expected() {
    try (var lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(
                    QueueingTheoryTest.class.getResourceAsStream("queues.csv"), "queues.csv"),
                StandardCharsets.UTF_8))) {
      return lines
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> line.split(",", -1))
          .map(
              cells ->
                  new Expected(
                      cells[0],
                      Integer.parseInt(cells[1]),
                      Double.parseDouble(cells[2]),
                      Double.parseDouble(cells[3]),
                      number(cells[4]),
                      number(cells[6])))
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double number(String cell) {
    return cell.isEmpty() ? Double.NaN : Double.parseDouble(cell);
  }
}
