package so.suna.queuemetrics.redis;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.util.Objects;
import java.util.regex.Pattern;
import redis.clients.jedis.exceptions.JedisClusterException;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisRedirectionException;

/**
 * Redis gave no answer or refused. The message names the server, the setting to check and the
 * cause, never a secret or anything that a producer wrote.
 */
public final class RedisException extends RuntimeException {

  private static final String CLIENT_CERTIFICATE =
      "may require a client certificate, javax.net.ssl.keyStore";

  /** Before a login, Redis rejects a command of more than ten parts in words of its own. */
  private static final Pattern NO_LOGIN =
      Pattern.compile("^(NOAUTH|ERR Protocol error: unauthenticated)");

  /** Redis before 6 has no error code for a refused login. */
  private static final Pattern LOGIN_REFUSED = Pattern.compile("^WRONGPASS|AUTH|invalid password");

  /** Errors of a cluster that have no type of their own in Jedis. */
  private static final Pattern KEYS_ELSEWHERE =
      Pattern.compile("^CROSSSLOT|non local key|undeclared|do not hash to the same slot");

  /** What an error may repeat: arguments, or anything in quotes but the name of a command. */
  private static final Pattern REPEATED =
      Pattern.compile("(?s)\\s*(,? with args beginning|(?<!\\w)(['\"`])(?![A-Z_]{2,16}\\2)).*");

  RedisException(String message) {
    super(message);
  }

  RedisException(String message, Throwable cause) {
    super(message, cause);
  }

  /** For a TLS handshake that failed. */
  static RedisException atTls(RedisEndpoint endpoint, IOException e) {
    String hint =
        switch (e.getCause()) {
          case CertificateException why when why.getCause() instanceof CertPathBuilderException ->
              "; a private CA must be in javax.net.ssl.trustStore";
          case CertificateException _ -> "";
          case null, default -> "; Redis may not use TLS, or " + CLIENT_CERTIFICATE;
        };
    return new RedisException(
        "%s failed at TLS (REDIS_TLS=true): %s%s".formatted(endpoint, e.getMessage(), hint), e);
  }

  /** For a new connection that brought no answer. */
  static RedisException noAnswer(RedisEndpoint endpoint, JedisConnectionException e) {
    Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
    // With TLS 1.3 a server refuses the client's certificate only after the handshake.
    return new RedisException(
        cause instanceof SocketTimeoutException
            ? "%s gave no answer within %s s"
                .formatted(endpoint, ReadOnlyRedis.READ_TIMEOUT.toSeconds())
            : "%s failed to answer (REDIS_TLS=%s, it %s): %s"
                .formatted(
                    endpoint,
                    endpoint.tls(),
                    endpoint.tls() ? CLIENT_CERTIFICATE : "may require TLS",
                    cause.getMessage()),
        cause);
  }

  /** Whether the login itself was refused, so that another password may open. */
  static boolean isLoginRefused(JedisDataException e) {
    String said = said(e);
    return !NO_LOGIN.matcher(said).find() && LOGIN_REFUSED.matcher(said).find();
  }

  /** For an error that Redis returned. Not kept as the cause, since it may repeat a password. */
  static RedisException refused(RedisEndpoint endpoint, JedisDataException e) {
    String said = said(e);
    String what = "refused";
    if (NO_LOGIN.matcher(said).find()) {
      what = "requires a login " + endpoint.login();
    } else if (isLoginRefused(e)) {
      what = "refused the login " + endpoint.login();
    } else if (e instanceof JedisClusterException) {
      what = "is a cluster that is partly or wholly down";
    }
    return new RedisException("%s %s: %s".formatted(endpoint, what, said));
  }

  /** What the server says itself, without what it repeats. */
  static String said(JedisDataException e) {
    String text = String.valueOf(e.getMessage());
    // Any code but ERR stands for a fixed text.
    String said =
        text.matches("(?!ERR )[A-Z]+ .*") ? text : REPEATED.matcher(text).replaceFirst("");
    return e instanceof JedisRedirectionException || KEYS_ELSEWHERE.matcher(said).find()
        ? said
            + "; a cluster of several shards needs a hash tag in DRAMATIQ_NAMESPACE, such as {dramatiq}, and REDIS_HOST must be the node with its keys"
        : said;
  }
}
