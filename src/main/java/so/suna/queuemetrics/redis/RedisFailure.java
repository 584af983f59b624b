package so.suna.queuemetrics.redis;

import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import software.amazon.awssdk.core.exception.SdkException;

/** Says of a failure at one Redis which Redis, which setting and why, and no secret. Pure. */
record RedisFailure(RedisEndpoint endpoint) {

  /** Of Redis 6 and later by its code, of older ones by the words. */
  private static final Pattern LOGIN_REFUSED =
      Pattern.compile("^(WRONGPASS|NOPERM|NOAUTH)|AUTH|invalid password");

  /** A fresh connection was not made, or gave no answer. */
  RedisException noAnswer(JedisConnectionException e) {
    return new RedisException("%s %s".formatted(endpoint, silence(e)), e);
  }

  /**
   * What the server said to the login or to the connection itself. One that does not know AUTH
   * repeats what it was sent, so that part goes, and the cause with it.
   */
  RedisException refusedAtConnecting(JedisDataException e) {
    String said = String.valueOf(e.getMessage()).replaceFirst("(?s),? with args beginning.*", "");
    String what = LOGIN_REFUSED.matcher(said).find() ? "the login " + settings() : "a connection";
    return new RedisException("%s refused %s: %s".formatted(endpoint, what, said));
  }

  /** AWS gave no token to log in with. */
  RedisException noToken(SdkException e) {
    return new RedisException(
        "%s not asked, no token for the login %s: %s"
            .formatted(endpoint, settings(), e.getMessage()),
        e);
  }

  /** The answer to a question is an error. */
  RedisException refused(JedisDataException e) {
    String said = String.valueOf(e.getMessage());
    if (Stream.of("CROSSSLOT", "MOVED", "ASK", "CLUSTERDOWN").anyMatch(said::startsWith)) {
      return new RedisException(
          "%s runs in cluster mode, which Dramatiq cannot use: expected a Redis with cluster mode disabled (%s)"
              .formatted(endpoint, said),
          e);
    }
    // Before a login, Redis takes no command of more than ten parts, such as a script with many
    // keys.
    if (said.startsWith("NOAUTH") || said.startsWith("ERR Protocol error: unauthenticated")) {
      return new RedisException("%s wants a login %s: %s".formatted(endpoint, settings(), said), e);
    }
    return new RedisException("%s refused: %s".formatted(endpoint, said), e);
  }

  private String silence(JedisConnectionException e) {
    Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
    return switch (cause) {
      case SocketTimeoutException timeout when "Connect timed out".equals(timeout.getMessage()) ->
          "accepted no connection within %d s".formatted(ReadOnlyRedis.CONNECT_TIMEOUT.toSeconds());
      case SocketTimeoutException _ ->
          "gave no answer within %d s".formatted(ReadOnlyRedis.READ_TIMEOUT.toSeconds());
      case UnknownHostException _ -> "has a name that is not known";
      case ConnectException _, NoRouteToHostException _ ->
          "could not be reached: " + cause.getMessage();
      case SSLException _ -> "failed at TLS (REDIS_TLS=true): " + cause.getMessage();
      // A server that wants TLS does just this.
      default -> "hung up (REDIS_TLS=%s): %s".formatted(endpoint.tls(), cause.getMessage());
    };
  }

  /** Which login it is, and the settings that made it. */
  private String settings() {
    return switch (endpoint.login()) {
      case Login.None() -> "(REDIS_AUTHENTICATION is none)";
      case Login.Password(var user, _) ->
          "of %s (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD)"
              .formatted(user.orElse("the default user"));
      case Login.Iam(var user, var cache) ->
          "of %s at cache %s (REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME)"
              .formatted(user, cache);
    };
  }
}
