package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.util.Throwables;

/** The functions' client at one Redis, whose name begins each message. */
record Asked(RedisEndpoint endpoint, ReadOnlyRedis redis) implements AutoCloseable {

  void ping() {
    redis.ping();
  }

  Object evaluate(String script, String... keys) {
    return redis.evaluate(script, List.of(keys), List.of());
  }

  /** Asks for a number, so that an answer to another question is noticed. */
  Object answer(int number) {
    return redis.evaluate("return tonumber(ARGV[1])", List.of(), List.of("" + number));
  }

  Object length(String list) {
    return evaluate("return redis.call('LLEN', KEYS[1])", list);
  }

  AbstractThrowableAssert<?, ?> assertPingFails(String said) {
    return assertFails(redis::ping, said);
  }

  /** Fails with this message behind the name of the Redis, and shows no password anywhere. */
  AbstractThrowableAssert<?, ?> assertFails(ThrowingCallable question, String said) {
    Throwable failure = catchThrowable(question);
    if (endpoint.login() instanceof Login.Password(var _, var password)) {
      assertThat(Throwables.getStackTrace(failure)).doesNotContain(password);
    }
    return assertThat(failure)
        .isInstanceOf(RedisException.class)
        .hasMessage("%s %s", endpoint, said);
  }

  @Override
  public void close() {
    redis.close();
  }
}
