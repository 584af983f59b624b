package so.suna.queuemetrics.simulation;

/** What one run is judged by. */
enum Figure {
  WAIT_MEAN("wait_mean_s", "wait mean, s"),
  WAIT_P95("wait_p95_s", "p95"),
  WAIT_P99("wait_p99_s", "p99"),
  WAIT_MAX("wait_max_s", "max"),
  /** The oldest age and the depth that were published at most: what one would have seen. */
  SEEN_AGE("metric_oldest_age_max_s", "age seen, s"),
  SEEN_DEPTH("metric_depth_max", "depth seen"),
  KILLED("killed", "killed"),
  STRANDED("stranded", "stranded"),
  TASK_HOURS("task_hours", "task-hours"),
  COST("cost", "cost"),
  WORKERS_PEAK("workers_peak", "workers peak"),
  WORKERS_MEAN("workers_mean", "mean"),
  MOVES("moves", "moves"),
  /**
   * SPEC's elasticity metrics on one-minute samples, in percent (Herbst et al., Ready for Rain,
   * 2016; Ilyushkin et al., ICPE 2017): workers missing and too many in relation to the workers
   * needed, the share of the time with too few and too many, and the share in which supply and
   * demand did not move the same way.
   */
  UNDER("under_provisioning_percent", "under, %"),
  OVER("over_provisioning_percent", "over, %"),
  UNDER_TIME("under_timeshare_percent", "time under, %"),
  OVER_TIME("over_timeshare_percent", "time over, %"),
  INSTABILITY("instability_percent", "instability, %"),
  BURST_TO_REQUEST("burst_to_request_s", "burst to request, s"),
  BURST_TO_ENOUGH("burst_to_enough_s", "to enough, s");

  private final String key;
  private final String title;

  Figure(String key, String title) {
    this.key = key;
    this.title = title;
  }

  /** In JSON. */
  String key() {
    return key;
  }

  /** In tables. */
  String title() {
    return title;
  }
}
