package so.suna.queuemetrics.local;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;

/** A real redis-server of its own, on a free loopback port, that keeps nothing on disk. */
public final class RedisServer implements AutoCloseable {

  /** The versions whose programs come with the test dependencies. */
  public enum Version {
    /** 7.0.15, which knows {@code EVAL_RO}. */
    V7,
    /** 6.2.11, or 6.2.7 on Linux on ARM; does not. */
    V6;

    /** As the jar that brings it names the program for this machine. */
    private String program() {
      String machine = system() + "-" + architecture();
      return switch (this) {
        case V7 -> "redis-server-7.0.15-" + machine;
        case V6 ->
            "redis-server-%s-%s"
                .formatted(machine.equals("linux-arm64") ? "6.2.7" : "6.2.6-v5", machine);
      };
    }
  }

  /**
   * All at once and before any server starts: a program that is being written while another thread
   * forks is "busy".
   */
  private static final Map<Version, Path> PROGRAMS =
      Arrays.stream(Version.values())
          .collect(Collectors.toMap(version -> version, RedisServer::unpack));

  /**
   * Another range for each of the JVMs that run tests at the same time, whose process ids are near;
   * all tests of one take some 200 ports.
   */
  private static final AtomicInteger NEXT_PORT =
      new AtomicInteger(20_000 + (int) (ProcessHandle.current().pid() % 25) * 400);

  private static final Duration TIMEOUT = Duration.ofSeconds(10);

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

  /** With a second port, which speaks TLS and asks for no certificate of its callers. */
  public static RedisServer startWithTls(int tlsPort, Path certificate, Path key) {
    return start(
        "--tls-port",
        "" + tlsPort,
        "--tls-cert-file",
        certificate.toString(),
        "--tls-key-file",
        key.toString(),
        "--tls-auth-clients",
        "no");
  }

  /** Starts and waits until the server takes connections, which it does while still LOADING too. */
  public static RedisServer start(Version version, int port, String... options) {
    try {
      Path directory = Files.createTempDirectory("redis");
      Path program = Objects.requireNonNull(PROGRAMS.get(version));
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
      // For a run that is broken off.
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
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

  public boolean isRunning() {
    return process.isAlive();
  }

  public long pid() {
    return process.pid();
  }

  /** A client of the test's own, not the one under test; patient, since it may fill the server. */
  public Jedis client() {
    return new Jedis("127.0.0.1", port, (int) TIMEOUT.toMillis());
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

  /** Ends the process at once, also a hanging one; a second time does nothing. */
  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
    if (!Files.exists(directory)) {
      return;
    }
    try (var files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * One that nobody listens on and that this program gives only once. It is below those that
   * systems give to outgoing connections, which could take it before the server does.
   */
  public static int freePort() {
    while (true) {
      int port = NEXT_PORT.getAndIncrement();
      try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (BindException _) {
        // Somebody listens there; the next one may be free.
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
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
    try {
      Awaitility.await()
          .pollDelay(Duration.ZERO)
          .pollInterval(Duration.ofMillis(5))
          .atMost(TIMEOUT)
          .until(() -> !process.isAlive() || answers());
    } catch (ConditionTimeoutException _) {
      process.destroyForcibly().onExit().join();
    }
    if (!process.isAlive()) {
      String log = Files.readString(directory.resolve("log"));
      close();
      throw new IOException("redis-server did not start on port %d: %s".formatted(port, log));
    }
  }

  /** Any answer will do, an error (LOADING, NOAUTH) too. */
  private boolean answers() {
    try (var client = client()) {
      client.ping();
      return true;
    } catch (JedisException e) {
      return e instanceof JedisDataException;
    }
  }

  private static Path unpack(Version version) {
    String name = version.program();
    try (InputStream in = RedisServer.class.getResourceAsStream("/" + name)) {
      Path program = Files.createTempFile(name, null);
      program.toFile().deleteOnExit();
      Files.copy(
          Objects.requireNonNull(in, () -> "no program " + name + " among the test dependencies"),
          program,
          StandardCopyOption.REPLACE_EXISTING);
      Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
      return program;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
