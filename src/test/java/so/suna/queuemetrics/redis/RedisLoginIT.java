package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.time.Clock;
import java.util.ArrayList;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Jedis;
import so.suna.queuemetrics.kit.RedisMonitor;
import so.suna.queuemetrics.local.RedisServer;

/**
 * Every way to log in, and what a connection says before it asks; {@link RedisStateIT} has the
 * refusals.
 */
class RedisLoginIT extends RealRedis {

  private static final String SECRET = "correct-horse";
  private static final String REFUSED =
      "refused the login of publisher (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD): WRONGPASS invalid username-password pair or user is disabled.";

  private final RedisServer server =
      start("--user publisher on >correct-horse >token-1 >token-2 +ping +select");
  private final Jedis client = client(server);
  private final AtomicInteger secretReads = new AtomicInteger();

  private AskedRedis in(int database, Login login) {
    return at(endpoint(server.port(), database, login));
  }

  private AskedRedis withTokens(Function<Login.Iam, String> tokens) {
    var login = new Login.Iam("publisher", "suna-redis", false);
    RedisEndpoint endpoint = endpoint(server.port(), 0, login);
    return at(
        endpoint,
        new ReadOnlyRedis(endpoint, tokens, Optional.empty(), WITHOUT_TLS, Clock.systemUTC()));
  }

  /** As the publisher, whose password the secret holds by now. */
  private AskedRedis withSecret(String password, int database, Supplier<String> secret) {
    RedisEndpoint endpoint = endpoint(server.port(), database, publisher(password));
    Supplier<String> counted =
        () -> {
          secretReads.incrementAndGet();
          return secret.get();
        };
    return at(
        endpoint, new ReadOnlyRedis(endpoint, IamToken.ofThisFunction(), Optional.of(counted)));
  }

  @Test
  void passwordOfTheDefaultUserOpens() {
    client.configSet("requirepass", SECRET);
    assertThatCode(in(0, defaultUser(SECRET))::ping).doesNotThrowAnyException();
  }

  @Test
  void passwordOfAnAclUserOpensAsThatUserWithOneCommand() {
    assertThat(RedisMonitor.hear(server, in(0, publisher(SECRET))::ping).sent())
        .containsExactly("AUTH", "PING");
    assertThat(client.clientList()).contains("user=publisher");
  }

  @Test
  void anotherDatabaseIsSelectedOnceAConnection() {
    AskedRedis redis = in(15, publisher(SECRET));
    assertThat(RedisMonitor.hear(server, redis::ping).sent())
        .containsExactly("AUTH", "SELECT", "PING");
    assertThat(RedisMonitor.hear(server, redis::ping).sent()).containsExactly("PING");
  }

  @Test
  void givenDatabaseIsReadOnEachConnection() {
    AskedRedis tenth = in(10, NO_LOGIN);
    client.rpush("list", "in 0");
    client.select(10);
    client.rpush("list", "in", "10");
    assertThat(in(0, NO_LOGIN).length("list")).isEqualTo(1L);
    assertThat(tenth.length("list")).isEqualTo(2L);
    killOtherConnections(client);
    assertThat(tenth.length("list")).as("on a new connection").isEqualTo(2L);
  }

  @Test
  void passwordIsNotShownIfRedisIsDown() {
    server.close();
    in(0, publisher(SECRET)).assertPingFails("could not be reached: 127.0.0.1: Connection refused");
  }

  @Test
  void everyConnectionLogsInWithAFreshToken() {
    var asked = new ArrayList<Login.Iam>();
    AskedRedis redis =
        withTokens(
            login -> {
              asked.add(login);
              return "token-" + asked.size();
            });
    redis.ping();
    redis.ping();
    assertThat(asked).containsExactly(new Login.Iam("publisher", "suna-redis", false));
    killOtherConnections(client);
    redis.ping();
    assertThat(client.clientList()).contains("user=publisher");
    assertThat(asked).hasSize(2);
  }

  @Test
  void refusedTokenIsRefusedNamingTheSettings() {
    withTokens(_ -> "stale-token")
        .assertPingFails(
            "refused the login of publisher at cache suna-redis (REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME): WRONGPASS invalid username-password pair or user is disabled.")
        .hasNoCause();
  }

  @Test
  void rotatedPasswordIsReadFromItsSecretOnceAndKept() {
    AskedRedis redis = withSecret("before", 0, () -> SECRET);
    redis.ping();
    killOtherConnections(client);
    redis.ping();
    assertThat(secretReads).hasValue(1);
  }

  @Test
  void passwordThatIsRightNeedsNoSecret() {
    withSecret(SECRET, 0, () -> "another").ping();
    assertThat(secretReads).hasValue(0);
  }

  @Test
  void passwordsThatAreBothRefusedReadTheSecretOnceForEachCommand() {
    AskedRedis redis = withSecret("old-horse", 0, () -> "not yet");
    redis.assertPingFails(REFUSED);
    redis.assertPingFails(REFUSED);
    assertThat(secretReads).hasValue(2);
  }

  @Test
  void secretThatCannotBeReadIsNamedBesideTheRefusal() {
    withSecret(
            "old-horse",
            0,
            () -> {
              throw new IllegalStateException("secret arn:redis not read: denied");
            })
        .assertPingFails(
            REFUSED + "; secret arn:redis not read: denied (REDIS_PASSWORD_SECRET_ARN)");
  }

  @Test
  void secretIsNotReadForAnotherRefusal() {
    withSecret(SECRET, 999, () -> SECRET).assertPingFails("refused: ERR DB index is out of range");
    assertThat(secretReads).hasValue(0);
  }
}
