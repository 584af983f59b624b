package so.suna.queuemetrics.dramatiq;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * One queue at one instant, each value known or unknown on its own. Immutable.
 *
 * @param waiting messages whose id is in the list, not yet fetched by a worker
 * @param inFlight messages fetched by workers and not yet acknowledged
 * @param delayed messages that wait for a later time, retries included, wherever they are held
 * @param deadLetters messages given up and kept
 * @param newDeadLetters of those, the ones given up within {@link SnapshotReader#RECENT}
 * @param oldestAge age of the oldest waiting message since it was first sent, so a wished delay
 *     counts too; zero where none waits
 */
public record QueueSnapshot(
    QueueName queue,
    Reading<Long> waiting,
    Reading<Long> inFlight,
    Reading<Long> delayed,
    Reading<Long> deadLetters,
    Reading<Long> newDeadLetters,
    Reading<Duration> oldestAge) {

  /** Why values are unknown; empty where all are known. */
  public List<String> problems() {
    return Stream.of(waiting, inFlight, delayed, deadLetters, newDeadLetters, oldestAge)
        .mapMulti(
            (Reading<?> reading, Consumer<String> reasons) -> {
              if (reading instanceof Reading.Unknown<?>(var reason)) {
                reasons.accept(reason);
              }
            })
        .distinct()
        .toList();
  }
}
