package so.suna.queuemetrics.http;

/** What an event asks of the query function. */
public sealed interface Event {

  /**
   * An HTTP request.
   *
   * @param path as the caller sent it, percent-encoded, but without the stage of an API
   * @param authorization the header's values, with a comma between several; empty if there is none
   * @param accept likewise
   * @param authenticated AWS has checked who the caller is, and let the caller in
   * @param format what the answer must look like
   */
  record Request(
      String method,
      String path,
      String authorization,
      String accept,
      boolean authenticated,
      Format format)
      implements Event {}

  /** {@code {"keepAlive":true}}: a schedule invokes the function so that it stays active. */
  record KeepAlive() implements Event {}

  /** An event of another shape; the finding names fields, but none of their values. */
  record NotUnderstood(String finding) implements Event {}

  /**
   * How answers differ by who sends the event.
   *
   * @param statusDescription a load balancer takes the status in words too
   * @param multiValueHeaders a REST API does, and a load balancer if it is set so
   */
  record Format(boolean statusDescription, boolean multiValueHeaders) {
    static final Format PLAIN = new Format(false, false);
  }
}
