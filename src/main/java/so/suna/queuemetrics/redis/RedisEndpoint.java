package so.suna.queuemetrics.redis;

/** Where a Redis is and how to enter. */
public record RedisEndpoint(String host, int port, boolean tls, Login login) {

  /** As the error messages name it, with the settings that made it. */
  @Override
  public String toString() {
    return "Redis %s:%d (REDIS_HOST, REDIS_PORT)".formatted(host, port);
  }
}
