package so.suna.queuemetrics.ecs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.services.ecs.EcsClient;

/** What becomes of ECS's answers: the same by a fake and by the SDK's own client. */
abstract class WorkerCounterContract {

  static final String NOT_COUNTED =
      "workers of service suna-worker-svc in cluster suna-ecs (ECS_WORKER_SERVICE, ECS_CLUSTER) not counted: ";

  /** A question that ECS was asked. */
  record Call(String cluster, List<String> services) {}

  /** A service as ECS describes it; null is what ECS leaves out. */
  record Described(
      @Nullable String status, @Nullable Integer runningCount, @Nullable Integer desiredCount) {}

  /** Why ECS describes no service. */
  record Failed(String reason) {}

  record Answer(List<Described> services, List<Failed> failures) {}

  abstract EcsClient ecs();

  abstract List<Call> calls();

  /** From now on ECS answers so. */
  abstract void answer(Answer answer);

  /** From now on ECS refuses the call; returns how the client words that. */
  abstract String refuse();

  private void describe(
      @Nullable String status, @Nullable Integer running, @Nullable Integer desired) {
    answer(new Answer(List.of(new Described(status, running, desired)), List.of()));
  }

  final WorkerCounter counter() {
    return new WorkerCounter(ecs(), "suna-ecs", "suna-worker-svc");
  }

  private void assertNotCounted(String said) {
    assertThatThrownBy(counter()::count)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(NOT_COUNTED + said);
  }

  @ParameterizedTest
  @CsvSource({"ACTIVE, 3, 5", "ACTIVE, 0, 0", "DRAINING, 2, 0"})
  void runningAndDesiredTasksOfTheServiceAreItsWorkers(String status, int running, int desired) {
    describe(status, running, desired);
    assertThat(counter().count()).isEqualTo(new Workers(running, desired));
    assertThat(calls()).containsExactly(new Call("suna-ecs", List.of("suna-worker-svc")));
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "null",
      value = {
        // A service that was deleted is not one that was stopped.
        "INACTIVE, 0, 0",
        "PAUSED, 2, 2",
        "null, 2, 2",
        // A count that is missing is not zero.
        "ACTIVE, null, 2",
        "ACTIVE, 2, null",
        "ACTIVE, -1, 2",
        "ACTIVE, 2, -1",
      })
  void serviceThatIsNotKnownToRunTasksIsNotCounted(
      @Nullable String status, @Nullable Integer running, @Nullable Integer desired) {
    describe(status, running, desired);
    assertNotCounted(
        "expected the tasks of an active service, ECS said status %s, runningCount %s and desiredCount %s"
            .formatted(status, running, desired));
  }

  @Test
  void missingServiceIsNotCountedAsStopped() {
    answer(new Answer(List.of(), List.of(new Failed("MISSING"))));
    assertNotCounted("expected the tasks of an active service, ECS said MISSING");
  }

  @Test
  void emptyAnswerIsNotCountedAsStopped() {
    answer(new Answer(List.of(), List.of()));
    assertNotCounted("expected the tasks of an active service, ECS said nothing");
  }

  @Test
  void refusalFailsNamingServiceAndCluster() {
    assertNotCounted(refuse());
  }
}
