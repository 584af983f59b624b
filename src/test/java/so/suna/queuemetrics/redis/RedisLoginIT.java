package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.assertj.core.api.ThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.args.ClientType;
import redis.clients.jedis.params.ClientKillParams;
import redis.clients.jedis.params.ClientKillParams.SkipMe;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.local.RedisServer;

/** Every way to log in, and what is said where Redis does not let us in. */
class RedisLoginIT {

  private static final String SECRET = "correct-horse";

  private final RedisServer server = RedisServer.start();
  private final List<ReadOnlyRedis> opened = new ArrayList<>();

  @AfterEach
  void stop() {
    opened.forEach(ReadOnlyRedis::close);
    server.close();
  }

  private ReadOnlyRedis as(Login login) {
    var redis = RedisClients.at(new RedisEndpoint("127.0.0.1", server.port(), 0, false, login));
    opened.add(redis);
    return redis;
  }

  private ReadOnlyRedis withTokens(Function<Login.Iam, String> tokens) {
    var login = new Login.Iam("publisher", "suna-redis", false);
    var redis =
        new ReadOnlyRedis(
            new RedisEndpoint("127.0.0.1", server.port(), 0, false, login),
            tokens,
            Optional.empty(),
            () -> {
              throw new AssertionError("asked for TLS");
            },
            Clock.systemUTC());
    opened.add(redis);
    return redis;
  }

  @Test
  void refusalThatRepeatsTheLoginDoesNotPassItOn() {
    try (var older =
        RedisServer.start(
            RedisServer.Version.V6, RedisServer.freePort(), "--rename-command", "AUTH", "hidden")) {
      var endpoint =
          new RedisEndpoint("127.0.0.1", older.port(), 0, false, publisher("correct-horse"));
      try (var redis = RedisClients.at(endpoint)) {
        assertThatThrownBy(redis::ping)
            .isInstanceOf(RedisException.class)
            .hasNoCause()
            .hasMessage(
                endpoint
                    + " refused the login of publisher (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD):"
                    + " ERR unknown command `AUTH`");
      }
    }
  }

  private void givePublisher(String... rules) {
    try (var client = server.client()) {
      client.aclSetUser("publisher", rules);
    }
  }

  private void wantPassword() {
    try (var client = server.client()) {
      client.configSet("requirepass", SECRET);
    }
  }

  private static Login publisher(String password) {
    return new Login.Password(Optional.of("publisher"), password);
  }

  private static Login defaultUser(String password) {
    return new Login.Password(Optional.empty(), password);
  }

  private static void evaluate(ReadOnlyRedis redis) {
    redis.evaluate("return 1", List.of(), List.of());
  }

  private String name() {
    return "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT)".formatted(server.port());
  }

  @Test
  void passwordOfTheDefaultUserOpens() {
    wantPassword();
    assertThatCode(as(defaultUser(SECRET))::ping).doesNotThrowAnyException();
  }

  @Test
  void passwordOfAnAclUserOpensAsThatUser() {
    givePublisher("on", ">" + SECRET, "+ping");
    assertThatCode(as(publisher(SECRET))::ping).doesNotThrowAnyException();
    assertThatThrownBy(() -> evaluate(as(publisher(SECRET))))
        .hasMessage(
            name() + " refused: NOPERM this user has no permissions to run the 'eval_ro' command");
  }

  @Test
  void wrongPasswordOfAnAclUserIsRefusedNamingTheSettings() {
    givePublisher("on", ">" + SECRET, "+ping");
    assertThatThrownBy(as(publisher("wrong"))::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name()
                + " refused the login of publisher (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD):"
                + " WRONGPASS invalid username-password pair or user is disabled.");
  }

  @Test
  void wrongPasswordOfTheDefaultUserIsRefusedNamingTheSettings() {
    wantPassword();
    assertThatThrownBy(as(defaultUser("wrong"))::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name()
                + " refused the login of the default user (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD):"
                + " WRONGPASS invalid username-password pair or user is disabled.");
  }

  @Test
  void missingLoginIsRefusedNamingTheSetting() {
    wantPassword();
    var redis = as(new Login.None());
    String wanted =
        name()
            + " requires a login (REDIS_AUTHENTICATION is none): NOAUTH Authentication required.";
    assertThatThrownBy(redis::ping).isInstanceOf(RedisException.class).hasMessage(wanted);
    assertThatThrownBy(() -> evaluate(redis)).isInstanceOf(RedisException.class).hasMessage(wanted);
  }

  @Test
  void missingLoginIsNamedForALongCommandTooWhichRedisRefusesInOtherWords() {
    wantPassword();
    List<String> keys = Collections.nCopies(8, "key");
    assertThatThrownBy(() -> as(new Login.None()).evaluate("return 1", keys, List.of()))
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name()
                + " requires a login (REDIS_AUTHENTICATION is none):"
                + " ERR Protocol error: unauthenticated multibulk length");
  }

  @Test
  void passwordWhereRedisHasNoneIsRefusedNamingTheSettings() {
    assertThatThrownBy(as(defaultUser(SECRET))::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name()
                + " refused the login of the default user (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD):"
                + " ERR AUTH <password> called without any password configured for the default user."
                + " Are you sure your configuration is correct?");
  }

  @Test
  void passwordIsInNoMessageAndNoStackTrace() {
    givePublisher("on", ">" + SECRET);
    assertThat(trace(as(publisher("secret-but-wrong"))::ping)).doesNotContain("secret-but-wrong");
    assertThat(trace(as(publisher(SECRET))::ping)).doesNotContain(SECRET);
    server.close();
    assertThat(trace(as(publisher(SECRET))::ping)).doesNotContain(SECRET);
  }

  @Test
  void passwordIsNotShownByTheLogin() {
    assertThat(publisher(SECRET))
        .hasToString("of publisher (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD)");
    assertThat(defaultUser(SECRET))
        .hasToString("of the default user (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD)");
  }

  @Test
  void rightThatIsMissingInsideTheScriptCostsOneValue() {
    givePublisher("on", ">" + SECRET, "~*", "+eval_ro", "+llen");
    Object reply =
        as(publisher(SECRET))
            .evaluate(
                "return {redis.pcall('LLEN', KEYS[1]), redis.pcall('HLEN', KEYS[2])}",
                List.of("list", "hash"),
                List.of());
    assertThat((List<?>) reply)
        .satisfiesExactly(
            known -> assertThat(known).isEqualTo(0L),
            unknown ->
                assertThat(unknown)
                    .asInstanceOf(InstanceOfAssertFactories.THROWABLE)
                    .hasMessage(
                        "ERR The user executing the script can't run this command or subcommand"));
  }

  @Test
  void everyConnectionLogsInWithAFreshToken() {
    givePublisher("on", ">token-1", ">token-2", "+ping");
    var asked = new ArrayList<Login.Iam>();
    var redis =
        withTokens(
            login -> {
              asked.add(login);
              return "token-" + asked.size();
            });
    redis.ping();
    redis.ping();
    assertThat(asked).containsExactly(new Login.Iam("publisher", "suna-redis", false));
    try (Jedis client = server.client()) {
      client.clientKill(new ClientKillParams().type(ClientType.NORMAL).skipMe(SkipMe.YES));
      redis.ping();
      assertThat(client.clientList()).contains("user=publisher");
    }
    assertThat(asked).hasSize(2);
  }

  @Test
  void refusedTokenIsRefusedNamingTheSettings() {
    givePublisher("on", ">another-token", "+ping");
    assertThatThrownBy(withTokens(_ -> "stale-token")::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name()
                + " refused the login of publisher at cache suna-redis (REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME):"
                + " WRONGPASS invalid username-password pair or user is disabled.");
    assertThat(trace(withTokens(_ -> "stale-token")::ping)).doesNotContain("stale-token");
  }

  private final AtomicInteger secretReads = new AtomicInteger();

  /** As the publisher, whose password the secret holds by now. */
  private ReadOnlyRedis withSecret(String password, int database, Supplier<String> secret) {
    var redis =
        new ReadOnlyRedis(
            new RedisEndpoint("127.0.0.1", server.port(), database, false, publisher(password)),
            IamToken.ofThisFunction(),
            Optional.of(
                () -> {
                  secretReads.incrementAndGet();
                  return secret.get();
                }));
    opened.add(redis);
    return redis;
  }

  @Test
  void rotatedPasswordIsReadFromItsSecretOnceAndKept() {
    givePublisher("on", ">" + SECRET, "+ping");
    var redis = withSecret("before", 0, () -> SECRET);
    redis.ping();
    try (Jedis client = server.client()) {
      client.clientKill(new ClientKillParams().type(ClientType.NORMAL).skipMe(SkipMe.YES));
    }
    redis.ping();
    assertThat(secretReads).hasValue(1);
  }

  @Test
  void passwordThatIsRightNeedsNoSecret() {
    givePublisher("on", ">" + SECRET, "+ping");
    withSecret(SECRET, 0, () -> "another").ping();
    assertThat(secretReads).hasValue(0);
  }

  @Test
  void passwordsThatAreBothRefusedReadTheSecretOnceForEachCommand() {
    givePublisher("on", ">" + SECRET, "+ping");
    var redis = withSecret("before", 0, () -> "not yet");
    String refusal =
        name()
            + " refused the login of publisher (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD):"
            + " WRONGPASS invalid username-password pair or user is disabled.";
    assertThatThrownBy(redis::ping).isInstanceOf(RedisException.class).hasMessage(refusal);
    assertThatThrownBy(redis::ping).isInstanceOf(RedisException.class).hasMessage(refusal);
    assertThat(secretReads).hasValue(2);
  }

  @Test
  void secretThatCannotBeReadIsNamedBesideTheRefusal() {
    givePublisher("on", ">" + SECRET, "+ping");
    var redis =
        withSecret(
            "before",
            0,
            () -> {
              throw new IllegalStateException("secret arn:redis not read: denied");
            });
    assertThatThrownBy(redis::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(
            name()
                + " refused the login of publisher (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD):"
                + " WRONGPASS invalid username-password pair or user is disabled.;"
                + " secret arn:redis not read: denied (REDIS_PASSWORD_SECRET_ARN)");
  }

  @Test
  void secretIsNotReadForAnotherRefusal() {
    givePublisher("on", ">" + SECRET, "+ping", "+select");
    assertThatThrownBy(withSecret(SECRET, 999, () -> SECRET)::ping)
        .hasMessageContaining("DB index is out of range");
    assertThat(secretReads).hasValue(0);
  }

  private static String trace(ThrowableAssert.ThrowingCallable call) {
    var text = new StringWriter();
    catchThrowable(call).printStackTrace(new PrintWriter(text));
    return text.toString();
  }
}
