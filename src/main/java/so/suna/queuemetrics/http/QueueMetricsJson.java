package so.suna.queuemetrics.http;

import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoField;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import so.suna.queuemetrics.dramatiq.BrokerSnapshot;
import so.suna.queuemetrics.dramatiq.QueueSnapshot;
import so.suna.queuemetrics.dramatiq.Reading;

/**
 * The bodies, in the shapes that the API containers gave them: their four fields first, ours after.
 * Pure.
 */
final class QueueMetricsJson {

  private static final DateTimeFormatter SECONDS =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss").withZone(ZoneOffset.UTC);
  private static final DateTimeFormatter MICROSECONDS =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS").withZone(ZoneOffset.UTC);

  private QueueMetricsJson() {}

  /**
   * A value that could not be read is {@code null}. Ages are in seconds, everything else in
   * messages.
   */
  static String of(BrokerSnapshot snapshot) {
    return write(
        json -> {
          json.name("queue_depth").value(known(snapshot.waiting()));
          json.name("delay_queue_depth").value(known(snapshot.delayed()));
          json.name("dead_letter_depth").value(known(snapshot.deadLetters()));
          json.name("timestamp").value(isoformat(snapshot.readAt()));
          json.name("in_flight").value(known(snapshot.inFlight()));
          json.name("oldest_job_age_seconds").value(seconds(snapshot.oldestAge()));
          json.name("new_dead_letters").value(known(snapshot.newDeadLetters()));
          json.name("active_brokers").value(known(snapshot.activeBrokers()));
          json.name("queues").beginObject();
          for (QueueSnapshot queue : snapshot.queues()) {
            json.name(queue.queue().value()).beginObject();
            json.name("queue_depth").value(known(queue.waiting()));
            json.name("delay_queue_depth").value(known(queue.delayed()));
            json.name("dead_letter_depth").value(known(queue.deadLetters()));
            json.name("in_flight").value(known(queue.inFlight()));
            json.name("oldest_job_age_seconds").value(seconds(queue.oldestAge()));
            json.name("new_dead_letters").value(known(queue.newDeadLetters()));
            json.endObject();
          }
          json.endObject();
        });
  }

  /**
   * @param database what was done about the database; empty where no dependency is asked
   */
  static String health(Instant now, String instanceId, Optional<String> database) {
    return write(
        json -> {
          json.name("status").value("ok");
          json.name("timestamp").value(isoformat(now));
          json.name("instance_id").value(instanceId);
          if (database.isPresent()) {
            json.name("database").value(database.get());
          }
        });
  }

  /** Python's {@code datetime.isoformat()} in UTC: microseconds, left out where they are zero. */
  static String isoformat(Instant instant) {
    Instant time = instant.truncatedTo(ChronoUnit.MICROS);
    return (time.get(ChronoField.MICRO_OF_SECOND) == 0 ? SECONDS : MICROSECONDS).format(time)
        + "+00:00";
  }

  private static @Nullable Number known(Reading<Long> count) {
    return count.known().orElse(null);
  }

  private static @Nullable Number seconds(Reading<Duration> age) {
    return age.known().map(known -> known.toMillis() / 1000.0).orElse(null);
  }

  private interface Fields {
    void writeTo(JsonWriter json) throws IOException;
  }

  private static String write(Fields fields) {
    var text = new StringWriter();
    try (var json = new JsonWriter(text)) {
      json.beginObject();
      fields.writeTo(json);
      json.endObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }
}
