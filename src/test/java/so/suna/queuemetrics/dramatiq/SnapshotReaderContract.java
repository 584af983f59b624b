package so.suna.queuemetrics.dramatiq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;

/** What becomes of a script runner's replies: the same by a fake and by Redis itself. */
abstract class SnapshotReaderContract {

  static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");

  abstract ScriptRunner redis();

  /** Scripts so far. */
  abstract long scripts();

  /** From now on so many dead letters are kept in the queue, each of them new. */
  abstract void keepDeadLetters(String queue, int number);

  /** From now on the queue's list cannot be counted. */
  abstract void spoilList(String queue);

  /** How that is worded inside the reply. */
  abstract String reason();

  /** From now on there is no reply. */
  abstract void breakDown();

  /** How that is worded. */
  abstract String failure();

  final SnapshotReader reader(List<QueueName> queues) {
    return new SnapshotReader(redis(), "dramatiq", queues, true, Clock.fixed(NOON, ZoneOffset.UTC));
  }

  static List<QueueName> queues(int number) {
    return IntStream.range(0, number).mapToObj(i -> new QueueName("q" + i)).toList();
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "100, 1", "101, 2", "500, 5"})
  void aScriptReadsAHundredQueuesWhichAreGivenInTheirOrder(int queues, int scripts) {
    keepDeadLetters("q" + (queues - 1), 2);
    long before = scripts();

    Snapshot snapshot = reader(queues(queues)).read();

    assertThat(scripts() - before).isEqualTo(scripts);
    assertThat(snapshot.queues()).extracting(QueueSnapshot::queue).isEqualTo(queues(queues));
    assertThat(snapshot.queues().getLast().figures().reading(Metric.DEAD_LETTERS))
        .isEqualTo(new Known(2));
    assertThat(snapshot.totals().reading(Metric.DEAD_LETTERS)).isEqualTo(new Known(2));
  }

  @Test
  void queuesThatNeverHadAMessageAreEmpty() {
    assertThat(reader(queues(2)).read())
        .isEqualTo(
            Snapshots.at(NOON, new Known(0), Snapshots.queue("q0", 0), Snapshots.queue("q1", 0)));
  }

  @Test
  void errorInsideTheReplyCostsItsValueOnlyAndIsNamed() {
    keepDeadLetters("q0", 2);
    spoilList("q0");

    Snapshot snapshot = reader(queues(2)).read();

    assertThat(snapshot.queues().getFirst().figures().reading(Metric.QUEUE_DEPTH))
        .isEqualTo(new Unknown("queue q0: waiting not read: " + reason()));
    assertThat(snapshot.queues().getFirst().figures().reading(Metric.DEAD_LETTERS))
        .isEqualTo(new Known(2));
    assertThat(snapshot.queues().getLast().figures().problems()).isEmpty();
  }

  @Test
  void noReplyIsAFailureThatIsPassedOnAsItIs() {
    breakDown();

    assertThatThrownBy(reader(queues(1))::read).hasMessage(failure());
  }
}
