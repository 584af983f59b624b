package so.suna.queuemetrics.dramatiq;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** By a fake that keeps what it is asked and replies in the words of Redis' client. */
class SnapshotReaderTest extends SnapshotReaderContract {

  private record Asked(String script, List<String> keys, List<String> arguments) {}

  private final class Fake implements ScriptRunner {
    @Override
    public Object run(String script, List<String> keys, List<String> arguments) {
      asked.add(new Asked(script, keys, arguments));
      if (broken) {
        throw new IllegalStateException(failure());
      }
      var reply = new ArrayList<Object>(List.of(0L));
      arguments.stream().skip(3).map(this::queue).forEach(reply::add);
      return reply;
    }

    private List<@Nullable Object> queue(String name) {
      return queues.computeIfAbsent(name, _ -> empty());
    }
  }

  private final List<Asked> asked = new ArrayList<>();
  private final Map<String, List<@Nullable Object>> queues = new HashMap<>();
  private boolean broken;

  private static List<@Nullable Object> empty() {
    return Arrays.asList(0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, null, null);
  }

  @Override
  ScriptRunner redis() {
    return new Fake();
  }

  @Override
  long scripts() {
    return asked.size();
  }

  @Override
  void keepDeadLetters(String queue, int number) {
    reply(queue, 6, (long) number);
    reply(queue, 7, (long) number);
  }

  @Override
  void spoilList(String queue) {
    reply(queue, 0, new IllegalStateException(reason()));
  }

  private void reply(String queue, int place, @Nullable Object value) {
    queues.computeIfAbsent(queue, _ -> empty()).set(place, value);
  }

  @Override
  String reason() {
    return "no right to count it";
  }

  @Override
  void breakDown() {
    broken = true;
  }

  @Override
  String failure() {
    return "no Redis";
  }

  @Test
  void oneKeyIsDeclaredAsDramatiqItselfDoesInACluster() {
    reader(queues(2)).read();

    assertThat(asked.getFirst().keys()).containsExactly("dramatiq:__heartbeats__");
    assertThat(asked.getFirst().arguments())
        .containsExactly(
            "dramatiq", Long.toString(NOON.toEpochMilli() - 60_000), "age", "q0", "q1");
  }

  @Test
  void whatOnlyReadersOfTheScriptNeedIsNotSent() {
    reader(queues(1)).read();

    assertThat(asked.getFirst().script().lines())
        .startsWith("local redis_pcall = redis.pcall", "local namespace = ARGV[1] .. ':'")
        .noneMatch(line -> line.contains("--") || line.isBlank() || !line.equals(line.strip()));
  }

  @Test
  void valueThatIsNoNumberIsUnknown() {
    reply("q0", 0, null);
    reply("q0", 6, "1".getBytes(UTF_8));

    assertThat(reader(queues(1)).read().problems())
        .containsExactly(
            "queue q0: waiting not read: no number given",
            "queue q0: dead letters not read: no number given");
  }
}
