package so.suna.queuemetrics.dramatiq;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * All watched queues of one broker. The totals are sums over the queues (the oldest age is the
 * greatest), unknown as soon as one queue's value is. Immutable.
 *
 * @param readAt just before Redis was asked; ages and "new" are relative to it
 * @param queues at least one
 * @param activeBrokers connections, of workers and producers, with a heartbeat within {@link
 *     SnapshotReader#RECENT}
 */
public record BrokerSnapshot(
    Instant readAt, List<QueueSnapshot> queues, Reading<Long> activeBrokers) {

  public BrokerSnapshot {
    queues = List.copyOf(queues);
    if (queues.isEmpty()) {
      throw new IllegalArgumentException("a snapshot must have at least one queue, had none");
    }
  }

  public Reading<Long> waiting() {
    return sum(QueueSnapshot::waiting);
  }

  public Reading<Long> inFlight() {
    return sum(QueueSnapshot::inFlight);
  }

  public Reading<Long> delayed() {
    return sum(QueueSnapshot::delayed);
  }

  public Reading<Long> deadLetters() {
    return sum(QueueSnapshot::deadLetters);
  }

  public Reading<Long> newDeadLetters() {
    return sum(QueueSnapshot::newDeadLetters);
  }

  public Reading<Duration> oldestAge() {
    return Reading.all(
        queues.stream().map(QueueSnapshot::oldestAge).toList(),
        (a, b) -> a.compareTo(b) >= 0 ? a : b);
  }

  /** Messages that somebody has to clear: waiting and in flight. */
  public Reading<Long> backlog() {
    return waiting().and(inFlight(), Long::sum);
  }

  /** Why values are unknown, queue by queue; empty where all are known. */
  public List<String> problems() {
    return Stream.concat(
            queues.stream().flatMap(queue -> queue.problems().stream()),
            activeBrokers instanceof Reading.Unknown<Long>(var reason)
                ? Stream.of(reason)
                : Stream.empty())
        .toList();
  }

  private Reading<Long> sum(Function<QueueSnapshot, Reading<Long>> value) {
    return Reading.all(queues.stream().map(value).toList(), Long::sum);
  }
}
