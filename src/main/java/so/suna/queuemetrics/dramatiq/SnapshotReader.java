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
 * Reads what Dramatiq keeps in Redis by one script, so at one instant and in one round trip, for
 * every 100 queues; its cost does not grow with the backlog. As thread-safe as the script runner.
 */
public final class SnapshotReader {

  /** The time between two ticks, within which a heartbeat or a death counts as recent. */
  public static final Duration RECENT = Duration.ofSeconds(60);

  /** Bounds one run of the script, in which Redis serves nobody else. */
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
   * @param oldestAge false leaves out the age of the oldest message, which only JSON tells
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
   * Reads all queues. A value that Redis could not give is unknown and costs no other.
   *
   * @throws RuntimeException of the script runner, if Redis did not answer or refused the script
   */
  public Snapshot read() {
    Instant readAt = clock.instant();
    var snapshots = new ArrayList<QueueSnapshot>();
    var activeBrokers = new ArrayList<Reading>(1);
    for (List<QueueName> batch : batches) {
      var reply =
          (List<?>)
              redis.run(SCRIPT, List.of(namespace + ":__heartbeats__"), arguments(batch, readAt));
      activeBrokers.add(count("", Metric.ACTIVE_BROKERS, reply.getFirst()));
      for (int i = 0; i < batch.size(); i++) {
        snapshots.add(snapshot(batch.get(i), (List<?>) reply.get(i + 1), readAt));
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
    Reading delayed =
        count(queue, Metric.JOBS_DELAYED, reply.get(3))
            .and(count(queue, Metric.JOBS_DELAYED, reply.get(5)), Double::sum);
    Reading delayedPayloads = count(queue, Metric.ORPHANED_MESSAGES, reply.get(4));
    // Payloads that nobody knows; below 0, ids without a payload. Dramatiq by itself keeps it at 0.
    Reading surplus = payloads.and(waiting.and(fetched, Double::sum), (held, ids) -> held - ids);
    Reading delayedSurplus = delayedPayloads.and(delayed, (held, ids) -> held - ids);

    var figures = new EnumMap<Metric, Reading>(Metric.class);
    figures.put(Metric.QUEUE_DEPTH, waiting);
    figures.put(Metric.JOBS_DELAYED, delayed);
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
    var notices = new ArrayList<String>();
    notice(surplus, queue, notices);
    notice(delayedSurplus, "queue %s.DQ: ".formatted(name), notices);
    boolean lost = reply.get(8) == null || reply.get(9) == null;
    if (oldestAge && lost && !waiting.equals(new Reading.Known(0))) {
      notices.add(queue + "the first or last waiting id has no payload, so its age is left out");
    }
    return new QueueSnapshot(name, new Figures(figures), notices);
  }

  private static void notice(Reading surplus, String queue, List<String> notices) {
    double missing = -surplus.known().orElse(0);
    if (missing > 0) {
      notices.add(
          "%sids without a payload, purged or lost: %.0f; those that workers have fetched count until the workers acknowledge them or end"
              .formatted(queue, missing));
    }
  }

  private static Reading count(String queue, Metric metric, @Nullable Object reply) {
    return reply instanceof Long messages
        ? new Reading.Known(messages)
        : new Reading.Unknown("%s%s not read: %s".formatted(queue, metric, reason(reply)));
  }

  static String reason(@Nullable Object reply) {
    return reply instanceof Exception error
        ? String.valueOf(error.getMessage()).replaceFirst("^ERR ", "")
        : "no number given";
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
