package so.suna.queuemetrics.dramatiq;

/**
 * Every figure by its name in CloudWatch and its field in the answer to a query, in that answer's
 * order. The first seven are also each queue's own.
 */
public enum Metric {
  /** Messages whose id is in the list, not yet fetched: what the API containers published. */
  QUEUE_DEPTH("DramatiqQueueDepth", "queue_depth", "waiting", Unit.COUNT),
  /** Messages scheduled for later, retries included, wherever they are held. */
  JOBS_DELAYED("DramatiqJobsDelayed", "delay_queue_depth", "delayed", Unit.COUNT),
  /** Messages that were given up and are kept. */
  DEAD_LETTERS("DramatiqDeadLetters", "dead_letter_depth", "dead letters", Unit.COUNT),
  /** Messages fetched by workers and not yet acknowledged. */
  JOBS_IN_FLIGHT("DramatiqJobsInFlight", "in_flight", "in flight", Unit.COUNT),
  /** Age of the oldest waiting message since it was first sent; 0 if none waits. */
  OLDEST_JOB_AGE("DramatiqOldestJobAge", "oldest_job_age_seconds", "oldest age", Unit.SECONDS),
  /** Messages given up within {@link SnapshotReader#RECENT}. */
  NEW_DEAD_LETTERS("DramatiqNewDeadLetters", "new_dead_letters", "new dead letters", Unit.COUNT),
  /** Payloads that neither the list nor a worker knows: no worker will ever run them. */
  ORPHANED_MESSAGES("DramatiqOrphanedMessages", "orphaned", "orphaned messages", Unit.COUNT),
  /** Connections of workers and producers with a heartbeat within {@link SnapshotReader#RECENT}. */
  ACTIVE_BROKERS("DramatiqActiveBrokers", "active_brokers", "active brokers", Unit.COUNT),
  /** Running tasks of the worker service. */
  RUNNING_WORKERS("DramatiqRunningWorkers", "running_workers", "running workers", Unit.COUNT),
  /** Tasks that the worker service should run. */
  DESIRED_WORKERS("DramatiqDesiredWorkers", "desired_workers", "desired workers", Unit.COUNT),
  /** Waiting and in-flight messages for each running worker. */
  BACKLOG_PER_WORKER(
      "DramatiqBacklogPerWorker", "backlog_per_worker", "backlog per worker", Unit.COUNT);

  /** What a value counts. */
  public enum Unit {
    COUNT,
    SECONDS
  }

  private final String metricName;
  private final String jsonName;
  private final String words;
  private final Unit unit;

  Metric(String metricName, String jsonName, String words, Unit unit) {
    this.metricName = metricName;
    this.jsonName = jsonName;
    this.words = words;
    this.unit = unit;
  }

  public String metricName() {
    return metricName;
  }

  public String jsonName() {
    return jsonName;
  }

  public Unit unit() {
    return unit;
  }

  /** The value of several queues together: the greatest age, else the sum. */
  double total(double left, double right) {
    return unit == Unit.SECONDS ? Math.max(left, right) : left + right;
  }

  @Override
  public String toString() {
    return words;
  }
}
