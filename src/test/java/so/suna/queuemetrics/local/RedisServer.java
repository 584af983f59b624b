package so.suna.queuemetrics.local;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.exceptions.JedisException;

/** A real redis-server of its own, on a free loopback port, that keeps nothing on disk. */
public final class RedisServer implements AutoCloseable {

  /** The versions whose programs come with the test dependencies. */
  public enum Version {
    /** Knows {@code EVAL_RO}. */
    V7("redis-server-7.0.15"),
    /** Does not. */
    V6("redis-server-6.2.11");

    private final String program;

    Version(String program) {
      this.program = program;
    }
  }

  private static final Duration START_TIMEOUT = Duration.ofSeconds(10);

  private final Process process;
  private final int port;
  private final Path directory;

  private RedisServer(Process process, int port, Path directory) {
    this.process = process;
    this.port = port;
    this.directory = directory;
  }

  public static RedisServer start(String... options) {
    return start(Version.V7, freePort(), options);
  }

  /** Starts and waits until the server takes connections, which it does while still LOADING too. */
  public static RedisServer start(Version version, int port, String... options) {
    try {
      Path directory = Files.createTempDirectory("redis");
      Path program = unpack(version, directory);
      List<String> command =
          new ArrayList<>(
              List.of(
                  program.toString(),
                  "--port",
                  "" + port,
                  "--bind",
                  "127.0.0.1",
                  "--save",
                  "",
                  "--dir",
                  "" + directory));
      command.addAll(List.of(options));
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("log").toFile())
              .start();
      var server = new RedisServer(process, port, directory);
      server.awaitReady();
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public int port() {
    return port;
  }

  public long pid() {
    return process.pid();
  }

  /** A client of the test's own, not the one under test. */
  public Jedis client() {
    return new Jedis("127.0.0.1", port);
  }

  /**
   * Stops the process without ending it: it keeps its port and its connections and answers nothing.
   */
  public void hang() {
    signal("STOP");
  }

  public void goOn() {
    signal("CONT");
  }

  @Override
  public void close() {
    process.destroyForcibly();
    try {
      process.waitFor(5, TimeUnit.SECONDS);
      try (var files = Files.list(directory)) {
        for (Path file : files.toList()) {
          Files.deleteIfExists(file);
        }
      }
      Files.deleteIfExists(directory);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static int freePort() {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void signal(String name) {
    try {
      new ProcessBuilder("kill", "-" + name, "" + process.pid()).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void awaitReady() throws IOException {
    Instant deadline = Instant.now().plus(START_TIMEOUT);
    while (!answers()) {
      if (!process.isAlive() || Instant.now().isAfter(deadline)) {
        String log = Files.readString(directory.resolve("log"));
        close();
        throw new IOException("redis-server did not start on port %d: %s".formatted(port, log));
      }
      Thread.onSpinWait();
    }
  }

  /** Any answer will do, an error (LOADING, NOAUTH) too. */
  private boolean answers() {
    try (var client = client()) {
      client.ping();
      return true;
    } catch (JedisException e) {
      return e instanceof redis.clients.jedis.exceptions.JedisDataException;
    }
  }

  private static Path unpack(Version version, Path directory) throws IOException {
    String name = "%s-%s-%s".formatted(version.program, system(), architecture());
    Path program = directory.resolve(name);
    try (InputStream in = RedisServer.class.getResourceAsStream("/" + name)) {
      Files.copy(
          Objects.requireNonNull(in, () -> "no program " + name + " among the test dependencies"),
          program);
    }
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return program;
  }

  private static String system() {
    return System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("mac")
        ? "darwin"
        : "linux";
  }

  private static String architecture() {
    return Set.of("aarch64", "arm64").contains(System.getProperty("os.arch")) ? "arm64" : "amd64";
  }
}
