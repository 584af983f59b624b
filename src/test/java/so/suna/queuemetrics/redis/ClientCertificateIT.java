package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.kit.Certificate;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.local.RedisServer;

/** A real server with a private CA that requires a client certificate. */
class ClientCertificateIT {

  @TempDir private static Path directory;

  private static Certificate ofTheServer;
  private static Certificate ofTheClient;
  private static RedisServer server;
  private static int port;

  @BeforeAll
  static void start() throws Exception {
    ofTheServer = Certificate.of(directory, "dns:localhost");
    ofTheClient = Certificate.of(directory, "dns:publisher");
    port = RedisServer.freePort();
    server =
        RedisServer.start(
            "--tls-port",
            "" + port,
            "--tls-cert-file",
            ofTheServer.certificateFile().toString(),
            "--tls-key-file",
            ofTheServer.keyFile().toString(),
            "--tls-ca-cert-file",
            ofTheClient.certificateFile().toString(),
            "--tls-auth-clients",
            "yes");
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  /** In a JVM of its own, since a JVM reads these options once. */
  public static final class Ping {
    private Ping() {}

    public static void main(String[] arguments) {
      var endpoint =
          new RedisEndpoint("localhost", Integer.parseInt(arguments[0]), 0, true, new Login.None());
      try (var redis = RedisClients.at(endpoint)) {
        redis.ping();
        System.out.println("PONG");
      } catch (RedisException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  private static String pingedWith(String options) throws IOException, InterruptedException {
    var builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Ping.class.getName(),
                "" + port)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("JAVA_TOOL_OPTIONS", options);
    Process process = builder.start();
    try (InputStream out = process.getInputStream()) {
      return new String(out.readAllBytes(), StandardCharsets.UTF_8).strip();
    }
  }

  @Test
  void storesNamedInTheOptionsOfTheJvmAreUsed() throws Exception {
    assertThat(pingedWith(ofTheServer.trustOptions(directory) + ofTheClient.keyOptions(directory)))
        .isEqualTo("PONG");
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
  void missingCertificateIsNamed(String protocol) throws Exception {
    SSLContext context = ofTheServer.context(protocol);
    var redis =
        new ReadOnlyRedis(
            new RedisEndpoint("localhost", port, 0, true, new Login.None()),
            _ -> "",
            Optional.empty(),
            context::getSocketFactory,
            Clock.systemUTC());
    assertThatThrownBy(redis::ping)
        .isInstanceOf(RedisException.class)
        .hasMessageStartingWith("Redis localhost:%d (REDIS_HOST, REDIS_PORT) failed ", port)
        .hasMessageContaining("may require a client certificate, javax.net.ssl.keyStore");
    assertThatThrownBy(
            () -> redis.evaluate("return #ARGV[1]", List.of(), List.of("x".repeat(5_000))))
        .hasMessageContaining("client certificate");
  }

  @Test
  void privateCaThatTheJvmDoesNotTrustIsNamed() throws Exception {
    assertThat(pingedWith(ofTheClient.keyOptions(directory)))
        .endsWith("; a private CA must be in javax.net.ssl.trustStore");
  }
}
