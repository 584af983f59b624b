package so.suna.queuemetrics.dramatiq;

/** The figures of one queue at one instant. Immutable. */
public record QueueSnapshot(QueueName queue, Figures figures) {}
