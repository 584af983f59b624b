package so.suna.queuemetrics.local;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.scaling.Decision;

/** What the terminal shows of the ticks: a heading, and an aligned line each. */
final class TickTable {

  private record Column(String heading, int width, Metric metric, String format) {}

  private static final List<Column> COLUMNS =
      List.of(
          new Column("waiting", 7, Metric.QUEUE_DEPTH, "%.0f"),
          new Column("in flight", 9, Metric.JOBS_IN_FLIGHT, "%.0f"),
          new Column("delayed", 7, Metric.JOBS_DELAYED, "%.0f"),
          new Column("dead", 5, Metric.DEAD_LETTERS, "%.0f"),
          new Column("new dead", 8, Metric.NEW_DEAD_LETTERS, "%.0f"),
          new Column("oldest", 8, Metric.OLDEST_JOB_AGE, "%.1f s"),
          new Column("orphaned", 8, Metric.ORPHANED_MESSAGES, "%.0f"),
          new Column("brokers", 7, Metric.ACTIVE_BROKERS, "%.0f"),
          new Column("workers", 7, Metric.RUNNING_WORKERS, "%.0f"),
          new Column("desired", 7, Metric.DESIRED_WORKERS, "%.0f"),
          new Column("backlog/worker", 14, Metric.BACKLOG_PER_WORKER, "%.1f"));

  private TickTable() {}

  static String heading() {
    return "time      %s  published    took  last decision"
        .formatted(
            COLUMNS.stream()
                .map(column -> padded(column, column.heading()))
                .collect(Collectors.joining("  ")));
  }

  /**
   * @param tick the handler's own line
   * @param received datums that arrived at the receiver, or that real CloudWatch took
   * @param decision the last that changed the number of workers
   */
  static String line(LocalTime at, JsonObject tick, int received, Optional<Decision> decision) {
    return "%s  %s  %9d  %3d ms  %s"
        .formatted(
            at.truncatedTo(ChronoUnit.SECONDS)
                .format(java.time.format.DateTimeFormatter.ISO_LOCAL_TIME),
            COLUMNS.stream()
                .map(
                    column ->
                        padded(column, figure(column, tick.get(column.metric().metricName()))))
                .collect(Collectors.joining("  ")),
            received,
            tick.get("duration_ms").getAsLong(),
            decision
                .map(made -> "%d to %d, %s".formatted(made.from(), made.to(), made.reason()))
                .orElse("-"));
  }

  private static String figure(Column column, JsonElement value) {
    return value.isJsonNull()
        ? "-"
        : String.format(Locale.ROOT, column.format(), value.getAsDouble());
  }

  private static String padded(Column column, String text) {
    return " ".repeat(Math.max(0, column.width() - text.length())) + text;
  }
}
