package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;

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
        "OOM command not allowed when used memory > 'maxmemory'.",
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
        "^ERR unknown command `AUTH`, with args beginning with: `a`b'c\nd`, ^    | ERR unknown command `AUTH`",
        "ERR unknown command 'EVAL', with args beginning with: 'return 1' '1'  | ERR unknown command 'EVAL'",
        "ERR script tried to use 'dramatiq:jane@example.org'                   | ERR script tried to use",
        "ERR invalid payload \"jane's\" at 'x'                                 | ERR invalid payload",
        "user_script:7: bad value 'S' in 'args'                                | user_script:7: bad value",
      })
  void whatTheServerRepeatsIsCut(String error, String kept) {
    assertThat(said(error)).isEqualTo(kept);
  }
}
