package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.exceptions.JedisDataException;
import so.suna.queuemetrics.kit.RedisCounts;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/** Real servers in every state that refuses, or might refuse, a script. */
@Execution(ExecutionMode.CONCURRENT)
class RedisStateIT extends RealRedis {

  @ParameterizedTest
  @CsvSource({"V7, 2, 0, 0", "V6, 0, 2, 1"})
  void scriptIsRunWithEvalRoOrAfterOneTryOfThatWithEval(
      Version version, int evalRo, int eval, int refused) {
    RedisServer server = opened(RedisServer.start(version, RedisServer.freePort()));
    Jedis client = client(server);
    client.rpush("list", "a", "b");
    AskedRedis redis = at(server.port());
    long refusedBefore = RedisCounts.refused(client);
    assertThat(redis.length("list")).isEqualTo(2L);
    assertThat(redis.length("list")).isEqualTo(2L);
    assertThat(RedisCounts.calls(client, "eval_ro")).isEqualTo(evalRo);
    assertThat(RedisCounts.calls(client, "eval")).isEqualTo(eval);
    // CLIENT SETINFO would be, before Redis 7.2.
    assertThat(RedisCounts.refused(client) - refusedBefore).isEqualTo(refused);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # server and its options                          | database | user | password | what is said
          V7 | --requirepass correct-horse                 | 0 | | wrong-horse | refused the login of the default user (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD): WRONGPASS invalid username-password pair or user is disabled.
          V7 | --user publisher on >correct-horse +ping    | 0 | publisher | wrong-horse | refused the login of publisher (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD): WRONGPASS invalid username-password pair or user is disabled.
          V7 | --user publisher on >correct-horse +ping    | 0 | publisher | correct-horse | refused: NOPERM this user has no permissions to run the 'eval_ro' command
          V7 | --user publisher on >correct-horse +eval_ro | 1 | publisher | correct-horse | refused: NOPERM this user has no permissions to run the 'select' command
          V7 | --requirepass correct-horse                 | 0 | | | requires a login (REDIS_AUTHENTICATION is none): NOAUTH Authentication required.
          V7 | --requirepass correct-horse                 | 1 | | | requires a login (REDIS_AUTHENTICATION is none): NOAUTH Authentication required.
          V7 | --databases 16                              | 16 | | | refused: ERR DB index is out of range
          V7 | --databases 16                              | 0 | | correct-horse | refused the login of the default user (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD): ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?
          V6 | --rename-command AUTH hidden                | 0 | publisher | correct-horse | refused the login of publisher (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD): ERR unknown command `AUTH`
          V6 | --rename-command EVAL hidden                | 0 | | | refused: ERR unknown command `EVAL`
          V7 | --replicaof 127.0.0.1 1 --replica-serve-stale-data no | 0 | | | refused: MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.
          """)
  void refusalNamesTheServerAndWhatToCheck(
      Version version,
      String options,
      int database,
      @Nullable String user,
      @Nullable String password,
      String said) {
    RedisServer server = start(version, options);
    Login login =
        password == null ? NO_LOGIN : new Login.Password(Optional.ofNullable(user), password);
    AskedRedis redis = at(endpoint(server.port(), database, login));
    redis.assertFails(() -> redis.length("list"), said);
  }

  @Test
  void longCommandIsSaidToRequireALoginTooWhichRedisRefusesInOtherWords() {
    AskedRedis redis = at(start("--requirepass correct-horse").port());
    redis.assertFails(
        () -> redis.evaluate("return 1", "1", "2", "3", "4", "5", "6", "7", "8"),
        "requires a login (REDIS_AUTHENTICATION is none): ERR Protocol error: unauthenticated multibulk length");
  }

  @Test
  void readOnlyReplicaIsRead() {
    RedisServer primary = start("--repl-diskless-sync-delay 0");
    RedisServer replica = start("--replicaof 127.0.0.1 " + primary.port());
    client(primary).rpush("list", "a", "b");
    AskedRedis redis = at(replica.port());
    await().until(() -> redis.length("list").equals(2L));
  }

  @Test
  void redisThatStillLoadsItsDataIsNotRead(@TempDir Path directory) {
    RedisServer filled = start("--dir " + directory);
    Jedis client = client(filled);
    client.eval("for i = 1, 10000 do redis.call('SET', i, i) end");
    client.save();
    filled.close();
    // A delay in microseconds for each key, so that it takes 10 s.
    RedisServer loading =
        start(
            "--key-load-delay 1000 --loading-process-events-interval-bytes 1024 --dir "
                + directory);
    at(loading.port()).assertPingFails("refused: LOADING Redis is loading the dataset in memory");
  }

  @Test
  void fullRedisIsRead() {
    RedisServer server = start();
    Jedis client = client(server);
    client.rpush("list", "a", "b");
    client.configSet("maxmemory", "1");
    assertThatThrownBy(() -> client.rpush("list", "c")).hasMessageStartingWith("OOM ");
    assertThat(at(server.port()).length("list")).isEqualTo(2L);
  }

  @Test
  void redisThatIsBusyWithAnotherScriptRefuses() throws Exception {
    RedisServer server = start("--busy-reply-threshold 1");
    Jedis client = client(server);
    AskedRedis redis = at(server.port());
    Jedis other = client(server);
    var endless =
        Thread.ofVirtual()
            .start(
                () ->
                    assertThatThrownBy(() -> other.eval("while true do end"))
                        .isInstanceOf(JedisDataException.class));
    await().until(() -> catchThrowable(client::ping) instanceof JedisDataException);
    redis.assertFails(
        () -> redis.length("list"),
        "refused: BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
    client.scriptKill();
    endless.join();
    assertThat(redis.length("list")).isEqualTo(0L);
  }

  @Test
  void redisThatTakesNoMoreClientsRefusesAndIsNotSaidToRefuseTheLogin() {
    RedisServer server = start();
    client(server).configSet("maxclients", "1");
    String said = "refused: ERR max number of clients reached";
    at(server.port()).assertPingFails(said);
    at(endpoint(server.port(), 0, defaultUser("correct-horse"))).assertPingFails(said);
  }
}
