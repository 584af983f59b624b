package so.suna.queuemetrics.dramatiq;

import java.util.List;

/**
 * The figures of one queue at one instant. Immutable.
 *
 * @param notices what is odd about them and no problem of this reader
 */
public record QueueSnapshot(QueueName queue, Figures figures, List<String> notices) {

  public QueueSnapshot {
    notices = List.copyOf(notices);
  }
}
