package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.params.provider.Arguments.argumentSet;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.kit.Certificate;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.RedisServer;

/** TLS as real servers speak it, with certificates made for the run. */
@Execution(ExecutionMode.CONCURRENT)
class RedisTlsIT extends RealRedis {

  private static final String NO_TLS =
      "; Redis may not use TLS, or may require a client certificate, javax.net.ssl.keyStore";

  @TempDir private static Path directory;
  private static Certificate certificate;
  private static SSLSocketFactory trustingTheServer;
  private static int tlsPort;

  @AutoClose
  @SuppressWarnings("UnusedVariable") // by nobody but JUnit
  private static RedisServer server;

  @BeforeAll
  static void startServer() throws Exception {
    certificate = Certificate.of(directory, "dns:localhost");
    trustingTheServer = certificate.context("TLS").getSocketFactory();
    tlsPort = RedisServer.freePort();
    server = serverWithTls(tlsPort);
  }

  private static RedisServer serverWithTls(int port) {
    return RedisServer.startWithTls(port, certificate.certificateFile(), certificate.keyFile());
  }

  private AskedRedis trusting(String host, int port) {
    return over(true, host, port, () -> trustingTheServer);
  }

  private AskedRedis over(boolean tls, String host, int port, Supplier<SSLSocketFactory> sockets) {
    var endpoint = new RedisEndpoint(host, port, 0, tls, NO_LOGIN);
    return at(
        endpoint,
        new ReadOnlyRedis(endpoint, _ -> "", Optional.empty(), sockets, Clock.systemUTC()));
  }

  @Test
  void trustedCertificateOfThisHostIsTaken() {
    assertThat(trusting("localhost", tlsPort).evaluate("return 7")).isEqualTo(7L);
  }

  @Test
  void redisThatHangsIsGivenUpWithoutWaitingForItsLastMessage() {
    int port = RedisServer.freePort();
    RedisServer hanging = opened(serverWithTls(port));
    AskedRedis redis = trusting("localhost", port);
    redis.ping();
    hanging.hang();
    Instant asked = Instant.now();
    redis.assertPingFails("failed at TLS (REDIS_TLS=true): Read timed out" + NO_TLS);
    // The kept connection's answer and the fresh one's handshake, 2 s each.
    assertThat(Duration.between(asked, Instant.now()))
        .isBetween(Duration.ofSeconds(4), Duration.ofMillis(5_500));
  }

  @Test
  void certificateThatTheJvmDoesNotTrustIsRefused() {
    // The public constructor: with the JVM's own trust store.
    at(new RedisEndpoint("localhost", tlsPort, 0, true, NO_LOGIN))
        .assertPingFails(
            "failed at TLS (REDIS_TLS=true): (certificate_unknown) PKIX path building failed:"
                + " sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target"
                + "; a private CA must be in javax.net.ssl.trustStore");
  }

  @Test
  void trustedCertificateOfAnotherHostIsRefused() {
    trusting("127.0.0.1", tlsPort)
        .assertPingFails(
            "failed at TLS (REDIS_TLS=true): (certificate_unknown) No subject alternative names matching IP address 127.0.0.1 found");
  }

  static Stream<Arguments> otherAnswersToAHandshake() {
    return Stream.of(
        argumentSet(
            "plain text",
            StubServer.answering("-ERR Protocol error\r\n"),
            "Unsupported or unrecognized SSL message"),
        argumentSet("silence", StubServer.silent(), "Read timed out"),
        argumentSet("a reset", StubServer.resetting(), "Connection reset"));
  }

  @ParameterizedTest
  @MethodSource("otherAnswersToAHandshake")
  void serverThatAnswersTheHandshakeOtherwiseIsRefused(StubServer stub, String said) {
    trusting("localhost", stub.port())
        .assertPingFails("failed at TLS (REDIS_TLS=true): " + said + NO_TLS);
    await("the connection is closed").until(() -> stub.open() == 0);
  }

  @Test
  void serverThatRequiresTlsIsNamedAsSuspectWithoutIt() {
    AskedRedis redis = over(false, "localhost", tlsPort, WITHOUT_TLS);
    String suspect = redis.endpoint() + " failed to answer (REDIS_TLS=false, it may require TLS): ";
    // Which of the two depends on whether all of the question was read before.
    assertThatThrownBy(redis::ping)
        .isInstanceOf(RedisException.class)
        .message()
        .isIn(suspect + "Connection reset", suspect + "Unexpected end of stream.");
  }

  /** In a JVM of its own, since a JVM reads these options once. */
  static final class Ping {
    public static void main(String[] arguments) {
      int port = Integer.parseInt(arguments[0]);
      try (var redis = RedisClients.at(new RedisEndpoint("localhost", port, 0, true, NO_LOGIN))) {
        redis.ping();
        System.out.println("PONG");
      }
    }
  }

  /** Starts a server with a private CA that requires a client certificate, and returns its port. */
  private int serverThatRequires(Certificate ofTheClient) {
    int port = RedisServer.freePort();
    start(
        "--tls-auth-clients yes --tls-port %d --tls-cert-file %s --tls-key-file %s --tls-ca-cert-file %s"
            .formatted(
                port,
                certificate.certificateFile(),
                certificate.keyFile(),
                ofTheClient.certificateFile()));
    return port;
  }

  @Test
  void storesNamedInTheOptionsOfTheJvmAreUsed() throws Exception {
    Certificate ofTheClient = Certificate.of(directory, "dns:publisher");
    var ping =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Ping.class.getName(),
                "" + serverThatRequires(ofTheClient))
            .redirectErrorStream(true);
    ping.environment()
        .put("JAVA_TOOL_OPTIONS", certificate.trustOptions() + ofTheClient.keyOptions());
    try (BufferedReader said = ping.start().inputReader()) {
      assertThat(said.lines()).last().isEqualTo("PONG");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
  void missingClientCertificateIsNamed(String protocol) throws Exception {
    SSLContext context = certificate.context(protocol);
    AskedRedis redis =
        over(true, "localhost", serverThatRequires(certificate), context::getSocketFactory);
    assertThatThrownBy(redis::ping)
        .isInstanceOf(RedisException.class)
        .hasMessageStartingWith(redis.endpoint() + " failed ")
        .hasMessageContaining("may require a client certificate, javax.net.ssl.keyStore");
    assertThatThrownBy(() -> redis.evaluate("return #KEYS[1]", "x".repeat(5_000)))
        .hasMessageContaining("client certificate");
  }
}
