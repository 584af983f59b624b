package so.suna.queuemetrics.http;

/** What an event asks of the query function. */
public sealed interface Event {

  /**
   * An HTTP request.
   *
   * @param path as the caller sent it, percent-encoded, but without the stage of an HTTP API
   * @param authorization the header's value, empty if there is none
   * @param accept likewise
   */
  record Request(String method, String path, String authorization, String accept)
      implements Event {}

  /** {@code {"keepAlive":true}}: a schedule invokes the function so that it stays active. */
  record KeepAlive() implements Event {}

  /** An event of another shape; the finding names fields, but none of their values. */
  record NotUnderstood(String finding) implements Event {}
}
