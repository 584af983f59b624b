package so.suna.queuemetrics.local;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The latest state for everybody who looks at the page, as server-sent events: at once, and
 * whenever it changes. Who is slow misses states, never the latest. Safe for use by several
 * threads.
 */
final class Updates implements HttpHandler {

  /** So that a connection whose other end has gone is noticed. */
  private static final long SILENCE_MILLIS = 15_000;

  private String state = "{}";
  private long version;

  /**
   * @param json on one line
   */
  synchronized void publish(String json) {
    state = json;
    version++;
    notifyAll();
  }

  private record Update(long version, String state) {}

  /** The latest state, as soon as it is another one than that of the version, or after a while. */
  private synchronized Update after(long seen) throws InterruptedException {
    long deadline = System.nanoTime() + SILENCE_MILLIS * 1_000_000;
    while (version == seen) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        break;
      }
      wait(left);
    }
    return new Update(version, state);
  }

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
      exchange.getResponseHeaders().set("Cache-Control", "no-store");
      exchange.sendResponseHeaders(200, 0);
      OutputStream body = exchange.getResponseBody();
      for (long seen = -1; ; ) {
        Update update = after(seen);
        String event = update.version() == seen ? ":\n\n" : "data: " + update.state() + "\n\n";
        body.write(event.getBytes(StandardCharsets.UTF_8));
        body.flush();
        seen = update.version();
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
