package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import redis.clients.jedis.exceptions.JedisDataException;

/** What of a server's error reaches a message. */
class RedisExceptionTest {

  private static String said(String error) {
    return RedisException.said(new JedisDataException(error));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "NOPERM this user has no permissions to run the 'eval_ro' command",
        "LOADING Redis is loading the dataset in memory",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "ERR max number of clients reached",
        "ERR The user executing the script can't run this command or subcommand",
        "ERR Error running script (call to f_0a): @user_script:7: attempt to compare nil with number",
      })
  void whatTheServerSaysItselfIsKeptWhole(String error) {
    assertThat(said(error)).isEqualTo(error);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "ERR unknown command `AUTH`, with args beginning with: `user`, `pass`, | ERR unknown command `AUTH`",
        "ERR unknown command 'EVAL', with args beginning with: 'return 1' '1'  | ERR unknown command 'EVAL'",
        "ERR script tried to use 'dramatiq:jane@example.org'                   | ERR script tried to use",
        "ERR invalid payload \"jane's\" at 'x'                                 | ERR invalid payload",
        "user_script:7: bad value 'S' in 'args'                                | user_script:7: bad value",
      })
  void whatTheServerRepeatsIsCut(String error, String kept) {
    assertThat(said(error)).isEqualTo(kept);
  }

  @Test
  void passwordWithQuotesIsCutToo() {
    var endpoint =
        new RedisEndpoint(
            "cache.example", 6379, 0, true, new Login.Password(Optional.empty(), "a`b'c\nd"));
    var refused =
        RedisException.refused(
            endpoint,
            new JedisDataException(
                "ERR unknown command `AUTH`, with args beginning with: `a`b'c\nd`, "));
    assertThat(refused)
        .hasNoCause()
        .hasMessage(
            endpoint
                + " refused the login of the default user (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD):"
                + " ERR unknown command `AUTH`");
  }
}
