package so.suna.queuemetrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

final class FirstReadTest {

  private final List<String> lines = new ArrayList<>();
  private final JsonLog log = new JsonLog(lines::add);

  @Test
  void aReadThatSucceedsIsFinishedWhenTheStartGoesOnAndLogsNothing() {
    List<String> read = new ArrayList<>();

    FirstRead.run(() -> read.add("queues"), log);

    assertThat(read).containsExactly("queues");
    assertThat(lines).isEmpty();
  }

  @Test
  void aReadThatFailsIsLoggedOnceAndDoesNotFailTheStart() {
    FirstRead.run(
        () -> {
          throw new IllegalStateException(
              "Redis \"cache\"\ngave no answer",
              new UncheckedIOException("closed", new ConnectException("no route")));
        },
        log);

    assertThat(lines)
        .containsExactly(
            """
            {"event":"first read failed","cause":"java.lang.IllegalStateException: Redis \\"cache\\"\\ngave no answer, caused by java.io.UncheckedIOException: closed, caused by java.net.ConnectException: no route"}
            """);
  }

  @Test
  void aReadThatIsNotFinishedInTimeIsInterruptedAndLoggedOnce() throws InterruptedException {
    var interrupted = new CountDownLatch(1);

    FirstRead.run(
        () -> {
          try {
            new CountDownLatch(1).await();
          } catch (InterruptedException _) {
            interrupted.countDown();
            throw new IllegalStateException("closed by interrupt");
          }
        },
        Duration.ofSeconds(1),
        log);

    interrupted.await();
    assertThat(lines)
        .containsExactly(
            """
            {"event":"first read failed","cause":"java.util.concurrent.TimeoutException: not finished within 1 s"}
            """);
  }
}
