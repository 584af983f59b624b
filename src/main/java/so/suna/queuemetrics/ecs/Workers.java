package so.suna.queuemetrics.ecs;

/**
 * The tasks of the worker service at one instant.
 *
 * @param running tasks in the state RUNNING
 * @param desired tasks that the service should have
 */
public record Workers(int running, int desired) {}
