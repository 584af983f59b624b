package so.suna.queuemetrics;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Reads once while a function starts, so that the first event finds connections open and classes
 * loaded: Lambda lends a starting function a whole processor. A read that fails is logged and does
 * not fail the start, since the first event will meet the same cause and report it.
 */
final class FirstRead {

  /** Well below the 10 s that Lambda allows a start before it repeats it. */
  static final Duration LIMIT = Duration.ofSeconds(3);

  private FirstRead() {}

  static void run(Runnable read, JsonLog log) {
    run(read, LIMIT, log);
  }

  static void run(Runnable read, Duration limit, JsonLog log) {
    var task = new FutureTask<>(read, null);
    // Interrupting a virtual thread closes the socket it waits for; only a look-up of a name lasts.
    Thread.startVirtualThread(task);
    try {
      task.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException _) {
      log.failure("first read failed", task.exceptionNow());
    } catch (TimeoutException _) {
      task.cancel(true);
      log.failure(
          "first read failed",
          new TimeoutException("not finished within %s s".formatted(limit.toSeconds())));
    } catch (InterruptedException _) {
      task.cancel(true);
      Thread.currentThread().interrupt();
    }
  }
}
