package so.suna.queuemetrics.simulation;

/** A message and the work that it asks for. Times are seconds from the start of the simulation. */
final class Job {

  final double sent;
  final double duration;
  double finished = Double.NaN;

  /** Counts up when a run is lost, so that its end is not taken for the next run's. */
  int run;

  Job(double sent, double duration) {
    this.sent = sent;
    this.duration = duration;
  }

  boolean isFinished() {
    return !Double.isNaN(finished);
  }

  /**
   * From sending to the start of the run that did the work, whether in the list or fetched ahead.
   */
  double waited() {
    return finished - duration - sent;
  }
}
