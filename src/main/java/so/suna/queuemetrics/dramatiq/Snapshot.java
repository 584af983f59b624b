package so.suna.queuemetrics.dramatiq;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Everything that is known at one instant. Immutable.
 *
 * @param readAt just before Redis was asked; ages and "new" are relative to it
 * @param totals over all queues; unknown as soon as one queue's value is
 */
public record Snapshot(Instant readAt, Figures totals, List<QueueSnapshot> queues) {

  public Snapshot {
    queues = List.copyOf(queues);
  }

  static Snapshot of(Instant readAt, List<QueueSnapshot> queues, Reading activeBrokers) {
    Figures totals = Figures.total(queues.stream().map(QueueSnapshot::figures).toList());
    return new Snapshot(readAt, totals.with(Metric.ACTIVE_BROKERS, activeBrokers), queues);
  }

  /** What is known if Redis could not be read: nothing. */
  public static Snapshot unread(Instant readAt) {
    return new Snapshot(readAt, new Figures(Map.of()), List.of());
  }

  /** With the running and desired tasks of the worker service. */
  public Snapshot withWorkers(int running, int desired) {
    return new Snapshot(readAt, totals.withWorkers(running, desired), queues);
  }

  /** What is odd about the figures, queue by queue. */
  public List<String> notices() {
    return queues.stream().flatMap(queue -> queue.notices().stream()).toList();
  }

  /** Why values are unknown, queue by queue; empty if all are known. */
  public List<String> problems() {
    return Stream.concat(
            queues.stream().flatMap(queue -> queue.figures().problems()), totals.problems())
        .distinct()
        .toList();
  }
}
