package so.suna.queuemetrics.redis;

/**
 * Address of a Redis, and how to log in. As text it names the settings that it comes from.
 *
 * @param host a name or an address; an IPv6 address without brackets
 */
public record RedisEndpoint(String host, int port, int database, boolean tls, Login login) {

  @Override
  public String toString() {
    String address = (host.contains(":") ? "[%s]:%s" : "%s:%s").formatted(host, port);
    return database == 0
        ? "Redis %s (REDIS_HOST, REDIS_PORT)".formatted(address)
        : "Redis %s database %s (REDIS_HOST, REDIS_PORT, REDIS_DATABASE)"
            .formatted(address, database);
  }
}
