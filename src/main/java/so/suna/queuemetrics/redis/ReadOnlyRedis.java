package so.suna.queuemetrics.redis;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
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
import software.amazon.awssdk.core.exception.SdkException;

/**
 * One connection to Redis that is opened when first needed and kept. What fails on a kept
 * connection is asked once more on a fresh one, since it may have died of idleness, a failover or a
 * restored snapshot; what fails on a fresh one is final. So a silent Redis costs at most twice
 * {@link #READ_TIMEOUT} and once {@link #CONNECT_TIMEOUT}. After {@link #KEPT_FOR} a connection is
 * replaced all the same: a primary that was demoted goes on answering, with what it held when it
 * lost its place. Safe for use by several threads, which wait for each other.
 */
public final class ReadOnlyRedis implements AutoCloseable {

  static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(1);
  static final Duration READ_TIMEOUT = Duration.ofSeconds(2);
  static final Duration KEPT_FOR = Duration.ofMinutes(5);

  private final RedisEndpoint endpoint;
  private final RedisFailure failure;
  private final Function<Login.Iam, String> iamToken;
  private final Supplier<SSLSocketFactory> tls;
  private final Clock clock;
  private @Nullable Connection kept;
  private Instant keptSince = Instant.MIN;
  private Command evaluate = Command.EVAL_RO;

  /**
   * Opens nothing yet.
   *
   * @param iamToken asked at each login with {@link Login.Iam}
   */
  public ReadOnlyRedis(RedisEndpoint endpoint, IamToken iamToken) {
    this(
        endpoint,
        iamToken::sign,
        () -> (SSLSocketFactory) SSLSocketFactory.getDefault(),
        Clock.systemUTC());
  }

  ReadOnlyRedis(
      RedisEndpoint endpoint,
      Function<Login.Iam, String> iamToken,
      Supplier<SSLSocketFactory> tls,
      Clock clock) {
    this.endpoint = endpoint;
    this.failure = new RedisFailure(endpoint);
    this.iamToken = iamToken;
    this.tls = tls;
    this.clock = clock;
  }

  /**
   * Runs a script that must only read, in one command: {@code EVAL_RO}, or {@code EVAL} once a
   * server (before Redis 7) did not know that.
   *
   * @return {@code Long}, {@code byte[]}, {@code null}, an exception for a nested error, or a list
   *     of these
   * @throws RedisException if there was no answer, or an error instead of one
   */
  public synchronized Object evaluate(String script, List<String> keys, List<String> arguments) {
    try {
      return ask(script(script, keys, arguments));
    } catch (JedisDataException e) {
      if (evaluate == Command.EVAL_RO
          && String.valueOf(e.getMessage()).startsWith("ERR unknown command")) {
        evaluate = Command.EVAL;
        return evaluate(script, keys, arguments);
      }
      throw failure.refused(e);
    }
  }

  /**
   * @throws RedisException unless Redis answers PONG
   */
  public synchronized void ping() {
    try {
      ask(new CommandArguments(Command.PING));
    } catch (JedisDataException e) {
      throw failure.refused(e);
    }
  }

  @Override
  public synchronized void close() {
    Connection connection = kept;
    kept = null;
    if (connection != null) {
      try {
        // Over TLS, closing waits for the other side's farewell, which a dead one never sends.
        connection.setSoTimeout(1);
        connection.close();
      } catch (JedisConnectionException _) {
        // It was dead already, which is all that closing wants.
      }
    }
  }

  private CommandArguments script(String script, List<String> keys, List<String> arguments) {
    var command = new CommandArguments(evaluate).add(script).add(keys.size());
    Stream.concat(keys.stream(), arguments.stream()).forEach(command::add);
    return command;
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
      kept = connect();
      keptSince = clock.instant();
      return kept.executeCommand(command);
    } catch (JedisConnectionException e) {
      close();
      throw failure.noAnswer(e);
    }
  }

  private Connection connect() {
    try {
      return new Connection(new RedisSocketFactory(endpoint, tls), configuration());
    } catch (JedisDataException e) {
      throw failure.refusedAtConnecting(e);
    } catch (SdkException e) {
      throw failure.noToken(e);
    }
  }

  private JedisClientConfig configuration() {
    var configuration =
        DefaultJedisClientConfig.builder()
            .socketTimeoutMillis((int) READ_TIMEOUT.toMillis())
            // Both spare a round trip at connecting: HELLO, which resp2() sends too, and CLIENT
            // SETINFO, for which a least ACL may give no right.
            .serverDefaultProtocol()
            .clientSetInfoConfig(ClientSetInfoConfig.DISABLED);
    switch (endpoint.login()) {
      case Login.None() -> {}
      case Login.Password(var user, var password) ->
          configuration.user(user.orElse(null)).password(password);
      case Login.Iam login -> configuration.user(login.user()).password(iamToken.apply(login));
    }
    return configuration.build();
  }
}
