package so.suna.queuemetrics;

import java.util.List;

/** A tick that could not read or publish everything; the message names all that is missing. */
public final class TickFailedException extends RuntimeException {
  TickFailedException(List<String> problems, List<RuntimeException> causes) {
    super(String.join("; ", problems));
    causes.forEach(this::addSuppressed);
  }
}
