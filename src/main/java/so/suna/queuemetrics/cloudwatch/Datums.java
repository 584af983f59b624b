package so.suna.queuemetrics.cloudwatch;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.stream.Stream;
import so.suna.queuemetrics.dramatiq.Figures;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Snapshot;
import software.amazon.awssdk.services.cloudwatch.model.Dimension;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;
import software.amazon.awssdk.services.cloudwatch.model.StandardUnit;

/** Turns a snapshot into datums. An unknown value makes none. Pure: any thread may call it. */
public final class Datums {

  private final Dimension service;
  private final boolean perQueue;

  /**
   * @param serviceName value of the dimension {@code Service}
   * @param perQueue adds each queue's own figures, with the dimension {@code Queue}
   */
  public Datums(String serviceName, boolean perQueue) {
    this.service = dimension("Service", serviceName);
    this.perQueue = perQueue;
  }

  /**
   * Every known figure; the totals come first, since scaling needs them and a second call may fail.
   * The timestamp is the end of the minute before the read, so that the alarm's next evaluation,
   * which looks at complete minutes only, counts the value.
   */
  public List<MetricDatum> of(Snapshot snapshot) {
    Instant at = snapshot.readAt().truncatedTo(ChronoUnit.MINUTES).minusMillis(1);
    var queues =
        snapshot.queues().stream()
            .filter(_ -> perQueue)
            .flatMap(
                queue ->
                    of(queue.figures(), at, service, dimension("Queue", queue.queue().value())));
    return Stream.concat(of(snapshot.totals(), at, service), queues).toList();
  }

  private static Stream<MetricDatum> of(Figures figures, Instant at, Dimension... dimensions) {
    return figures.readings().keySet().stream()
        .flatMap(
            metric ->
                figures.reading(metric).known().stream()
                    .mapToObj(value -> datum(metric, value, at, dimensions)));
  }

  private static MetricDatum datum(
      Metric metric, double value, Instant at, Dimension... dimensions) {
    return MetricDatum.builder()
        .metricName(metric.metricName())
        .unit(
            switch (metric.unit()) {
              case COUNT -> StandardUnit.COUNT;
              case SECONDS -> StandardUnit.SECONDS;
            })
        .value(value)
        .timestamp(at)
        .dimensions(dimensions)
        .build();
  }

  private static Dimension dimension(String name, String value) {
    return Dimension.builder().name(name).value(value).build();
  }
}
