package so.suna.queuemetrics.simulation;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.Gatherers;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

/**
 * A fleet that fetches at once and not ahead is a queue with as many servers as it has threads, and
 * such queues have exact solutions: queues.csv.
 */
@Order(1)
class QueueingTheoryTest {

  private static final int BATCHES = 20;
  private static final int JOBS = 100_000;

  // What happens to one job in a thousand comes in clumps: of so few the error says nothing.
  private static final double COUNTABLE = 1e-3;

  private record Queue(String name, int servers, double load) {}

  @ParameterizedTest(name = "{0} with {1} servers at {2}")
  @CsvFileSource(resources = "queues.csv")
  void waitsAreThoseOfTheoryAndBacklogsDrainWithinItsTime(
      String name,
      int servers,
      double load,
      double meanWait,
      @Nullable Double waiting,
      @Nullable Double p99,
      @Nullable Double backlog) {
    var queue = new Queue(name, servers, load);
    if (backlog != null) {
      holds(
          new SplittableRandom(7)
              .longs(BATCHES)
              .mapToDouble(seed -> drainTime(queue, backlog, seed)),
          meanWait);
    } else {
      List<Job> settled = run(queue).subList(JOBS / 10, JOBS);
      holds(batchMeans(settled, Job::waited), meanWait);
      holds(batchMeans(settled, job -> job.waited() > 1e-9 ? 1 : 0), requireNonNull(waiting));
    }
  }

  /** A batch is longer than what it remembers. */
  private static DoubleStream batchMeans(List<Job> jobs, ToDoubleFunction<Job> figure) {
    return jobs.stream()
        .gather(Gatherers.windowFixed(jobs.size() / BATCHES))
        .mapToDouble(batch -> batch.stream().mapToDouble(figure).average().orElseThrow());
  }

  /** Within three standard errors, which the means give. */
  private static void holds(DoubleStream batches, double expected) {
    double[] means = batches.toArray();
    double mean = Arrays.stream(means).average().orElseThrow();
    if (expected < COUNTABLE) {
      assertThat(mean).isLessThan(2 * COUNTABLE);
      return;
    }
    double variance = Arrays.stream(means).map(m -> (m - mean) * (m - mean)).sum() / (BATCHES - 1);
    assertThat(mean).isCloseTo(expected, Offset.offset(3 * Math.sqrt(variance / BATCHES)));
  }

  private static double drainTime(Queue queue, double backlog, long seed) {
    var timeline = new Timeline();
    var random = new SplittableRandom(seed);
    Fleet fleet = fleet(timeline, queue.servers());
    for (int i = 0; i < backlog + queue.servers(); i++) {
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

  private static List<Job> run(Queue queue) {
    var random = new SplittableRandom(0);
    var timeline = new Timeline();
    Fleet fleet = fleet(timeline, queue.servers());
    var jobs = new ArrayList<Job>(JOBS);
    double at = 0;
    for (int i = 0; i < JOBS; i++) {
      at += random.nextExponential() / (queue.load() * queue.servers());
      Job job = new Job(at, queue.name().equals("M/M/c") ? random.nextExponential() : 1);
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
}
