package so.suna.queuemetrics.redis;

import java.net.InetAddress;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.ClientSetInfoConfig;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Connection;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;

/**
 * One connection to Redis, opened by the first command and kept. A command that fails on a kept
 * connection is sent once more on a new one, since the old one may have died of idleness or a
 * failover; a failure on a new connection is final. So a silent Redis costs at most twice {@link
 * #READ_TIMEOUT} and once {@link #CONNECT_TIMEOUT}. After {@link #KEPT_FOR} a connection is
 * replaced even if it works: a demoted primary goes on answering, from outdated data. If Redis
 * refuses a password that came from a secret, the secret is read again and what it holds now is
 * tried once, and kept for later logins. Safe for use by several threads, which wait for each
 * other.
 */
public final class ReadOnlyRedis implements AutoCloseable {

  static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(1);
  static final Duration READ_TIMEOUT = Duration.ofSeconds(2);
  static final Duration KEPT_FOR = Duration.ofMinutes(5);

  private final RedisEndpoint endpoint;
  private final Function<Login.Iam, String> iamToken;
  private final Optional<Supplier<String>> passwordSecret;
  private final Supplier<SSLSocketFactory> tls;
  private final Clock clock;
  private Optional<String> newPassword = Optional.empty();
  private @Nullable Connection kept;
  private Instant keptSince = Instant.MIN;
  private Command evaluate = Command.EVAL_RO;

  /**
   * @param passwordSecret reads the password as it is now; empty if it comes from no secret
   */
  public ReadOnlyRedis(
      RedisEndpoint endpoint, IamToken iamToken, Optional<Supplier<String>> passwordSecret) {
    this(
        endpoint,
        iamToken::sign,
        passwordSecret,
        () -> (SSLSocketFactory) SSLSocketFactory.getDefault(),
        Clock.systemUTC());
  }

  ReadOnlyRedis(
      RedisEndpoint endpoint,
      Function<Login.Iam, String> iamToken,
      Optional<Supplier<String>> passwordSecret,
      Supplier<SSLSocketFactory> tls,
      Clock clock) {
    this.endpoint = endpoint;
    this.iamToken = iamToken;
    this.passwordSecret = passwordSecret;
    this.tls = tls;
    this.clock = clock;
  }

  /**
   * Runs a script that only reads, in one command: {@code EVAL_RO}, or {@code EVAL} if the server
   * (before Redis 7) does not know it.
   *
   * @return {@code Long}, {@code byte[]}, {@code null}, a {@code RedisException} for a nested
   *     error, or a list of these
   * @throws RedisException if Redis gave no answer, or refused
   */
  public synchronized Object evaluate(String script, List<String> keys, List<String> arguments) {
    try {
      return withOwnErrors(
          ask(
              new CommandArguments(evaluate)
                  .add(script)
                  .add(keys.size())
                  .addObjects(keys)
                  .addObjects(arguments)));
    } catch (JedisDataException e) {
      if (evaluate == Command.EVAL_RO
          && String.valueOf(e.getMessage()).matches("(?is)ERR unknown command .?EVAL_RO.*")) {
        evaluate = Command.EVAL;
        return evaluate(script, keys, arguments);
      }
      throw RedisException.refused(endpoint, e);
    }
  }

  public synchronized void ping() {
    try {
      ask(new CommandArguments(Command.PING));
    } catch (JedisDataException e) {
      throw RedisException.refused(endpoint, e);
    }
  }

  @Override
  public synchronized void close() {
    Connection connection = kept;
    kept = null;
    if (connection != null) {
      try {
        // Over TLS, closing waits for a last message, which a dead server never sends.
        connection.setSoTimeout(1);
        connection.close();
      } catch (JedisConnectionException _) {
        // It was closed already.
      }
    }
  }

  private static Object withOwnErrors(Object reply) {
    return switch (reply) {
      case List<?> list -> list.stream().map(ReadOnlyRedis::withOwnErrors).toList();
      case JedisDataException e -> new RedisException(RedisException.said(e));
      case null, default -> reply;
    };
  }

  private Object ask(CommandArguments command) {
    if (kept != null && !clock.instant().isBefore(keptSince.plus(KEPT_FOR))) {
      close();
    }
    if (kept != null) {
      try {
        return kept.executeCommand(command);
      } catch (JedisConnectionException _) {
        close();
      }
    }
    try {
      kept = connectWithSecret();
      keptSince = clock.instant();
      return kept.executeCommand(command);
    } catch (JedisConnectionException e) {
      close();
      throw RedisException.noAnswer(endpoint, e);
    }
  }

  private Connection connectWithSecret() {
    try {
      return connect();
    } catch (JedisDataException refusal) {
      if (passwordSecret.isEmpty() || !RedisException.isLoginRefused(refusal)) {
        throw refusal;
      }
      try {
        newPassword = Optional.of(passwordSecret.get().get());
      } catch (IllegalStateException e) {
        throw new RedisException(
            "%s; %s (REDIS_PASSWORD_SECRET_ARN)"
                .formatted(RedisException.refused(endpoint, refusal).getMessage(), e.getMessage()),
            e);
      }
      return connect();
    }
  }

  private Connection connect() {
    return new Connection(
        new RedisSocketFactory(endpoint, InetAddress::getAllByName, tls), configuration());
  }

  private JedisClientConfig configuration() {
    var configuration =
        DefaultJedisClientConfig.builder()
            .socketTimeoutMillis((int) READ_TIMEOUT.toMillis())
            .database(endpoint.database())
            // Each saves a round trip: HELLO, which resp2() sends too, and CLIENT SETINFO, which a
            // minimal ACL may not allow.
            .serverDefaultProtocol()
            .clientSetInfoConfig(ClientSetInfoConfig.DISABLED);
    switch (endpoint.login()) {
      case Login.None() -> {}
      case Login.Password(var user, var password) ->
          configuration.user(user.orElse(null)).password(newPassword.orElse(password));
      case Login.Iam login -> configuration.user(login.user()).password(iamToken.apply(login));
    }
    return configuration.build();
  }
}
