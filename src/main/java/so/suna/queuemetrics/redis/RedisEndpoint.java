package so.suna.queuemetrics.redis;

/** Address of a Redis, and how to log in. As text it names the settings that it comes from. */
public record RedisEndpoint(String host, int port, boolean tls, Login login) {

  @Override
  public String toString() {
    return "Redis %s:%d (REDIS_HOST, REDIS_PORT)".formatted(host, port);
  }
}
