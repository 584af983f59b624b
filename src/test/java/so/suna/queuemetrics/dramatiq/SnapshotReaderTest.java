package so.suna.queuemetrics.dramatiq;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SnapshotReaderTest {

  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");
  private static final List<Object> EMPTY_QUEUE =
      Arrays.asList(0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, null, null);

  @Test
  void oneKeyIsDeclaredAsDramatiqItselfDoesInACluster() {
    var asked = new ArrayList<String>();

    reader(
            1,
            (_, keys, arguments) -> {
              asked.addAll(keys);
              asked.addAll(arguments);
              return List.of(0L, EMPTY_QUEUE);
            })
        .read();

    assertThat(asked)
        .containsExactly(
            "ns:__heartbeats__", "ns", Long.toString(NOON.toEpochMilli() - 60_000), "age", "q0");
  }

  @Test
  void whatOnlyReadersOfTheScriptNeedIsNotSent() {
    var sent = new ArrayList<String>();

    reader(
            1,
            (script, _, _) -> {
              sent.addAll(script.lines().toList());
              return List.of(0L, EMPTY_QUEUE);
            })
        .read();

    assertThat(sent)
        .startsWith("local redis_pcall = redis.pcall", "local namespace = ARGV[1] .. ':'")
        .noneMatch(line -> line.contains("--") || line.isBlank() || !line.equals(line.strip()));
  }

  @Test
  void fiveHundredQueuesTakeFiveScripts() {
    var asked = new ArrayList<Integer>();

    reader(
            500,
            (_, _, arguments) -> {
              asked.add(arguments.size());
              var reply = new ArrayList<Object>(List.of(2L));
              IntStream.range(3, arguments.size()).forEach(_ -> reply.add(EMPTY_QUEUE));
              return reply;
            })
        .read();

    assertThat(asked).containsExactly(103, 103, 103, 103, 103);
  }

  @Test
  void valueThatIsNoNumberIsUnknown() {
    List<Object> queue =
        Arrays.asList(null, 0L, 0L, 0L, 0L, 0L, "1".getBytes(UTF_8), 0L, null, null);

    assertThat(reader(1, (_, _, _) -> List.of(0L, queue)).read().problems())
        .containsExactly(
            "queue q0: waiting not read: no number given",
            "queue q0: dead letters not read: no number given");
  }

  @Test
  void failureOfTheScriptIsPassedOnAsItIs() {
    var failure = new IllegalStateException("no Redis");

    assertThatThrownBy(
            () ->
                reader(
                        1,
                        (_, _, _) -> {
                          throw failure;
                        })
                    .read())
        .isSameAs(failure);
  }

  private static SnapshotReader reader(int queues, ScriptRunner redis) {
    var names = IntStream.range(0, queues).mapToObj(number -> new QueueName("q" + number)).toList();
    return new SnapshotReader(redis, "ns", names, true, Clock.fixed(NOON, ZoneOffset.UTC));
  }
}
