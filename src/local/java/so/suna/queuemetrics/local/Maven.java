package so.suna.queuemetrics.local;

import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Maven's process, if it has started this one: neither outlives the other. */
final class Maven {

  private static final long SECONDS_TO_END = 5;

  private final Optional<ProcessHandle> process;

  private Maven(Optional<ProcessHandle> process) {
    this.process = process;
  }

  /** As the profile in pom.xml tells by {@code -Dmaven}. */
  static Maven ofThisRun() {
    return new Maven(ProcessHandle.current().parent().filter(_ -> Boolean.getBoolean("maven")));
  }

  /**
   * Runs when Maven has ended, however it did. On a thread of its own: the common pool, of a single
   * thread on two processors, also tells when Redis has ended, for which the end of the run waits.
   */
  void whenEnded(Runnable action) {
    process.ifPresent(
        maven -> {
          var _ = maven.onExit().thenRunAsync(action, task -> new Thread(task).start());
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
