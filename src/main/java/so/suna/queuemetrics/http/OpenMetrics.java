package so.suna.queuemetrics.http;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import so.suna.queuemetrics.dramatiq.Figures;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Metric.Unit;
import so.suna.queuemetrics.dramatiq.QueueSnapshot;
import so.suna.queuemetrics.dramatiq.Snapshot;

/**
 * A snapshot as Prometheus and others scrape it: gauges in the text format of <a
 * href="https://prometheus.io/docs/specs/om/open_metrics_spec/">OpenMetrics 1.0</a>. Pure.
 */
final class OpenMetrics {

  private static final String MEDIA_TYPE = "application/openmetrics-text";

  static final String CONTENT_TYPE = MEDIA_TYPE + "; version=1.0.0; charset=utf-8";

  private OpenMetrics() {}

  /**
   * Whether an {@code Accept} header names this format, in any version, and gives it at least the
   * quality of JSON. A wildcard stands for JSON alone.
   */
  static boolean isPreferredBy(String accept) {
    // Most callers want JSON, and the start need not load what compares qualities.
    if (!accept.toLowerCase(Locale.ROOT).contains(MEDIA_TYPE)) {
      return false;
    }
    double openMetrics = quality(accept, MEDIA_TYPE).orElse(0);
    double json =
        Stream.of("application/json", "application/*", "*/*")
            .flatMapToDouble(type -> quality(accept, type).stream())
            .findFirst()
            .orElse(0);
    return openMetrics > 0 && openMetrics >= json;
  }

  /** The greatest quality that a media type has there; empty if it is not there. */
  private static OptionalDouble quality(String accept, String mediaType) {
    return Stream.of(accept.toLowerCase(Locale.ROOT).split(",", -1))
        .map(range -> range.split(";", -1))
        .filter(range -> range[0].strip().equals(mediaType))
        .mapToDouble(OpenMetrics::quality)
        .max();
  }

  private static double quality(String... range) {
    return Stream.of(range)
        .map(String::strip)
        .filter(parameter -> parameter.matches("q=[01](\\.[0-9]{0,3})?"))
        .mapToDouble(parameter -> Double.parseDouble(parameter.substring(2)))
        .findFirst()
        .orElse(1);
  }

  /**
   * One sample for each queue of what is known of queues, without a total, and one for each figure
   * of the whole broker. An unknown value has no sample.
   */
  static String of(Snapshot snapshot) {
    var text = new StringBuilder();
    for (Metric metric : snapshot.totals().readings().keySet()) {
      String name = name(metric);
      text.append("# TYPE %s gauge\n".formatted(name));
      if (metric.unit() == Unit.SECONDS) {
        text.append("# UNIT %s seconds\n".formatted(name));
      }
      text.append("# HELP %s %s.\n".formatted(name, help(metric)));
      List<QueueSnapshot> queues =
          snapshot.queues().stream()
              .filter(queue -> queue.figures().readings().containsKey(metric))
              .toList();
      if (queues.isEmpty()) {
        sample(text, name, snapshot.totals(), metric);
      }
      for (QueueSnapshot queue : queues) {
        String series = "%s{queue=\"%s\"}".formatted(name, queue.queue().value());
        sample(text, series, queue.figures(), metric);
      }
    }
    return text.append("# EOF\n").toString();
  }

  private static void sample(StringBuilder text, String series, Figures figures, Metric metric) {
    if (figures.reading(metric).known().isPresent()) {
      text.append(series).append(' ').append(figures.number(metric)).append('\n');
    }
  }

  /** The metric's name in snake case, with its unit unless it is a count. */
  private static String name(Metric metric) {
    String name =
        metric.metricName().replaceAll("(?<=[a-z])(?=[A-Z])", "_").toLowerCase(Locale.ROOT);
    return metric.unit() == Unit.SECONDS ? name + "_seconds" : name;
  }

  private static String help(Metric metric) {
    return switch (metric) {
      case QUEUE_DEPTH -> "Messages waiting in the list, not yet fetched by a worker";
      case JOBS_DELAYED -> "Messages scheduled for later, retries included, fetched or not";
      case DEAD_LETTERS -> "Messages that were given up and are kept";
      case JOBS_IN_FLIGHT -> "Messages fetched by workers and not yet acknowledged";
      case OLDEST_JOB_AGE ->
          "Time since the oldest waiting message was first sent, 0 if none waits";
      case NEW_DEAD_LETTERS -> "Messages given up in the last 60 seconds";
      case ORPHANED_MESSAGES -> "Messages that no list or worker knows, so none will ever run them";
      case ACTIVE_BROKERS -> "Connections with a heartbeat in the last 60 seconds";
      case RUNNING_WORKERS -> "Running tasks of the worker service";
      case DESIRED_WORKERS -> "Tasks that the worker service should run";
      case BACKLOG_PER_WORKER -> "Waiting and in-flight messages for each running worker";
    };
  }
}
