package so.suna.queuemetrics.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.time.Instant;
import java.time.LocalTime;
import java.util.List;
import org.junit.jupiter.api.Test;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.scaling.Decision;

final class DashboardTest {

  private static final LocalTime NOON = LocalTime.of(12, 0);

  private final WorkerService service =
      new WorkerService(WorkerServiceTest.following("DramatiqBacklogPerWorker"));
  private final Dashboard dashboard = new Dashboard(new JsonObject(), service);

  private static JsonObject line(int waiting) {
    var line = new JsonObject();
    for (Metric metric : Metric.values()) {
      line.add(metric.metricName(), JsonNull.INSTANCE);
    }
    line.addProperty(Metric.QUEUE_DEPTH.metricName(), waiting);
    return line;
  }

  private JsonObject state() {
    return JsonParser.parseString(dashboard.json(false)).getAsJsonObject();
  }

  private JsonArray decisions() {
    return state().getAsJsonArray("decisions");
  }

  private static Decision decision(int from, int to, Decision.Reason reason) {
    return new Decision(Instant.EPOCH, from, to, "p", reason);
  }

  @Test
  void anUnknownFigureIsNullAndNotZero() {
    dashboard.ticked(NOON, line(7), 1);
    JsonObject tick = state().getAsJsonArray("ticks").get(0).getAsJsonObject();
    assertThat(tick.get("DramatiqQueueDepth").getAsInt()).isEqualTo(7);
    for (Metric metric : Metric.values()) {
      if (metric != Metric.QUEUE_DEPTH) {
        assertThat(tick.get(metric.metricName())).isEqualTo(JsonNull.INSTANCE);
      }
    }
  }

  @Test
  void keepsTheLastHourOfTicks() {
    for (int i = 1; i <= 61; i++) {
      dashboard.ticked(NOON, line(i), 11);
    }
    JsonArray ticks = state().getAsJsonArray("ticks");
    assertThat(ticks).hasSize(60);
    assertThat(ticks.get(0).getAsJsonObject().get("tick").getAsInt()).isEqualTo(2);
  }

  @Test
  void countsADecisionThatIsMadeAgain() {
    dashboard.decided(
        List.of(
            decision(2, 4, Decision.Reason.AlarmHigh),
            decision(4, 4, Decision.Reason.ScaleInCooldown),
            decision(4, 4, Decision.Reason.ScaleInCooldown)));
    assertThat(decisions()).hasSize(2);
    JsonObject last = decisions().get(0).getAsJsonObject();
    assertThat(last.get("cause").getAsString()).isEqualTo("ScaleInCooldown");
    assertThat(last.get("times").getAsInt()).isEqualTo(2);
  }

  @Test
  void showsEachMoveAnew() {
    dashboard.decided(
        List.of(
            decision(3, 2, Decision.Reason.AlarmLow),
            decision(2, 3, Decision.Reason.AlarmHigh),
            decision(3, 2, Decision.Reason.AlarmLow),
            decision(2, 2, Decision.Reason.AlreadyAtMinCapacity)));
    assertThat(decisions()).hasSize(4);
    assertThat(dashboard.lastMove()).hasValue(decision(3, 2, Decision.Reason.AlarmLow));
  }
}
