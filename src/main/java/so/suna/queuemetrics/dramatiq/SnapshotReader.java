package so.suna.queuemetrics.dramatiq;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Objects;
import java.util.stream.Gatherers;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a Dramatiq broker keeps in Redis: one script, so one instant and one round trip, for
 * every 100 queues. Its cost does not grow with what waits in them. Safe for use by several threads
 * if the script runner is.
 */
public final class SnapshotReader {

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

  private final ScriptRunner redis;
  private final List<Batch> batches;
  private final Clock clock;

  /**
   * @param namespace the broker's, {@code dramatiq} by default
   */
  public SnapshotReader(ScriptRunner redis, String namespace, List<QueueName> queues, Clock clock) {
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
  public Snapshot read() {
    Instant readAt = clock.instant();
    List<String> arguments = List.of(Long.toString(readAt.minus(RECENT).toEpochMilli()));
    var snapshots = new ArrayList<QueueSnapshot>();
    var activeBrokers = new ArrayList<Reading>(1);
    for (Batch batch : batches) {
      int size = batch.queues().size();
      List<?> reply = list(redis.run(SCRIPT, batch.keys(), arguments), size + 1);
      activeBrokers.add(count("", Metric.ACTIVE_BROKERS, reply.getFirst()));
      for (int i = 0; i < size; i++) {
        snapshots.add(snapshot(batch.queues().get(i), list(reply.get(i + 1), 7), readAt));
      }
    }
    return Snapshot.of(readAt, snapshots, activeBrokers.getFirst());
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
    var figures = new EnumMap<Metric, Reading>(Metric.class);
    Reading waiting = count(queue, Metric.QUEUE_DEPTH, reply.get(0));
    Reading held = count(queue, Metric.JOBS_IN_FLIGHT, reply.get(1));
    figures.put(Metric.QUEUE_DEPTH, waiting);
    figures.put(Metric.JOBS_IN_FLIGHT, inFlight(queue, held, waiting));
    figures.put(Metric.JOBS_DELAYED, count(queue, Metric.JOBS_DELAYED, reply.get(2)));
    figures.put(Metric.DEAD_LETTERS, count(queue, Metric.DEAD_LETTERS, reply.get(3)));
    figures.put(Metric.NEW_DEAD_LETTERS, count(queue, Metric.NEW_DEAD_LETTERS, reply.get(4)));
    figures.put(
        Metric.OLDEST_JOB_AGE, MessageAge.oldest(queue, reply.get(5), reply.get(6), readAt));
    return new QueueSnapshot(name, new Figures(figures));
  }

  /**
   * Payloads held minus ids waiting. Dramatiq removes an id and its payload together, so there are
   * never more ids than payloads, unless something else (an eviction, a hand) took payloads away;
   * then nobody can tell how many are in flight.
   */
  private static Reading inFlight(String queue, Reading held, Reading waiting) {
    Reading difference = held.and(waiting, (payloads, ids) -> payloads - ids);
    return difference instanceof Reading.Known(var messages) && messages < 0
        ? new Reading.Unknown(
            "%s%s not read: %.0f waiting ids have no payload"
                .formatted(queue, Metric.JOBS_IN_FLIGHT, -messages))
        : difference;
  }

  private static Reading count(String queue, Metric metric, @Nullable Object reply) {
    return reply instanceof Long messages
        ? new Reading.Known(messages)
        : new Reading.Unknown("%s%s not read: %s".formatted(queue, metric, reason(reply)));
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
