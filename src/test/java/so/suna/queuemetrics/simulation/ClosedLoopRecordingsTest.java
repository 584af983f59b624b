package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.scaling.Alarm;
import so.suna.queuemetrics.scaling.ScalingPolicy;
import so.suna.queuemetrics.template.Template;

/**
 * Whole runs of the service that RecordingsTest describes: 1 to 5 tasks, a step of 4 on an alarm
 * above 75 messages per task, 1 of 1 minute. When in the minute the load rose is not what the model
 * knows, so it is asked at twelve places of it.
 */
class ClosedLoopRecordingsTest {

  private static final int PHASES = 12;

  /** One task did about 43 jobs a second: 50 came, and the backlog grew by 7. */
  private static final String JOBS = "constant 0.02325s";

  /** The recordings' own note: peaks vary by about 30 % with the rate at which one task served. */
  private static final double TOLERANCE = 0.3;

  @ParameterizedTest(name = "request after {0} s, peak {1}")
  @CsvSource({
    "110.6, 790, '10/s for 210s, 50/s for 300s, 10/s for 120s'",
    "88.749, 828, '33.3/s for 120s, 50/s for 300s'",
    "86.6, 1001, '33.3/s for 120s, 50/s for 300s'",
    "76.3, 910, '33.3/s for 120s, 50/s for 300s'",
    // From 10:51:26.9 to 11:01:56.9, request at 10:52:02.512.
    "35.612, 1042, '0/s for 27s, 50/s for 630s'"
  })
  void requestAndPeakAreWithinWhatTheModelSays(double request, double peak, String text) {
    Load load = Load.parse(text);
    double surge = load.surge().orElse(120);
    var requests = new DoubleSummaryStatistics();
    var peaks = new DoubleSummaryStatistics();
    for (int phase = 0; phase < PHASES; phase++) {
      var random = new SplittableRandom(phase);
      var jobs = new ArrayList<>(load.jobs(Load.Durations.parse(JOBS), random));
      var result = new Simulation(policy(), load, jobs, phase, PHASES, random.nextLong(), 1).run();
      var first =
          result.decisions().stream().filter(d -> d.to() > d.from()).findFirst().orElseThrow();
      assertThat(first.to()).isEqualTo(5);
      requests.accept(Simulation.seconds(first.at()) - surge);
      // Until the four new tasks run the backlog grows evenly; a tick sees its peak a minute early
      // at most.
      peaks.accept(result.figures().getOrDefault(Figure.SEEN_DEPTH, 0.));
    }
    // The places lie so far apart.
    double step = (double) Simulation.MINUTE / PHASES;
    assertThat(request).isBetween(requests.getMin() - step, requests.getMax() + step);
    assertThat(peak).isBetween((1 - TOLERANCE) * peaks.getMin(), (1 + TOLERANCE) * peaks.getMax());
  }

  private static Policy policy() {
    var step =
        new ScalingPolicy.Step(
            "burst",
            "DramatiqBacklogPerWorker",
            new Alarm(Alarm.Comparison.GREATER_THAN, 75, 1, 1, Alarm.MissingData.MISSING),
            ScalingPolicy.Adjustment.ChangeInCapacity,
            List.of(new ScalingPolicy.StepAdjustment(0, Double.POSITIVE_INFINITY, 4)),
            Duration.ofSeconds(60));
    var worker =
        new Worker(1, 1, 1, new Worker.Range(18, 39), new Worker.Range(2, 3), 30, false, 0);
    return new Policy(
        "recorded", Map.of(), new Template.Scaling(1, 5, List.of(step)), worker, true, false);
  }
}
