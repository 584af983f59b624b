package so.suna.queuemetrics.ecs;

/**
 * The tasks of the worker service at one instant.
 *
 * @param running tasks in the state RUNNING
 * @param desired tasks that the service should have
 */
public record Workers(int running, int desired) {
  public Workers {
    if (running < 0 || desired < 0) {
      throw new IllegalArgumentException(
          "running and desired must be 0 or more, were %s and %s".formatted(running, desired));
    }
  }
}
