package so.suna.queuemetrics.dramatiq;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Gatherers;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;

/**
 * Reads what a Dramatiq broker keeps in Redis: one script, so one instant and one round trip, for
 * every 100 queues. Its cost does not grow with what waits in them. Safe for use by several threads
 * if the script runner is.
 */
public final class SnapshotReader {

  /** Runs a script that only reads. */
  @FunctionalInterface
  public interface ReadOnlyScript {

    /**
     * Returns what the script returned: {@code Long}, {@code byte[]}, {@code null}, an exception
     * for a nested error, or a list of these.
     *
     * @throws RuntimeException if there was no reply, or the reply as a whole is an error
     */
    Object run(String script, List<String> keys, List<String> arguments);
  }

  /** How long ago a heartbeat or a death may be to count as recent: the time between two ticks. */
  public static final Duration RECENT = Duration.ofSeconds(60);

  /**
   * So that one run of the script does not keep Redis from its work; every queue costs it about
   * nine commands.
   */
  static final int MAX_QUEUES_PER_SCRIPT = 100;

  /** Without comments and indentation, which Redis would receive and hash at every tick. */
  private static final String SCRIPT =
      resource("snapshot.lua").replaceAll("--.*", "").replaceAll("(?m)^\\s+|\\h+$", "");

  private final ReadOnlyScript redis;
  private final List<Batch> batches;
  private final Clock clock;

  /**
   * @param namespace the broker's, {@code dramatiq} by default
   */
  public SnapshotReader(
      ReadOnlyScript redis, String namespace, List<QueueName> queues, Clock clock) {
    this.redis = redis;
    this.batches =
        queues.stream()
            .gather(Gatherers.windowFixed(MAX_QUEUES_PER_SCRIPT))
            .map(batch -> Batch.of(namespace, batch))
            .toList();
    this.clock = clock;
  }

  /**
   * Reads all queues. A value that Redis could not give is unknown in the snapshot and costs no
   * other.
   *
   * @throws RuntimeException if Redis did not answer or refused the script; as the script runner
   *     threw it
   */
  public BrokerSnapshot read() {
    Instant readAt = clock.instant();
    List<String> arguments = List.of(Long.toString(readAt.minus(RECENT).toEpochMilli()));
    var snapshots = new ArrayList<QueueSnapshot>();
    var activeBrokers = new ArrayList<Reading<Long>>(1);
    for (Batch batch : batches) {
      int size = batch.queues().size();
      List<?> reply = list(redis.run(SCRIPT, batch.keys(), arguments), size + 1);
      activeBrokers.add(count("active brokers", reply.getFirst()));
      for (int i = 0; i < size; i++) {
        snapshots.add(snapshot(batch.queues().get(i), list(reply.get(i + 1), 7), readAt));
      }
    }
    return new BrokerSnapshot(readAt, snapshots, activeBrokers.getFirst());
  }

  /** Queues that one run of the script reads, and the keys that it wants for them. */
  private record Batch(List<QueueName> queues, List<String> keys) {

    /** Keys as Dramatiq's {@code dispatch.lua} builds them, in the order that the script wants. */
    static Batch of(String namespace, List<QueueName> queues) {
      return new Batch(
          queues,
          Stream.concat(
                  Stream.of("__heartbeats__"),
                  queues.stream()
                      .flatMap(
                          name ->
                              Stream.of("", ".msgs", ".DQ.msgs", ".XQ").map(part -> name + part)))
              .map(key -> namespace + ":" + key)
              .toList());
    }
  }

  private static QueueSnapshot snapshot(QueueName name, List<?> reply, Instant readAt) {
    String queue = "queue " + name + ": ";
    Reading<Long> waiting = count(queue + "waiting", reply.get(0));
    Reading<Long> held = count(queue + "in flight", reply.get(1));
    return new QueueSnapshot(
        name,
        waiting,
        inFlight(queue + "in flight", held, waiting),
        count(queue + "delayed", reply.get(2)),
        count(queue + "dead letters", reply.get(3)),
        count(queue + "new dead letters", reply.get(4)),
        MessageAge.oldest(queue + "oldest age", reply.get(5), reply.get(6), readAt));
  }

  /**
   * Payloads held minus ids waiting. Dramatiq removes an id and its payload together, so there are
   * never more ids than payloads, unless something else (an eviction, a hand) took payloads away;
   * then nobody can tell how many are in flight.
   */
  private static Reading<Long> inFlight(String what, Reading<Long> held, Reading<Long> waiting) {
    Reading<Long> difference = held.and(waiting, (payloads, ids) -> payloads - ids);
    return difference instanceof Known<Long>(var messages) && messages < 0
        ? new Unknown<>("%s not read: %d waiting ids have no payload".formatted(what, -messages))
        : difference;
  }

  private static Reading<Long> count(String what, @Nullable Object reply) {
    return reply instanceof Long messages
        ? new Known<>(messages)
        : new Unknown<>("%s not read: %s".formatted(what, reason(reply)));
  }

  static String reason(@Nullable Object reply) {
    return reply instanceof Exception error
        ? Objects.requireNonNullElse(error.getMessage(), error.toString()).replaceFirst("^ERR ", "")
        : "expected a number, got " + kind(reply);
  }

  private static String kind(@Nullable Object reply) {
    return reply == null ? "nothing" : "a " + reply.getClass().getSimpleName();
  }

  private static List<?> list(@Nullable Object reply, int size) {
    if (reply instanceof List<?> list && list.size() == size) {
      return list;
    }
    throw new IllegalStateException(
        "snapshot.lua must reply with a list of %d, was %s"
            .formatted(
                size, reply instanceof List<?> list ? "a list of " + list.size() : kind(reply)));
  }

  private static String resource(String name) {
    try (InputStream in =
        Objects.requireNonNull(SnapshotReader.class.getResourceAsStream(name), name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
