package so.suna.queuemetrics.redis;

/**
 * Redis gave no answer, or refused; the message says which Redis, which setting and why, and holds
 * no secret.
 */
public final class RedisException extends RuntimeException {
  RedisException(String message) {
    super(message);
  }

  RedisException(String message, Throwable cause) {
    super(message, cause);
  }
}
