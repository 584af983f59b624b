package so.suna.queuemetrics.dramatiq;

import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Builds snapshots for tests. */
public final class Snapshots {

  private static final Map<Metric, Double> MULTIPLES =
      Map.of(
          Metric.QUEUE_DEPTH, 1.0,
          Metric.JOBS_IN_FLIGHT, 2.0,
          Metric.JOBS_DELAYED, 3.0,
          Metric.DEAD_LETTERS, 4.0,
          Metric.NEW_DEAD_LETTERS, 5.0,
          Metric.OLDEST_JOB_AGE, 6.005,
          Metric.ORPHANED_MESSAGES, 8.0);

  private Snapshots() {}

  /** A queue whose figures all differ: so many waiting, twice as many in flight, and so on. */
  public static QueueSnapshot queue(String name, long times) {
    var readings = new EnumMap<Metric, Reading>(Metric.class);
    MULTIPLES.forEach(
        (metric, multiple) -> readings.put(metric, new Reading.Known(multiple * times)));
    return new QueueSnapshot(new QueueName(name), new Figures(readings), List.of());
  }

  /** The same queue, but for one figure. */
  public static QueueSnapshot queue(String name, long times, Metric metric, Reading reading) {
    QueueSnapshot queue = queue(name, times);
    return new QueueSnapshot(queue.queue(), queue.figures().with(metric, reading), List.of());
  }

  /** A queue of which nothing could be read. */
  public static QueueSnapshot unreadable(String name) {
    var readings = new EnumMap<Metric, Reading>(Metric.class);
    MULTIPLES
        .keySet()
        .forEach(metric -> readings.put(metric, new Reading.Unknown(metric + " not read")));
    return new QueueSnapshot(new QueueName(name), new Figures(readings), List.of());
  }

  /** With 7 active brokers. */
  public static Snapshot at(Instant readAt, QueueSnapshot... queues) {
    return at(readAt, new Reading.Known(7), queues);
  }

  public static Snapshot at(Instant readAt, Reading activeBrokers, QueueSnapshot... queues) {
    return Snapshot.of(readAt, List.of(queues), activeBrokers);
  }
}
