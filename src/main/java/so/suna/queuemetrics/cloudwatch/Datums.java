package so.suna.queuemetrics.cloudwatch;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import so.suna.queuemetrics.dramatiq.BrokerSnapshot;
import so.suna.queuemetrics.dramatiq.QueueSnapshot;
import so.suna.queuemetrics.dramatiq.Reading;
import software.amazon.awssdk.services.cloudwatch.model.Dimension;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/**
 * Makes datums of what was read. A value that is unknown makes none. Pure: any thread may call it.
 */
public final class Datums {

  private final Dimension service;
  private final boolean perQueue;

  /**
   * @param serviceName value of the dimension {@code Service}
   * @param perQueue whether each queue's own values are published too, with the dimension {@code
   *     Queue}: six custom metrics a queue
   */
  public Datums(String serviceName, boolean perQueue) {
    this.service = dimension("Service", serviceName);
    this.perQueue = perQueue;
  }

  /** All that a snapshot tells, totals first. */
  public List<MetricDatum> of(BrokerSnapshot snapshot) {
    Instant at = snapshot.readAt();
    var totals =
        Stream.of(
            count(Metric.QUEUE_DEPTH, snapshot.waiting(), at, service),
            count(Metric.JOBS_IN_FLIGHT, snapshot.inFlight(), at, service),
            count(Metric.JOBS_DELAYED, snapshot.delayed(), at, service),
            count(Metric.DEAD_LETTERS, snapshot.deadLetters(), at, service),
            count(Metric.NEW_DEAD_LETTERS, snapshot.newDeadLetters(), at, service),
            age(snapshot.oldestAge(), at, service),
            count(Metric.ACTIVE_BROKERS, snapshot.activeBrokers(), at, service));
    var queues = perQueue ? snapshot.queues().stream() : Stream.<QueueSnapshot>empty();
    return Stream.concat(totals, queues.flatMap(queue -> of(queue, at)))
        .flatMap(Optional::stream)
        .toList();
  }

  /** The number of running workers, counted at about {@code at}. */
  public MetricDatum ofWorkers(int workers, Instant at) {
    return datum(Metric.RUNNING_WORKERS, workers, at, service);
  }

  /** Backlog per worker, where the backlog is known. */
  public Optional<MetricDatum> ofBacklogPerWorker(BrokerSnapshot snapshot, int workers) {
    return snapshot
        .backlog()
        .known()
        .map(
            backlog ->
                datum(
                    Metric.BACKLOG_PER_WORKER,
                    backlogPerWorker(backlog, workers),
                    snapshot.readAt(),
                    service));
  }

  /**
   * Messages each running worker has to clear: backlog / workers. No worker counts as one, so that
   * a stopped service scales out. After "backlog per instance" in AWS's <a
   * href="https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html">SQS
   * scaling policy</a>.
   *
   * @throws IllegalArgumentException if {@code workers} is negative
   */
  static double backlogPerWorker(long backlog, int workers) {
    if (workers < 0) {
      throw new IllegalArgumentException("workers must be 0 or more, was " + workers);
    }
    return (double) backlog / Math.max(1, workers);
  }

  private Stream<Optional<MetricDatum>> of(QueueSnapshot queue, Instant at) {
    Dimension[] dimensions = {service, dimension("Queue", queue.queue().value())};
    return Stream.of(
        count(Metric.QUEUE_DEPTH, queue.waiting(), at, dimensions),
        count(Metric.JOBS_IN_FLIGHT, queue.inFlight(), at, dimensions),
        count(Metric.JOBS_DELAYED, queue.delayed(), at, dimensions),
        count(Metric.DEAD_LETTERS, queue.deadLetters(), at, dimensions),
        count(Metric.NEW_DEAD_LETTERS, queue.newDeadLetters(), at, dimensions),
        age(queue.oldestAge(), at, dimensions));
  }

  private static Optional<MetricDatum> count(
      Metric metric, Reading<Long> count, Instant at, Dimension... dimensions) {
    return count.known().map(messages -> datum(metric, messages, at, dimensions));
  }

  private static Optional<MetricDatum> age(
      Reading<Duration> age, Instant at, Dimension... dimensions) {
    return age.known()
        .map(known -> datum(Metric.OLDEST_JOB_AGE, known.toMillis() / 1000.0, at, dimensions));
  }

  private static MetricDatum datum(
      Metric metric, double value, Instant at, Dimension... dimensions) {
    return MetricDatum.builder()
        .metricName(metric.metricName())
        .unit(metric.unit())
        .value(value)
        // The instant of the read, not of the put: a retry must not move the count into the next
        // minute.
        .timestamp(at)
        .dimensions(dimensions)
        .build();
  }

  private static Dimension dimension(String name, String value) {
    return Dimension.builder().name(name).value(value).build();
  }
}
