package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.util.Throwables;

/** A Redis, asked as the functions ask it; its name begins each message. */
record AskedRedis(RedisEndpoint endpoint, ReadOnlyRedis connection) implements AutoCloseable {

  void ping() {
    connection.ping();
  }

  Object evaluate(String script, String... keys) {
    return evaluate(script, List.of(keys), List.of());
  }

  Object evaluate(String script, List<String> keys, List<String> arguments) {
    return connection.evaluate(script, keys, arguments);
  }

  /** Asks for a number, so that an answer to another question is noticed. */
  Object answer(int number) {
    return evaluate("return tonumber(ARGV[1])", List.of(), List.of("" + number));
  }

  Object length(String list) {
    return evaluate("return redis.call('LLEN', KEYS[1])", list);
  }

  AbstractThrowableAssert<?, ?> assertPingFails(String said) {
    return assertFails(connection::ping, said);
  }

  /** Fails with this message behind the name of the Redis, and shows no password anywhere. */
  AbstractThrowableAssert<?, ?> assertFails(ThrowingCallable question, String said) {
    Throwable failure = catchThrowable(question);
    var asserted =
        assertThat(failure).isInstanceOf(RedisException.class).hasMessage("%s %s", endpoint, said);
    if (endpoint.login() instanceof Login.Password(var _, var password)) {
      assertThat(Throwables.getStackTrace(failure)).doesNotContain(password);
    }
    return asserted;
  }

  @Override
  public void close() {
    connection.close();
  }
}
