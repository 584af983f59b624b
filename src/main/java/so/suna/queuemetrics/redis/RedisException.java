package so.suna.queuemetrics.redis;

import java.net.SocketTimeoutException;
import java.util.Objects;
import java.util.regex.Pattern;
import redis.clients.jedis.exceptions.JedisClusterException;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisRedirectionException;

/**
 * Redis gave no answer or refused. The message names the server, the setting to check and the
 * cause, never a secret.
 */
public final class RedisException extends RuntimeException {

  /** Before a login, Redis rejects a command of more than ten parts in words of its own. */
  private static final Pattern NO_LOGIN =
      Pattern.compile("^(NOAUTH|ERR Protocol error: unauthenticated)");

  /** Redis before 6 has no error code for a refused login. */
  private static final Pattern LOGIN_REFUSED = Pattern.compile("^WRONGPASS|AUTH|invalid password");

  RedisException(String message) {
    super(message);
  }

  RedisException(String message, Throwable cause) {
    super(message, cause);
  }

  /** For a new connection that failed, or brought no answer. */
  static RedisException noAnswer(RedisEndpoint endpoint, JedisConnectionException e) {
    Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
    return new RedisException(
        cause instanceof SocketTimeoutException
            ? "%s gave no answer within %d s"
                .formatted(endpoint, ReadOnlyRedis.READ_TIMEOUT.toSeconds())
            // What a server that requires TLS does to a connection without it.
            : "%s failed to answer (REDIS_TLS=%s): %s"
                .formatted(endpoint, endpoint.tls(), cause.getMessage()),
        e);
  }

  /**
   * For an error that Redis returned. It is not kept as the cause: a server that does not know AUTH
   * repeats the password in it.
   */
  static RedisException refused(RedisEndpoint endpoint, JedisDataException e) {
    String said = String.valueOf(e.getMessage()).replaceFirst("(?s),? with args beginning.*", "");
    if (e instanceof JedisRedirectionException
        || e instanceof JedisClusterException
        || said.startsWith("CROSSSLOT")) {
      return new RedisException(
          "%s runs in cluster mode, which Dramatiq cannot use: expected a Redis with cluster mode disabled (%s)"
              .formatted(endpoint, said));
    }
    String what =
        NO_LOGIN.matcher(said).find()
            ? "requires a login " + endpoint.login()
            : LOGIN_REFUSED.matcher(said).find()
                ? "refused the login " + endpoint.login()
                : "refused";
    return new RedisException("%s %s: %s".formatted(endpoint, what, said));
  }
}
