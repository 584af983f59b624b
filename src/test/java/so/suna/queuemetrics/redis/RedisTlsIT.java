package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import so.suna.queuemetrics.kit.Certificate;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.RedisServer;

/** TLS as a real server speaks it, with certificates made for the run. */
@Execution(ExecutionMode.CONCURRENT)
class RedisTlsIT {

  private static final String NO_TLS =
      "; Redis may not use TLS, or may require a client certificate, javax.net.ssl.keyStore";

  private static Certificate certificate;
  private static SSLSocketFactory trustingTheServer;
  private static RedisServer server;
  private static int tlsPort;

  @BeforeAll
  static void start(@TempDir Path directory) throws Exception {
    certificate = Certificate.of(directory, "dns:localhost");
    trustingTheServer = certificate.trusting();
    tlsPort = RedisServer.freePort();
    server = serverWithTls(tlsPort);
  }

  private static RedisServer serverWithTls(int port) {
    return RedisServer.startWithTls(port, certificate.certificateFile(), certificate.keyFile());
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static ReadOnlyRedis trusting(String host, int port) {
    return over(true, host, port, () -> trustingTheServer);
  }

  private static ReadOnlyRedis over(
      boolean tls, String host, int port, Supplier<SSLSocketFactory> sockets) {
    return new ReadOnlyRedis(
        new RedisEndpoint(host, port, 0, tls, new Login.None()),
        _ -> "",
        Optional.empty(),
        sockets,
        Clock.systemUTC());
  }

  private static String name(String host, int port) {
    return "Redis %s:%d (REDIS_HOST, REDIS_PORT)".formatted(host, port);
  }

  @Test
  void trustedCertificateOfThisHostIsTaken() {
    try (var redis = trusting("localhost", tlsPort)) {
      assertThat(redis.evaluate("return 7", List.of(), List.of())).isEqualTo(7L);
    }
  }

  @Test
  void redisThatHangsIsGivenUpWithoutWaitingForItsLastMessage() {
    int port = RedisServer.freePort();
    try (var hanging = serverWithTls(port);
        var redis = trusting("localhost", port)) {
      redis.ping();
      hanging.hang();
      Instant asked = Instant.now();
      assertThatThrownBy(redis::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name("localhost", port) + " failed at TLS (REDIS_TLS=true): Read timed out" + NO_TLS);
      // The kept connection's answer and the fresh one's handshake, 2 s each.
      assertThat(Duration.between(asked, Instant.now()))
          .isBetween(Duration.ofSeconds(4), Duration.ofMillis(5_500));
    }
  }

  @Test
  void certificateThatTheJvmDoesNotTrustIsRefused() {
    // The public constructor: with the JVM's own trust store.
    var redis = RedisClients.at(new RedisEndpoint("localhost", tlsPort, 0, true, new Login.None()));
    assertThatThrownBy(redis::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name("localhost", tlsPort)
                + " failed at TLS (REDIS_TLS=true): (certificate_unknown) PKIX path building failed:"
                + " sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target"
                + "; a private CA must be in javax.net.ssl.trustStore");
  }

  @Test
  void trustedCertificateOfAnotherHostIsRefused() {
    assertThatThrownBy(trusting("127.0.0.1", tlsPort)::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name("127.0.0.1", tlsPort)
                + " failed at TLS (REDIS_TLS=true): (certificate_unknown) No subject alternative names matching IP address 127.0.0.1 found");
  }

  @Test
  void serverThatAnswersWithoutTlsIsRefused() throws IOException {
    try (var plain = StubServer.answering("-ERR Protocol error\r\n")) {
      assertThatThrownBy(trusting("localhost", plain.port())::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name("localhost", plain.port())
                  + " failed at TLS (REDIS_TLS=true): Unsupported or unrecognized SSL message"
                  + NO_TLS);
    }
  }

  @Test
  void serverThatIsSilentInTheHandshakeIsGivenUpNamingTls() throws IOException {
    try (var silent = StubServer.silent()) {
      assertThatThrownBy(trusting("localhost", silent.port())::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name("localhost", silent.port())
                  + " failed at TLS (REDIS_TLS=true): Read timed out"
                  + NO_TLS);
      await("the connection is closed").until(() -> silent.open() == 0);
    }
  }

  @Test
  void serverThatResetsTheHandshakeIsRefusedNamingTls() throws IOException {
    try (var resetting = StubServer.resetting()) {
      assertThatThrownBy(trusting("localhost", resetting.port())::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name("localhost", resetting.port())
                  + " failed at TLS (REDIS_TLS=true): Connection reset"
                  + NO_TLS);
    }
  }

  @Test
  void serverThatRequiresTlsIsNamedAsSuspectWithoutIt() {
    var redis = over(false, "localhost", tlsPort, () -> trustingTheServer);
    // Which of the two depends on whether all of the question was read before.
    assertThatThrownBy(redis::ping)
        .isInstanceOf(RedisException.class)
        .message()
        .isIn(
            name("localhost", tlsPort)
                + " failed to answer (REDIS_TLS=false, it may require TLS): Connection reset",
            name("localhost", tlsPort)
                + " failed to answer (REDIS_TLS=false, it may require TLS): Unexpected end of stream.");
  }

  @Test
  void trustStoreIsNotReadWithoutTls() {
    try (var redis =
        over(
            false,
            "localhost",
            server.port(),
            () -> {
              throw new AssertionError("read the trust store");
            })) {
      assertThatCode(redis::ping).doesNotThrowAnyException();
    }
  }
}
