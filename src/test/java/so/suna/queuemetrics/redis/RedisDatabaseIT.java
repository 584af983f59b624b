package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.args.ClientType;
import redis.clients.jedis.params.ClientKillParams;
import redis.clients.jedis.params.ClientKillParams.SkipMe;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.kit.RedisMonitor;
import so.suna.queuemetrics.local.RedisServer;

/** Databases other than 0, on a real server, which has 16. */
class RedisDatabaseIT {

  private final RedisServer server = RedisServer.start();

  @AfterEach
  void stop() {
    server.close();
  }

  private ReadOnlyRedis in(int database) {
    return in(database, new Login.None());
  }

  private ReadOnlyRedis in(int database, Login login) {
    return RedisClients.at(new RedisEndpoint("127.0.0.1", server.port(), database, false, login));
  }

  private Login publisher(String... rights) {
    try (var client = server.client()) {
      client.aclSetUser("publisher", "on", ">secret", "+ping");
      client.aclSetUser("publisher", rights);
    }
    return new Login.Password(Optional.of("publisher"), "secret");
  }

  private String name(int database) {
    return "Redis 127.0.0.1:%d database %d (REDIS_HOST, REDIS_PORT, REDIS_DATABASE)"
        .formatted(server.port(), database);
  }

  private static Object length(ReadOnlyRedis redis) {
    return redis.evaluate("return redis.call('LLEN', KEYS[1])", List.of("list"), List.of());
  }

  @Test
  void givenDatabaseIsReadOnEachConnection() {
    try (var tenth = in(10);
        var first = in(0);
        var client = server.client()) {
      client.rpush("list", "in 0");
      client.select(10);
      client.rpush("list", "in", "10");
      assertThat(length(first)).isEqualTo(1L);
      assertThat(length(tenth)).isEqualTo(2L);
      client.clientKill(new ClientKillParams().type(ClientType.NORMAL).skipMe(SkipMe.YES));
      assertThat(length(tenth)).as("on a new connection").isEqualTo(2L);
    }
  }

  @Test
  void database0NeedsNoSelect() {
    try (var redis = in(0, publisher())) {
      assertThat(RedisMonitor.hear(server, redis::ping).sent()).containsExactly("AUTH", "PING");
    }
  }

  @Test
  void anotherDatabaseIsSelectedOnceAConnection() {
    try (var redis = in(15, publisher("+select"))) {
      assertThat(RedisMonitor.hear(server, redis::ping).sent())
          .containsExactly("AUTH", "SELECT", "PING");
      assertThat(RedisMonitor.hear(server, redis::ping).sent()).containsExactly("PING");
    }
  }

  @Test
  void databaseThatTheServerDoesNotHaveIsNamed() {
    assertThatThrownBy(in(16)::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(name(16) + " refused: ERR DB index is out of range");
  }

  @Test
  void databaseThatTheUserMayNotSelectIsNamed() {
    assertThatThrownBy(in(1, publisher())::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name(1) + " refused: NOPERM this user has no permissions to run the 'select' command");
  }

  @Test
  void databaseOfAServerThatRequiresALoginIsNotTheSuspect() {
    try (var client = server.client()) {
      client.configSet("requirepass", "secret");
    }
    assertThatThrownBy(in(1)::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name(1)
                + " requires a login (REDIS_AUTHENTICATION is none): NOAUTH Authentication required.");
  }
}
