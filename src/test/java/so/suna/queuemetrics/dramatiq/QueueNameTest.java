package so.suna.queuemetrics.dramatiq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QueueNameTest {

  @ParameterizedTest
  @ValueSource(strings = {"default", "_", "Reports-v2.daily_1", "DQ", "a.DQ.b"})
  void nameThatDramatiqTakesIsTaken(String name) {
    assertThat(new QueueName(name)).hasToString(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a:b", "a b", "ünïcode", "1st", ".a", "-a", "a\n"})
  void nameThatDramatiqRefusesIsRefused(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new QueueName(name))
        .withMessage("queue name must match [A-Za-z_][A-Za-z0-9._-]*, was '%s'", name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"default.DQ", "default.XQ"})
  void partOfAQueueIsRefused(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new QueueName(name))
        .withMessage(
            "queue name must be that of a queue, not of its delayed (.DQ) or dead (.XQ) part, was '%s'",
            name);
  }
}
