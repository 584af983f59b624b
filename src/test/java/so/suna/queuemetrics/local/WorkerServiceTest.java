package so.suna.queuemetrics.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.scaling.Decision;
import so.suna.queuemetrics.scaling.ScalingPolicy;
import so.suna.queuemetrics.template.Template;

final class WorkerServiceTest {

  private static final String BACKLOG = "DramatiqBacklogPerWorker";
  private static final String DEPTH = "DramatiqQueueDepth";

  private final WorkerService service = new WorkerService(following(BACKLOG));
  private final List<Decision> decisions = new ArrayList<>();

  static Template.Scaling following(String metric) {
    return new Template.Scaling(
        2,
        20,
        List.of(
            new ScalingPolicy.Tracking(
                "p", metric, 10, Duration.ofSeconds(30), Duration.ofSeconds(300), true)));
  }

  private void minutes(int count, Map<String, Double> datums) {
    for (int i = 0; i < count; i++) {
      service.tick(datums);
      while (service.next().compareTo(WorkerService.MINUTE) < 0) {
        decisions.addAll(service.advance());
      }
    }
  }

  private List<Decision> moves() {
    return decisions.stream().filter(Decision::moves).toList();
  }

  @Test
  void beginsWithTheLeastWorkers() {
    assertThat(service.running()).isEqualTo(2);
    assertThat(service.desired()).isEqualTo(2);
  }

  @Test
  void orderedWorkersRunAMinuteLater() {
    minutes(3, Map.of(BACKLOG, 20.0));
    assertThat(service.desired()).isEqualTo(4);
    assertThat(service.running()).isEqualTo(2);

    minutes(2, Map.of(BACKLOG, 10.0));
    assertThat(service.running()).isEqualTo(4);
    assertThat(moves()).extracting(Decision::to).containsExactly(4);
  }

  @Test
  void goesBackToTheLeastWorkersOneByOne() {
    minutes(3, Map.of(BACKLOG, 20.0));
    minutes(40, Map.of(BACKLOG, 1.0));
    assertThat(moves()).extracting(Decision::to).containsExactly(4, 3, 2);
    assertThat(service.running()).isEqualTo(2);
  }

  @Test
  void keepsItsWorkersWhileNothingIsKnown() {
    minutes(3, Map.of(BACKLOG, 20.0));
    minutes(2, Map.of(BACKLOG, 10.0));
    minutes(60, Map.of());
    assertThat(service.running()).isEqualTo(4);
    assertThat(service.alarms().values()).extracting(Enum::name).containsOnly("INSUFFICIENT_DATA");
  }

  @Test
  void anotherPolicyBeginsWithTheDatumsThatAreThere() {
    minutes(3, Map.of(BACKLOG, 5.0, DEPTH, 50.0));
    assertThat(moves()).isEmpty();

    service.scaleBy(following(DEPTH));
    minutes(1, Map.of(BACKLOG, 5.0, DEPTH, 50.0));
    assertThat(moves()).extracting(Decision::to).containsExactly(10);
  }

  @Test
  void aServiceThatIsOnlyObservedHasTheWorkersThatWereSeen() {
    minutes(3, Map.of(BACKLOG, 20.0));
    minutes(2, Map.of(BACKLOG, 10.0));
    service.observe(3, 3);
    minutes(1, Map.of());
    assertThat(service.running()).isEqualTo(3);
    assertThat(service.desired()).isEqualTo(3);
  }
}
