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

  /** Keeps one run of the script to a few milliseconds, in which Redis serves nobody else. */
  static final int MAX_QUEUES_PER_SCRIPT = 100;

  /** Without comments and indentation, which Redis would receive and hash at every tick. */
  private static final String SCRIPT =
      resource("snapshot.lua").replaceAll("--.*", "").replaceAll("(?m)^\\s+|\\h+$", "");

  private final ScriptRunner redis;
  private final String namespace;
  private final List<List<QueueName>> batches;
  private final boolean oldestAge;
  private final Clock clock;

  /**
   * @param namespace the broker's, {@code dramatiq} by default
   * @param oldestAge whether to read the age of the oldest message, which JSON alone tells; else it
   *     is left out
   */
  public SnapshotReader(
      ScriptRunner redis,
      String namespace,
      List<QueueName> queues,
      boolean oldestAge,
      Clock clock) {
    this.redis = redis;
    this.namespace = namespace;
    this.batches = queues.stream().gather(Gatherers.windowFixed(MAX_QUEUES_PER_SCRIPT)).toList();
    this.oldestAge = oldestAge;
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
    var snapshots = new ArrayList<QueueSnapshot>();
    var activeBrokers = new ArrayList<Reading>(1);
    for (List<QueueName> batch : batches) {
      List<?> reply =
          list(
              redis.run(SCRIPT, List.of(namespace + ":__heartbeats__"), arguments(batch, readAt)),
              batch.size() + 1);
      activeBrokers.add(count("", Metric.ACTIVE_BROKERS, reply.getFirst()));
      for (int i = 0; i < batch.size(); i++) {
        snapshots.add(snapshot(batch.get(i), list(reply.get(i + 1), 10), readAt));
      }
    }
    return Snapshot.of(readAt, snapshots, activeBrokers.getFirst());
  }

  private List<String> arguments(List<QueueName> queues, Instant readAt) {
    return Stream.concat(
            Stream.of(
                namespace,
                Long.toString(readAt.minus(RECENT).toEpochMilli()),
                oldestAge ? "age" : "no age"),
            queues.stream().map(QueueName::value))
        .toList();
  }

  private QueueSnapshot snapshot(QueueName name, List<?> reply, Instant readAt) {
    String queue = "queue " + name + ": ";
    Reading waiting = count(queue, Metric.QUEUE_DEPTH, reply.get(0));
    Reading payloads = count(queue, Metric.ORPHANED_MESSAGES, reply.get(1));
    Reading fetched = count(queue, Metric.JOBS_IN_FLIGHT, reply.get(2));
    Reading delayed = count(queue, Metric.JOBS_DELAYED, reply.get(3));
    Reading delayedPayloads = count(queue, Metric.ORPHANED_MESSAGES, reply.get(4));
    Reading delayedFetched = count(queue, Metric.JOBS_DELAYED, reply.get(5));
    Reading surplus = surplus(payloads, waiting, fetched);
    Reading delayedSurplus = surplus(delayedPayloads, delayed, delayedFetched);

    var figures = new EnumMap<Metric, Reading>(Metric.class);
    figures.put(Metric.QUEUE_DEPTH, waiting);
    figures.put(Metric.JOBS_DELAYED, delayed.and(delayedFetched, Double::sum));
    figures.put(Metric.DEAD_LETTERS, count(queue, Metric.DEAD_LETTERS, reply.get(6)));
    figures.put(Metric.JOBS_IN_FLIGHT, fetched);
    figures.put(
        Metric.OLDEST_JOB_AGE,
        oldestAge
            ? MessageAge.oldest(queue, waiting, reply.get(8), reply.get(9), readAt)
            : new Reading.Absent());
    figures.put(Metric.NEW_DEAD_LETTERS, count(queue, Metric.NEW_DEAD_LETTERS, reply.get(7)));
    figures.put(
        Metric.ORPHANED_MESSAGES,
        surplus.and(delayedSurplus, (some, more) -> Math.max(0, some) + Math.max(0, more)));
    return new QueueSnapshot(
        name,
        new Figures(figures),
        Stream.concat(
                withoutPayload(queue, surplus), withoutPayload(queue + "delayed: ", delayedSurplus))
            .toList());
  }

  /**
   * Payloads that neither the list nor an ack set knows; below 0, ids without a payload. Dramatiq
   * keeps this at 0, so something else deleted a list or payloads.
   */
  private static Reading surplus(Reading payloads, Reading waiting, Reading fetched) {
    return payloads.and(waiting.and(fetched, Double::sum), (left, right) -> left - right);
  }

  /** A purge leaves the ids that workers have fetched; they stay until those workers end. */
  private static Stream<String> withoutPayload(String queue, Reading surplus) {
    return surplus.known().stream()
        .filter(messages -> messages < 0)
        .mapToObj(
            messages ->
                "%s%.0f ids have no payload, purged or lost: those that workers have fetched count until the workers end"
                    .formatted(queue, -messages));
  }

  private static Reading count(String queue, Metric metric, @Nullable Object reply) {
    return reply instanceof Long messages
        ? new Reading.Known(messages)
        : new Reading.Unknown("%s%s not read: %s".formatted(queue, metric, reason(reply)));
  }

  static String reason(@Nullable Object reply) {
    if (!(reply instanceof Exception error)) {
      return "expected a number, got " + kind(reply);
    }
    String said = Objects.requireNonNullElse(error.getMessage(), error.toString());
    return said.contains("non local key")
        ? "its key lies on another node of the cluster; with several shards Dramatiq needs a namespace with a hash tag, such as {dramatiq}"
        : said.replaceFirst("^ERR ", "");
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
