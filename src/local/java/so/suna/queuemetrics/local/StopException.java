package so.suna.queuemetrics.local;

/** Ends the local run with one sentence instead of a stack trace. */
final class StopException extends RuntimeException {
  StopException(String sentence) {
    super(sentence);
  }
}
