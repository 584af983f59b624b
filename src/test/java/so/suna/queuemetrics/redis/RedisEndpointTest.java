package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An endpoint as the messages show it. */
class RedisEndpointTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cache.example | 0  | Redis cache.example:6379 (REDIS_HOST, REDIS_PORT)",
        "cache.example | 10 | Redis cache.example:6379 database 10 (REDIS_HOST, REDIS_PORT, REDIS_DATABASE)",
        "fd00::7       | 0  | Redis [fd00::7]:6379 (REDIS_HOST, REDIS_PORT)",
      })
  void namesTheAddressAndItsSettings(String host, int database, String text) {
    assertThat(new RedisEndpoint(host, 6379, database, true, new Login.None())).hasToString(text);
  }
}
