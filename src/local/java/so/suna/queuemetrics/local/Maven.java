package so.suna.queuemetrics.local;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/** Maven's process, if it has started this one: neither outlives the other. */
final class Maven {

  private static final long SECONDS_TO_END = 5;
  private static final Duration LOOK_AGAIN = Duration.ofMillis(500);

  private final Optional<ProcessHandle> process;

  private Maven(Optional<ProcessHandle> process) {
    this.process = process;
  }

  /** As the profile in pom.xml tells by {@code -Dmaven}. */
  static Maven ofThisRun() {
    return new Maven(ProcessHandle.current().parent().filter(_ -> Boolean.getBoolean("maven")));
  }

  /**
   * Runs when Maven has ended, however it did. Looks who the parent is, instead of waiting for
   * Maven's exit: a process that was killed lasts as a zombie until its own parent asks for it.
   */
  void whenEnded(Runnable action) {
    process.ifPresent(
        _ -> {
          var watch =
              new Thread(
                  () -> {
                    while (ProcessHandle.current().parent().equals(process)) {
                      LockSupport.parkNanos(LOOK_AGAIN.toNanos());
                    }
                    action.run();
                  });
          watch.setDaemon(true);
          watch.start();
        });
  }

  /**
   * Ends Maven before this process, whose failure it would explain at length. It exits with 143, as
   * after any SIGTERM.
   */
  void end() {
    process.ifPresent(
        maven -> {
          maven.destroy();
          try {
            maven.onExit().get(SECONDS_TO_END, TimeUnit.SECONDS);
          } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
          } catch (ExecutionException | TimeoutException _) {
            // Then Maven has its say.
          }
        });
  }
}
