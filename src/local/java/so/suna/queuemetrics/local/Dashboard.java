package so.suna.queuemetrics.local;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.time.LocalTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.scaling.Decision;
import so.suna.queuemetrics.scaling.ScalingPolicy;

/**
 * What the page shows: the last hour of ticks, the decisions, and the state of the service and its
 * alarms. An unknown figure is {@code null}. Safe for use by several threads.
 */
final class Dashboard {

  private static final int TICKS = 60;
  private static final int DECISIONS = 40;
  private static final Gson JSON = new GsonBuilder().serializeNulls().create();

  /** A decision, and how often it has been made since. */
  private static final class Shown {
    final long tick;
    final Decision decision;
    int times = 1;

    Shown(long tick, Decision decision) {
      this.tick = tick;
      this.decision = decision;
    }

    boolean isRepeatedBy(Decision other) {
      return !other.moves()
          && !decision.moves()
          && other.to() == decision.to()
          && other.policy().equals(decision.policy())
          && other.reason() == decision.reason();
    }
  }

  private final JsonObject about;
  private final WorkerService service;
  private final Deque<JsonObject> ticks = new ArrayDeque<>();
  private final Deque<Shown> decisions = new ArrayDeque<>();
  private JsonObject last = new JsonObject();
  private long tick;

  /**
   * @param about what stays as it is during the run
   */
  Dashboard(JsonObject about, WorkerService service) {
    this.about = about;
    this.service = service;
  }

  /**
   * @param line what the publisher logged
   * @param received datums that arrived at CloudWatch
   */
  synchronized void ticked(LocalTime at, JsonObject line, int received) {
    tick++;
    var figures = new JsonObject();
    figures.addProperty("tick", tick);
    for (Metric metric : Metric.values()) {
      figures.add(metric.metricName(), line.get(metric.metricName()));
    }
    ticks.add(figures);
    if (ticks.size() > TICKS) {
      ticks.remove();
    }
    last = new JsonObject();
    last.addProperty(
        "at", at.truncatedTo(ChronoUnit.SECONDS).format(DateTimeFormatter.ISO_LOCAL_TIME));
    last.addProperty("received", received);
    last.add("line", line);
  }

  synchronized void decided(List<Decision> made) {
    for (Decision decision : made) {
      decisions.stream()
          .takeWhile(shown -> !shown.decision.moves())
          .filter(shown -> shown.isRepeatedBy(decision))
          .findFirst()
          .ifPresentOrElse(
              shown -> shown.times++, () -> decisions.addFirst(new Shown(tick, decision)));
    }
    while (decisions.size() > DECISIONS) {
      decisions.removeLast();
    }
  }

  synchronized Optional<Decision> lastMove() {
    return decisions.stream().map(shown -> shown.decision).filter(Decision::moves).findFirst();
  }

  /**
   * @param redisStopped whether the run's own Redis has been stopped
   */
  synchronized String json(boolean redisStopped) {
    var state = new JsonObject();
    state.add("about", about);
    state.addProperty("redisStopped", redisStopped);
    state.addProperty("running", service.running());
    state.addProperty("desired", service.desired());
    state.add("scaling", scaling());
    state.add("alarms", JSON.toJsonTree(service.alarms()));
    state.add("last", last);
    state.add("ticks", JSON.toJsonTree(ticks));
    var list = new JsonArray();
    decisions.forEach(shown -> list.add(json(shown)));
    state.add("decisions", list);
    return JSON.toJson(state);
  }

  private JsonObject scaling() {
    var scaling = new JsonObject();
    scaling.addProperty("min", service.scaling().min());
    scaling.addProperty("max", service.scaling().max());
    for (ScalingPolicy policy : service.scaling().policies()) {
      if (policy instanceof ScalingPolicy.Tracking tracking) {
        scaling.addProperty("metric", tracking.metric());
        scaling.addProperty("target", tracking.target());
      }
    }
    return scaling;
  }

  private static JsonObject json(Shown shown) {
    var json = new JsonObject();
    json.addProperty("tick", shown.tick);
    json.addProperty("from", shown.decision.from());
    json.addProperty("to", shown.decision.to());
    json.addProperty("policy", shown.decision.policy());
    json.addProperty("cause", shown.decision.cause());
    json.addProperty("meaning", shown.decision.reason().meaning());
    json.addProperty("times", shown.times);
    return json;
  }
}
