package so.suna.queuemetrics.simulation;

import java.util.random.RandomGenerator;

/**
 * What one task of the worker service is made of. Times in seconds.
 *
 * @param prefetch messages that a process holds at most, those that run included
 * @param toRunning from the order to RUNNING
 * @param toFetching from RUNNING to the first fetch
 * @param stopTimeout from SIGTERM to SIGKILL
 * @param protection whether a task that works is kept from scale-in by ECS task protection
 * @param idlePoll longest pause of an idle process between two fetches; 0 fetches at once
 */
record Worker(
    int processes,
    int threads,
    int prefetch,
    Range toRunning,
    Range toFetching,
    double stopTimeout,
    boolean protection,
    double idlePoll) {

  /** Uniform between two times. */
  record Range(double from, double to) {
    double draw(RandomGenerator random) {
      return from == to ? from : random.nextDouble(from, to);
    }
  }

  /**
   * 4 x 4 as the seed runs it. Dramatiq holds twice its threads and polls at least once in
   * worker_timeout (worker.py and brokers/redis.py, 1.18.0); ECS kills after 30 s; seen on Fargate:
   * 18 to 39 s to RUNNING with an image of 285 MB, 53 to 62 s with 413 MB, ready 2.4 to 3.4 s
   * later.
   */
  static final Worker DEFAULT =
      new Worker(4, 4, 8, new Range(18, 62), new Range(2, 3.5), 30, false, 1);

  Worker {
    if (processes < 1 || threads < 1 || prefetch < threads) {
      throw new IllegalArgumentException(
          "prefetch must be at least the threads (%d), was %d".formatted(threads, prefetch));
    }
  }

  int slots() {
    return processes * threads;
  }

  Worker withPrefetch(int value) {
    return new Worker(
        processes, threads, value, toRunning, toFetching, stopTimeout, protection, idlePoll);
  }

  Worker withStopTimeout(double value) {
    return new Worker(
        processes, threads, prefetch, toRunning, toFetching, value, protection, idlePoll);
  }

  Worker withProtection(boolean value) {
    return new Worker(
        processes, threads, prefetch, toRunning, toFetching, stopTimeout, value, idlePoll);
  }
}
