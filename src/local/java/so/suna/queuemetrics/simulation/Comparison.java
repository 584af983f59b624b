package so.suna.queuemetrics.simulation;

import java.util.DoubleSummaryStatistics;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Policies under one load, each with the same jobs at several places of tick and alarms in the
 * minute.
 *
 * @param jobs how long jobs run, as {@link Load.Durations#parse} reads it
 * @param phases runs of each policy, each with its own place and its own jobs
 * @param workers tasks at the beginning, or the minimum where it is 0
 * @param pricePerTaskHour in whatever currency
 */
record Comparison(
    String scenario,
    Load load,
    String jobs,
    int phases,
    long seed,
    int workers,
    double pricePerTaskHour) {

  /** What to compare policies on; long jobs are long, short ones are many. */
  record Scenario(String name, String load, String jobs) {}

  static final List<Scenario> SCENARIOS =
      List.of(
          new Scenario("steady", "60/min for 4h", "lognormal 60s 1.0"),
          new Scenario("wave", "wave 10-200/min for 24h", "lognormal 60s 1.0"),
          new Scenario(
              "burst", "20/min for 1h, 200/min for 10m, 20/min for 1h", "lognormal 60s 1.0"),
          new Scenario("step", "20/min for 1h, 100/min for 2h", "lognormal 60s 1.0"),
          new Scenario("batch", "20/min for 1h, 500 at once, 20/min for 1h", "lognormal 60s 1.0"),
          new Scenario("long", "4/min for 2h, 20/min for 2h, 4/min for 2h", "lognormal 300s 0.5"),
          new Scenario(
              "short", "200/min for 1h, 2000/min for 30m, 200/min for 1h", "lognormal 3s 0.5"));

  /** The figures of all runs of a policy; one that a run does not have is not counted. */
  record Row(
      Policy policy, Map<Figure, DoubleSummaryStatistics> figures, Simulation.Result first) {}

  Comparison {
    Load.Durations.parse(jobs); // Refused before anything runs.
  }

  Row run(Policy policy) {
    var durations = Load.Durations.parse(jobs);
    var runs =
        IntStream.range(0, phases)
            .parallel()
            .mapToObj(phase -> run(policy, durations, phase))
            .toList();
    var figures = new EnumMap<Figure, DoubleSummaryStatistics>(Figure.class);
    for (var run : runs) {
      run.figures()
          .forEach(
              (figure, value) ->
                  figures
                      .computeIfAbsent(figure, _ -> new DoubleSummaryStatistics())
                      .accept(value));
    }
    return new Row(policy, figures, runs.getFirst());
  }

  private Simulation.Result run(Policy policy, Load.Durations durations, int phase) {
    // The jobs do not depend on the policy, so that policies differ by what they do.
    var random = new SplittableRandom(seed * 1_000_003 + phase);
    var sent = load.jobs(durations, random);
    int first = workers > 0 ? workers : policy.scaling().min();
    var result = new Simulation(policy, load, sent, phase, phases, random.nextLong(), first).run();
    double hours = result.figures().getOrDefault(Figure.TASK_HOURS, 0.);
    result.figures().put(Figure.COST, hours * pricePerTaskHour);
    return result;
  }
}
