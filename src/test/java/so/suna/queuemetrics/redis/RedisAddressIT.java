package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import so.suna.queuemetrics.kit.FullServer;
import so.suna.queuemetrics.local.RedisServer;

/** A host name with several addresses, of which the last one or none is alive. */
class RedisAddressIT extends RealRedis {

  private static final String ALIVE = "127.0.0.1";

  /** Resolves every name to the given addresses, without asking DNS. */
  private static RedisSocketFactory to(int port, String... addresses) {
    return new RedisSocketFactory(
        new RedisEndpoint("cache.example", port, 0, false, NO_LOGIN),
        _ -> Arrays.stream(addresses).map(InetAddress::ofLiteral).toArray(InetAddress[]::new),
        WITHOUT_TLS);
  }

  /** A container may have no IPv6. */
  static boolean ipv6() {
    try (var _ = new ServerSocket(0, 1, InetAddress.ofLiteral("::1"))) {
      return true;
    } catch (IOException _) {
      return false;
    }
  }

  @Test
  void nextAddressIsTriedAfterOneThatRefuses() {
    int port = start().port();
    assertThat(opened(to(port, "::1", ALIVE).createSocket()).getInetAddress())
        .isEqualTo(InetAddress.ofLiteral(ALIVE));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void nextAddressIsTriedAfterOneThatIsSilentForItsShareOfASecond() throws IOException {
    int port = start().port();
    opened(FullServer.at("127.0.0.2", port));
    Instant asked = Instant.now();
    assertThat(opened(to(port, "127.0.0.2", ALIVE).createSocket()).getInetAddress())
        .isEqualTo(InetAddress.ofLiteral(ALIVE));
    assertThat(Duration.between(asked, Instant.now()))
        .isBetween(Duration.ofMillis(490), Duration.ofMillis(1_500));
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
    String[] silent = {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"};
    for (String address : silent) {
      opened(FullServer.at(address, port));
    }
    Instant asked = Instant.now();
    assertThatThrownBy(to(port, silent)::createSocket)
        .isInstanceOf(RedisException.class)
        .hasMessageStartingWith(
            "Redis cache.example:%d (REDIS_HOST, REDIS_PORT) could not be reached:"
                + " 127.0.0.2: timed out after 250 ms, 127.0.0.3: timed out after ",
            port);
    assertThat(Duration.between(asked, Instant.now()))
        .isBetween(Duration.ofMillis(990), Duration.ofMillis(2_000));
  }

  @Test
  @EnabledIf("ipv6")
  void ipv6AddressIsAHost() {
    int port = start("--bind 127.0.0.1 ::1").port();
    assertThatCode(at(new RedisEndpoint("::1", port, 0, false, NO_LOGIN))::ping)
        .doesNotThrowAnyException();
  }
}
