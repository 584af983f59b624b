package so.suna.queuemetrics.cloudwatch;

import software.amazon.awssdk.services.cloudwatch.model.StandardUnit;

/** The metrics by the names that scaling policies, alarms and dashboards use. */
public enum Metric {
  /** Waiting messages: the metric that the API containers published before. */
  QUEUE_DEPTH("DramatiqQueueDepth", StandardUnit.COUNT),
  /** Messages fetched by workers and not yet acknowledged. */
  JOBS_IN_FLIGHT("DramatiqJobsInFlight", StandardUnit.COUNT),
  /** Messages scheduled for later, retries included. */
  JOBS_DELAYED("DramatiqJobsDelayed", StandardUnit.COUNT),
  /** Kept dead letters. */
  DEAD_LETTERS("DramatiqDeadLetters", StandardUnit.COUNT),
  /** Dead letters of the last 60 s. */
  NEW_DEAD_LETTERS("DramatiqNewDeadLetters", StandardUnit.COUNT),
  /** Age of the oldest waiting message, 0 where none waits. */
  OLDEST_JOB_AGE("DramatiqOldestJobAge", StandardUnit.SECONDS),
  /** Broker connections with a heartbeat in the last 60 s. */
  ACTIVE_BROKERS("DramatiqActiveBrokers", StandardUnit.COUNT),
  /** Running tasks of the worker service. */
  RUNNING_WORKERS("DramatiqRunningWorkers", StandardUnit.COUNT),
  /** Waiting and in-flight messages for each running worker. */
  BACKLOG_PER_WORKER("DramatiqBacklogPerWorker", StandardUnit.COUNT);

  private final String metricName;
  private final StandardUnit unit;

  Metric(String metricName, StandardUnit unit) {
    this.metricName = metricName;
    this.unit = unit;
  }

  public String metricName() {
    return metricName;
  }

  public StandardUnit unit() {
    return unit;
  }
}
