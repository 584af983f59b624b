package so.suna.queuemetrics.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.scaling.Decision;
import so.suna.queuemetrics.scaling.Decision.Reason;

/** What holds for every policy, load, place in the minute and seed. */
class SimulationTest {

  private static final Path TEMPLATE = Path.of("template.yaml");
  private static final List<String> POLICIES =
      List.of("seed", "template", "recommended", "target=3 out=0 in=0 min=1 max=50 stop=1");
  private static final String BURST = "20/min for 20m, 200/min for 10m, 5/min for 1h";

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void everyJobIsDoneOnceAndTheBoundsAreKept(long seed) {
    for (String text : POLICIES) {
      Policy policy = policy(text);
      List<Job> jobs = jobs(BURST, seed);
      var result = run(policy, BURST, jobs, (int) seed);
      assertThat(jobs).as(text).allMatch(Job::isFinished).allMatch(job -> job.waited() > -1e-6);
      assertThat(result.decisions())
          .as(text)
          .isNotEmpty()
          .allMatch(d -> d.to() >= policy.scaling().min() && d.to() <= policy.scaling().max());
      assertThat(result.samples())
          .as(text)
          .allMatch(s -> s.running() >= policy.scaling().min() || s.running() == s.desired());
    }
  }

  @Test
  void theSameSeedGivesTheSameResult() {
    for (String text : POLICIES) {
      var first = run(policy(text), BURST, jobs(BURST, 5), 1);
      var second = run(policy(text), BURST, jobs(BURST, 5), 1);
      assertThat(first).as(text).isEqualTo(second);
      assertThat(run(policy(text), BURST, jobs(BURST, 6), 1)).as(text).isNotEqualTo(first);
    }
  }

  @Test
  void noScaleInWhileADeploymentRuns() {
    String load = "200/min for 30m, 0/min for 25m, deploy, 0/min for 35m";
    for (int phase = 0; phase < 4; phase++) {
      List<Decision> decisions = run(policy("in=0"), load, jobs(load, phase), phase).decisions();
      Instant deployed = Simulation.instant(55 * 60);
      List<Decision> refused =
          decisions.stream()
              .filter(d -> d.reason() == Reason.TargetServicePutResourceAsUnscalable)
              .toList();
      assertThat(refused)
          .isNotEmpty()
          .allMatch(d -> !d.at().isBefore(deployed) && d.at().isBefore(deployed.plusSeconds(70)));
      Instant last = refused.getLast().at();
      assertThat(decisions)
          .noneMatch(
              d ->
                  d.reason() == Reason.AlarmLow
                      && !d.at().isBefore(deployed)
                      && !d.at().isAfter(last))
          .anyMatch(d -> d.reason() == Reason.AlarmLow && d.at().isBefore(deployed))
          .anyMatch(d -> d.reason() == Reason.AlarmLow && d.at().isAfter(last));
    }
  }

  @Test
  void aHigherTargetNeedsNoMoreTaskHoursOnASteadyLoad() {
    String steady = "60/min for 2h";
    double before = Double.POSITIVE_INFINITY;
    for (int target : List.of(6, 9, 12, 15)) {
      double hours = 0;
      for (int seed = 1; seed <= 3; seed++) {
        hours +=
            run(policy("prefetch=4 out=120 target=" + target), steady, jobs(steady, seed), seed % 4)
                .figures()
                .getOrDefault(Figure.TASK_HOURS, Double.NaN);
      }
      assertThat(hours).as("target " + target).isLessThanOrEqualTo(before);
      before = hours;
    }
  }

  @Test
  void aFixedFleetCostsItsSizeForTheTimeOfTheLoad() {
    var result = run(policy("min=3 max=3"), "10/min for 2h", jobs("10/min for 2h", 1), 0);
    assertThat(result.figures())
        .containsEntry(Figure.TASK_HOURS, 6.)
        .containsEntry(Figure.MOVES, 0.)
        .containsEntry(Figure.WORKERS_PEAK, 3.);
  }

  private static Policy policy(String text) {
    return Policy.parse(text, TEMPLATE, false).getFirst();
  }

  private static List<Job> jobs(String load, long seed) {
    return new ArrayList<>(
        Load.parse(load)
            .jobs(Load.Durations.parse("lognormal 60s 1.0"), new SplittableRandom(seed)));
  }

  private static Simulation.Result run(Policy policy, String load, List<Job> jobs, int phase) {
    return new Simulation(policy, Load.parse(load), jobs, phase, 4, 9, policy.scaling().min())
        .run();
  }
}
