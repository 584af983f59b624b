package so.suna.queuemetrics.dramatiq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;

class BrokerSnapshotTest {

  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");

  @Test
  void totalsAreSumsAndTheOldestAgeIsTheGreatest() {
    var snapshot = snapshot(queue("a", 1, 2, 3, 4, 5, 6), queue("b", 10, 20, 30, 40, 50, 3));

    assertThat(snapshot.waiting()).isEqualTo(new Known<>(11L));
    assertThat(snapshot.inFlight()).isEqualTo(new Known<>(22L));
    assertThat(snapshot.delayed()).isEqualTo(new Known<>(33L));
    assertThat(snapshot.deadLetters()).isEqualTo(new Known<>(44L));
    assertThat(snapshot.newDeadLetters()).isEqualTo(new Known<>(55L));
    assertThat(snapshot.oldestAge()).isEqualTo(new Known<>(Duration.ofSeconds(6)));
    assertThat(snapshot.backlog()).isEqualTo(new Known<>(33L));
  }

  @Test
  void totalIsUnknownAsSoonAsOneQueueIs() {
    var known = queue("a", 1, 2, 3, 4, 5, 6);
    var unknown =
        new QueueSnapshot(
            new QueueName("b"),
            new Unknown<>("no waiting"),
            known.inFlight(),
            known.delayed(),
            known.deadLetters(),
            known.newDeadLetters(),
            new Unknown<>("no age"));
    var snapshot = snapshot(known, unknown);

    assertThat(snapshot.waiting()).isEqualTo(new Unknown<>("no waiting"));
    assertThat(snapshot.backlog()).isEqualTo(new Unknown<>("no waiting"));
    assertThat(snapshot.oldestAge()).isEqualTo(new Unknown<>("no age"));
    assertThat(snapshot.inFlight()).isEqualTo(new Known<>(4L));
    assertThat(snapshot.problems()).containsExactly("no waiting", "no age");
  }

  @Test
  void snapshotOfNoQueueIsRefusedSinceItsTotalsWouldBeZero() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> snapshot())
        .withMessage("a snapshot must have at least one queue, had none");
  }

  private static BrokerSnapshot snapshot(QueueSnapshot... queues) {
    return new BrokerSnapshot(NOON, List.of(queues), new Known<>(1L));
  }

  private static QueueSnapshot queue(
      String name,
      long waiting,
      long inFlight,
      long delayed,
      long dead,
      long newlyDead,
      long ageSeconds) {
    return new QueueSnapshot(
        new QueueName(name),
        new Known<>(waiting),
        new Known<>(inFlight),
        new Known<>(delayed),
        new Known<>(dead),
        new Known<>(newlyDead),
        new Known<>(Duration.ofSeconds(ageSeconds)));
  }
}
