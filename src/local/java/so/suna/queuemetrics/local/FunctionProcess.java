package so.suna.queuemetrics.local;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import so.suna.queuemetrics.local.FunctionMain.Line;

/**
 * One function running in a process of its own. Invocations wait for each other, as they do in one
 * Lambda instance.
 */
final class FunctionProcess implements AutoCloseable {

  /**
   * What came of an invocation: the lines logged, and the result in JSON or the reason of the
   * failure.
   */
  record Outcome(boolean succeeded, String text, List<String> logged) {}

  private final Process process;
  private final BufferedReader out;
  private final Writer in;

  private FunctionProcess(Process process) {
    this.process = process;
    this.out = process.inputReader(StandardCharsets.UTF_8);
    this.in = process.outputWriter(StandardCharsets.UTF_8);
  }

  /**
   * Starts the function and waits until its constructor has run.
   *
   * @param environment all that the process sees of an environment
   * @throws IllegalStateException with the reason, if the constructor failed
   */
  static FunctionProcess start(Class<?> handler, Map<String, String> environment) {
    var builder =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElse("java"),
                // As Lambda's Java runtime sets them.
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-classpath",
                System.getProperty("java.class.path"),
                FunctionMain.class.getName(),
                handler.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().clear();
    builder.environment().putAll(environment);
    try {
      var function = new FunctionProcess(builder.start());
      Outcome started = function.read();
      if (!started.succeeded()) {
        function.close();
        throw new IllegalStateException(started.text());
      }
      return function;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Hands over an event in JSON and waits for what comes of it. */
  synchronized Outcome invoke(String event) {
    try {
      in.write(event.replace("\n", " ") + "\n");
      in.flush();
      return read();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Its input ends, so it ends; a process that does not is ended. */
  @Override
  public void close() {
    try {
      in.close();
      if (!process.waitFor(1, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException _) {
      process.destroyForcibly();
    } catch (InterruptedException _) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private Outcome read() throws IOException {
    var logged = new ArrayList<String>();
    while (true) {
      @Nullable String line = out.readLine();
      if (line == null) {
        return new Outcome(false, "the function's process ended", logged);
      }
      String[] parts = line.split(" ", 2);
      switch (Line.valueOf(parts[0])) {
        case LOG -> logged.add(parts[1]);
        case READY, RESULT -> {
          return new Outcome(true, parts[1], logged);
        }
        case FAILED -> {
          return new Outcome(false, parts[1], logged);
        }
      }
    }
  }
}
