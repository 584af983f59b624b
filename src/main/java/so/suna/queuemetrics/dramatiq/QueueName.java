package so.suna.queuemetrics.dramatiq;

import java.util.regex.Pattern;

/** The name of a Dramatiq queue; its {@code .DQ} and {@code .XQ} are parts of it, not queues. */
public record QueueName(String value) {

  /** Dramatiq's own rule: {@code _queue_name_re} in dramatiq/actor.py, 1.18.0. */
  private static final Pattern ALLOWED = Pattern.compile("[A-Za-z_][A-Za-z0-9._-]*");

  /**
   * @throws IllegalArgumentException if Dramatiq refuses the name, or it is a queue's part
   */
  public QueueName {
    if (!ALLOWED.matcher(value).matches()) {
      throw new IllegalArgumentException(
          "queue name must match %s, was '%s'".formatted(ALLOWED, value));
    }
    if (value.endsWith(".DQ") || value.endsWith(".XQ")) {
      throw new IllegalArgumentException(
          "queue name must be that of a queue, not of its delayed (.DQ) or dead (.XQ) part, was '%s'"
              .formatted(value));
    }
  }

  @Override
  public String toString() {
    return value;
  }
}
