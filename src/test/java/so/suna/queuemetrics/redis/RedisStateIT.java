package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.exceptions.JedisDataException;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/** Real servers in every state that refuses, or might refuse, a script. */
@Execution(ExecutionMode.CONCURRENT)
class RedisStateIT {

  private static final String COUNT = "return redis.call('LLEN', KEYS[1])";

  private static Object count(ReadOnlyRedis redis) {
    return redis.evaluate(COUNT, List.of("list"), List.of());
  }

  private static String name(RedisServer server) {
    return "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT)".formatted(server.port());
  }

  /** Calls of a command so far. */
  private static long calls(Jedis client, String command) {
    var line =
        Pattern.compile("cmdstat_" + command + ":calls=(\\d+)")
            .matcher(client.info("commandstats"));
    return line.find() ? Long.parseLong(line.group(1)) : 0;
  }

  /** Commands so far that the server did not know, among others. */
  private static long refused(Jedis client) {
    var line = Pattern.compile("errorstat_ERR:count=(\\d+)").matcher(client.info("errorstats"));
    return line.find() ? Long.parseLong(line.group(1)) : 0;
  }

  @Test
  void redis7IsAskedWithEvalRo() {
    try (var server = RedisServer.start();
        var redis = RedisClients.at(server.port());
        var client = server.client()) {
      long refusedBefore = refused(client);
      assertThat(count(redis)).isEqualTo(0L);
      assertThat(calls(client, "eval_ro")).isEqualTo(1);
      assertThat(calls(client, "eval")).isZero();
      // CLIENT SETINFO would be, before Redis 7.2.
      assertThat(refused(client) - refusedBefore).isZero();
    }
  }

  @Test
  void redis6IsAskedWithEvalAfterOneTryOfEvalRo() {
    try (var server = RedisServer.start(Version.V6, RedisServer.freePort());
        var redis = RedisClients.at(server.port());
        var client = server.client()) {
      client.rpush("list", "a", "b");
      long refusedBefore = refused(client);
      assertThat(count(redis)).isEqualTo(2L);
      assertThat(count(redis)).isEqualTo(2L);
      assertThat(calls(client, "eval")).isEqualTo(2);
      assertThat(refused(client) - refusedBefore).isEqualTo(1);
    }
  }

  @Test
  void redisThatKnowsNeitherCommandIsNotAskedForEver() {
    try (var server =
            RedisServer.start(
                Version.V6, RedisServer.freePort(), "--rename-command", "EVAL", "hidden");
        var redis = RedisClients.at(server.port())) {
      assertThatThrownBy(() -> count(redis))
          .isInstanceOf(RedisException.class)
          .hasMessage(name(server) + " refused: ERR unknown command `EVAL`");
    }
  }

  @Test
  void readOnlyReplicaIsRead() {
    try (var primary = RedisServer.start("--repl-diskless-sync-delay", "0");
        var replica = RedisServer.start("--replicaof", "127.0.0.1 " + primary.port());
        var redis = RedisClients.at(replica.port());
        var client = primary.client()) {
      client.rpush("list", "a", "b");
      await().until(() -> count(redis).equals(2L));
    }
  }

  @Test
  void replicaThatLostItsPrimaryAndMayNotServeStaleDataIsNotRead() {
    try (var replica =
            RedisServer.start(
                "--replicaof",
                "127.0.0.1 " + RedisServer.freePort(),
                "--replica-serve-stale-data",
                "no");
        var redis = RedisClients.at(replica.port())) {
      assertThatThrownBy(() -> count(redis))
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name(replica)
                  + " refused: MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
    }
  }

  @Test
  void redisThatStillLoadsItsDataIsNotRead(@TempDir Path directory) throws Exception {
    try (var filled = RedisServer.start("--dir", directory.toString());
        var client = filled.client()) {
      client.eval("for i = 1, 10000 do redis.call('SET', i, i) end");
      client.save();
    }
    try (var loading =
            RedisServer.start(
                "--dir",
                directory.toString(),
                "--key-load-delay",
                "1000", // microseconds, so that it takes 10 s
                "--loading-process-events-interval-bytes",
                "1024");
        var redis = RedisClients.at(loading.port())) {
      assertThatThrownBy(() -> count(redis))
          .isInstanceOf(RedisException.class)
          .hasMessage(name(loading) + " refused: LOADING Redis is loading the dataset in memory");
    }
  }

  @Test
  void fullRedisIsRead() {
    try (var server = RedisServer.start();
        var redis = RedisClients.at(server.port());
        var client = server.client()) {
      client.rpush("list", "a", "b");
      client.configSet("maxmemory", "1");
      assertThatThrownBy(() -> client.rpush("list", "c")).hasMessageStartingWith("OOM ");
      assertThat(count(redis)).isEqualTo(2L);
    }
  }

  @Test
  void redisThatIsBusyWithAnotherScriptRefuses() throws Exception {
    try (var server = RedisServer.start("--busy-reply-threshold", "1");
        var redis = RedisClients.at(server.port());
        var client = server.client()) {
      var endless =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try (var other = server.client()) {
                      other.eval("while true do end");
                    } catch (JedisDataException _) {
                      // Killed below.
                    }
                  });
      await().until(() -> busy(client));
      assertThatThrownBy(() -> count(redis))
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name(server)
                  + " refused: BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
      client.scriptKill();
      endless.join();
      assertThat(count(redis)).isEqualTo(0L);
    }
  }

  private static boolean busy(Jedis client) {
    try {
      client.ping();
      return false;
    } catch (JedisDataException e) {
      return true;
    }
  }

  @Test
  void redisThatTakesNoMoreClientsRefuses() {
    try (var server = RedisServer.start();
        var redis = RedisClients.at(server.port());
        var client = server.client()) {
      client.configSet("maxclients", "1");
      assertThatThrownBy(redis::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(name(server) + " refused: ERR max number of clients reached");
    }
  }

  @Test
  void redisThatTakesNoMoreClientsIsNotSaidToRefuseTheLogin() {
    try (var server = RedisServer.start();
        var client = server.client()) {
      client.configSet("maxclients", "1");
      var login = new Login.Password(Optional.empty(), "correct-horse");
      var redis = RedisClients.at(new RedisEndpoint("127.0.0.1", server.port(), 0, false, login));
      assertThatThrownBy(redis::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(name(server) + " refused: ERR max number of clients reached");
    }
  }
}
