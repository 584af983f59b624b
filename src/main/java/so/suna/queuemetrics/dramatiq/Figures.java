package so.suna.queuemetrics.dramatiq;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What is known of one queue or of all, in the order of {@link Metric}. Immutable. */
public record Figures(Map<Metric, Reading> readings) {

  public Figures {
    readings = Collections.unmodifiableMap(new TreeMap<>(readings));
  }

  /** The figures of several queues together; a total is unknown as soon as one queue's value is. */
  static Figures total(List<Figures> queues) {
    var totals = new TreeMap<Metric, Reading>();
    for (Figures queue : queues) {
      queue.readings.forEach(
          (metric, reading) ->
              totals.merge(metric, reading, (left, right) -> left.and(right, metric::total)));
    }
    return new Figures(totals);
  }

  /** The reading; unknown if it was not asked for. */
  public Reading reading(Metric metric) {
    return readings.getOrDefault(metric, new Reading.Unknown(metric + " not asked for"));
  }

  /** The value as JSON shows it, whole numbers without a decimal point; {@code null} if unknown. */
  public @Nullable Number number(Metric metric) {
    OptionalDouble known = reading(metric).known();
    if (known.isEmpty()) {
      return null;
    }
    double value = known.getAsDouble();
    return value == Math.rint(value) ? (Number) (long) value : (Number) value;
  }

  Figures with(Metric metric, Reading reading) {
    var more = new TreeMap<>(readings);
    more.put(metric, reading);
    return new Figures(more);
  }

  /** With the worker service's figures, and {@link #backlogPerWorker} if there is a backlog. */
  Figures withWorkers(int running, int desired) {
    Figures counted =
        with(Metric.RUNNING_WORKERS, new Reading.Known(running))
            .with(Metric.DESIRED_WORKERS, new Reading.Known(desired));
    if (!readings.containsKey(Metric.QUEUE_DEPTH)) {
      return counted;
    }
    Reading perWorker =
        reading(Metric.QUEUE_DEPTH)
            .and(
                reading(Metric.JOBS_IN_FLIGHT),
                (waiting, inFlight) -> backlogPerWorker(waiting + inFlight, running));
    return counted.with(Metric.BACKLOG_PER_WORKER, perWorker);
  }

  /**
   * Messages that each running worker has to clear: backlog / workers. No worker counts as one, so
   * that a stopped service scales out. After "backlog per instance" in AWS's <a
   * href="https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html">SQS
   * scaling policy</a>.
   *
   * @param backlog messages waiting and in flight
   * @throws IllegalArgumentException if {@code workers} is negative
   */
  public static double backlogPerWorker(double backlog, int workers) {
    if (workers < 0) {
      throw new IllegalArgumentException("workers must be 0 or more, was " + workers);
    }
    return backlog / Math.max(1, workers);
  }

  /** Why values are unknown; empty if all are known. */
  Stream<String> problems() {
    return readings.values().stream()
        .filter(Reading.Unknown.class::isInstance)
        .map(reading -> ((Reading.Unknown) reading).reason());
  }
}
