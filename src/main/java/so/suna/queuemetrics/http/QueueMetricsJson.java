package so.suna.queuemetrics.http;

import com.google.gson.JsonObject;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoField;
import java.util.Optional;
import so.suna.queuemetrics.dramatiq.Figures;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Snapshot;

/**
 * The bodies, in the shapes that the API containers gave them: their four fields first, ours after.
 * Pure.
 */
final class QueueMetricsJson {

  private QueueMetricsJson() {}

  /** Ages in seconds, everything else in messages; an unknown value is {@code null}. */
  static String of(Snapshot snapshot) {
    var body = new JsonObject();
    for (Metric metric : snapshot.totals().readings().keySet()) {
      body.addProperty(metric.jsonName(), snapshot.totals().number(metric));
      if (metric == Metric.DEAD_LETTERS) {
        body.addProperty("timestamp", isoformat(snapshot.readAt()));
      }
    }
    var queues = new JsonObject();
    snapshot.queues().forEach(queue -> queues.add(queue.queue().value(), of(queue.figures())));
    body.add("queues", queues);
    return body.toString();
  }

  private static JsonObject of(Figures figures) {
    var fields = new JsonObject();
    for (Metric metric : figures.readings().keySet()) {
      fields.addProperty(metric.jsonName(), figures.number(metric));
    }
    return fields;
  }

  /**
   * @param database how the database was checked; empty if no dependency is asked
   */
  static String health(Instant now, String instanceId, Optional<String> database) {
    var body = new JsonObject();
    body.addProperty("status", "ok");
    body.addProperty("timestamp", isoformat(now));
    body.addProperty("instance_id", instanceId);
    database.ifPresent(check -> body.addProperty("database", check));
    return body.toString();
  }

  /** Python's {@code datetime.isoformat()} in UTC: microseconds, left out if they are zero. */
  static String isoformat(Instant instant) {
    String fraction = instant.get(ChronoField.MICRO_OF_SECOND) == 0 ? "" : ".SSSSSS";
    return DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss" + fraction + "xxx")
        .format(instant.atOffset(ZoneOffset.UTC));
  }
}
