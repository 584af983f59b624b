package so.suna.queuemetrics;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import so.suna.queuemetrics.cloudwatch.Metric;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/** What happened in one tick: how long each step took, and what went wrong. For one thread. */
final class TickReport {

  private static final Gson JSON = new GsonBuilder().serializeNulls().create();

  private final Clock clock;
  private final Instant startedAt;
  private final JsonObject durations = new JsonObject();
  private final List<String> problems = new ArrayList<>();
  private final List<RuntimeException> causes = new ArrayList<>();

  TickReport(Clock clock) {
    this.clock = clock;
    this.startedAt = clock.instant();
  }

  /**
   * What the step gives; empty where it failed, and then the tick goes on without it and fails in
   * the end.
   */
  <T> Optional<T> attempt(String step, Supplier<T> work) {
    Instant stepStartedAt = clock.instant();
    try {
      return Optional.of(work.get());
    } catch (RuntimeException e) {
      problems.add(Objects.requireNonNullElse(e.getMessage(), e.toString()));
      causes.add(e);
      return Optional.empty();
    } finally {
      durations.addProperty(step + "_ms", millisSince(stepStartedAt));
    }
  }

  void add(List<String> moreProblems) {
    problems.addAll(moreProblems);
  }

  /**
   * One line of JSON: every figure by its metric's name ({@code null} where unknown), the
   * durations, the problems.
   */
  String line(List<MetricDatum> gathered, boolean published) {
    var line = new JsonObject();
    line.addProperty("event", "tick");
    for (Metric metric : Metric.values()) {
      line.add(metric.metricName(), JsonNull.INSTANCE);
    }
    gathered.stream()
        // The totals; a queue's own values have a second dimension.
        .filter(datum -> datum.dimensions().size() == 1)
        .forEach(datum -> line.addProperty(datum.metricName(), figure(datum.value())));
    line.addProperty("datums", gathered.size());
    line.addProperty("published", published);
    durations.asMap().forEach(line::add);
    line.addProperty("duration_ms", millisSince(startedAt));
    var listed = new JsonArray();
    problems.forEach(listed::add);
    line.add("problems", listed);
    return JSON.toJson(line);
  }

  /**
   * @throws TickFailedException naming all that is missing
   */
  void throwIfAnythingFailed() {
    if (!problems.isEmpty()) {
      throw new TickFailedException(problems, causes);
    }
  }

  /** Whole numbers without a decimal point. */
  private static Number figure(double value) {
    return value == Math.rint(value) ? (Number) (long) value : (Number) value;
  }

  private long millisSince(Instant then) {
    return Duration.between(then, clock.instant()).toMillis();
  }
}
