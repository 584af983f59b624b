package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** An endpoint as the messages show it. */
class RedisEndpointTest {

  private static RedisEndpoint endpoint(String host, int database) {
    return new RedisEndpoint(host, 6379, database, true, new Login.None());
  }

  @Test
  void namesHostAndPortWithTheirSettings() {
    assertThat(endpoint("cache.example", 0))
        .hasToString("Redis cache.example:6379 (REDIS_HOST, REDIS_PORT)");
  }

  @Test
  void namesADatabaseOtherThan0() {
    assertThat(endpoint("cache.example", 10))
        .hasToString(
            "Redis cache.example:6379 database 10 (REDIS_HOST, REDIS_PORT, REDIS_DATABASE)");
  }

  @Test
  void putsAnIpv6AddressIntoBrackets() {
    assertThat(endpoint("fd00::7", 0)).hasToString("Redis [fd00::7]:6379 (REDIS_HOST, REDIS_PORT)");
  }
}
