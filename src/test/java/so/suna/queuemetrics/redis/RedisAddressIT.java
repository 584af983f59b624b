package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import so.suna.queuemetrics.kit.FullServer;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.local.RedisServer;

/** A host name with several addresses, of which the last one or none is alive. */
class RedisAddressIT {

  private static final String ALIVE = "127.0.0.1";

  /** Resolves every name to the given addresses, without asking DNS. */
  private static RedisSocketFactory to(int port, String... addresses) {
    return new RedisSocketFactory(
        new RedisEndpoint("cache.example", port, 0, false, new Login.None()),
        _ -> Arrays.stream(addresses).map(RedisAddressIT::address).toArray(InetAddress[]::new),
        () -> {
          throw new AssertionError("asked for TLS");
        });
  }

  private static InetAddress address(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException e) {
      throw new AssertionError("expected an address, was " + literal, e);
    }
  }

  /** A container may have no IPv6. */
  static boolean ipv6() {
    try (var _ = new ServerSocket(0, 1, address("::1"))) {
      return true;
    } catch (IOException _) {
      return false;
    }
  }

  @Test
  void nextAddressIsTriedAfterOneThatRefuses() throws IOException {
    try (var server = RedisServer.start();
        var socket = to(server.port(), "::1", ALIVE).createSocket()) {
      assertThat(socket.getInetAddress()).isEqualTo(address(ALIVE));
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void nextAddressIsTriedAfterOneThatIsSilentForItsShareOfASecond() throws IOException {
    try (var server = RedisServer.start();
        var _ = FullServer.at("127.0.0.2", server.port())) {
      Instant asked = Instant.now();
      try (var socket = to(server.port(), "127.0.0.2", ALIVE).createSocket()) {
        assertThat(socket.getInetAddress()).isEqualTo(address(ALIVE));
      }
      assertThat(Duration.between(asked, Instant.now()))
          .isBetween(Duration.ofMillis(490), Duration.ofMillis(1_500));
    }
  }

  @Test
  @EnabledIf("ipv6")
  void allAddressesAndWhatTheySaidAreNamed() {
    int port = RedisServer.freePort();
    assertThatThrownBy(to(port, "127.0.0.1", "::1")::createSocket)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            "Redis cache.example:%d (REDIS_HOST, REDIS_PORT) could not be reached:"
                + " 127.0.0.1: Connection refused, 0:0:0:0:0:0:0:1: Connection refused",
            port);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void silentAddressesShareOneSecond() throws IOException {
    int port = RedisServer.freePort();
    try (var _ = FullServer.at("127.0.0.2", port);
        var _ = FullServer.at("127.0.0.3", port);
        var _ = FullServer.at("127.0.0.4", port);
        var _ = FullServer.at("127.0.0.5", port)) {
      Instant asked = Instant.now();
      assertThatThrownBy(to(port, "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")::createSocket)
          .isInstanceOf(RedisException.class)
          .hasMessageStartingWith(
              "Redis cache.example:%d (REDIS_HOST, REDIS_PORT) could not be reached:"
                  + " 127.0.0.2: timed out after 250 ms, 127.0.0.3: timed out after ",
              port);
      assertThat(Duration.between(asked, Instant.now()))
          .isBetween(Duration.ofMillis(990), Duration.ofMillis(2_000));
    }
  }

  @Test
  @EnabledIf("ipv6")
  void ipv6AddressIsAHost() {
    try (var server = RedisServer.start("--bind", "127.0.0.1", "::1");
        var redis =
            RedisClients.at(new RedisEndpoint("::1", server.port(), 0, false, new Login.None()))) {
      assertThatCode(redis::ping).doesNotThrowAnyException();
    }
  }
}
