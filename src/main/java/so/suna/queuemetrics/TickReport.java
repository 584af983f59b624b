package so.suna.queuemetrics;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Snapshot;

/** What happened in one tick: how long each step took, and what went wrong. For one thread. */
final class TickReport {

  private final Clock clock;
  private final Instant startedAt;
  private final JsonObject durations = new JsonObject();
  private final List<String> problems = new ArrayList<>();
  private final List<RuntimeException> causes = new ArrayList<>();

  TickReport(Clock clock) {
    this.clock = clock;
    this.startedAt = clock.instant();
  }

  /** The step's result; empty if it failed, and then the tick goes on and fails at its end. */
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
   * The tick's log line: every figure by its metric's name ({@code null} if unknown), the
   * durations, and what is odd or wrong.
   */
  JsonObject line(Snapshot snapshot, int datums, boolean published) {
    var line = new JsonObject();
    line.addProperty("event", "tick");
    for (Metric metric : Metric.values()) {
      line.addProperty(metric.metricName(), snapshot.totals().number(metric));
    }
    line.addProperty("datums", datums);
    line.addProperty("published", published);
    durations.asMap().forEach(line::add);
    line.addProperty("duration_ms", millisSince(startedAt));
    line.add("notices", array(snapshot.notices()));
    line.add("problems", array(problems));
    return line;
  }

  private static JsonArray array(List<String> texts) {
    return texts.stream().collect(JsonArray::new, JsonArray::add, JsonArray::addAll);
  }

  /**
   * @throws TickFailedException naming everything that is missing
   */
  void throwIfAnythingFailed() {
    if (!problems.isEmpty()) {
      throw new TickFailedException(problems, causes);
    }
  }

  private long millisSince(Instant then) {
    return Duration.between(then, clock.instant()).toMillis();
  }
}
