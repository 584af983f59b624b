package so.suna.queuemetrics.simulation;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.dramatiq.Figures;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.dramatiq.Reading;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.scaling.Assumptions;
import so.suna.queuemetrics.scaling.Decision;
import so.suna.queuemetrics.scaling.ScalingPolicy;
import so.suna.queuemetrics.scaling.TargetTracking;

/**
 * One run of one policy: jobs, fleet, a tick a minute, alarms and decisions. The same arguments
 * give the same result.
 */
final class Simulation {

  static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  static final int MINUTE = 60;
  private static final Datums DATUMS = new Datums("worker", false);

  /** Jobs that nobody has done a day after the last was sent will not be done. */
  private static final double PATIENCE = 86_400;

  private final Policy policy;
  private final Load load;
  private final List<Job> jobs;
  private final double end;
  private final double tickSecond;
  private final Timeline timeline = new Timeline();
  private final TargetTracking tracking;
  private final Fleet fleet;
  private final List<Decision> decisions = new ArrayList<>();
  private final List<Sample> samples = new ArrayList<>();
  private final Map<Figure, Double> figures = new EnumMap<>(Figure.class);

  /**
   * What there was at a full minute.
   *
   * @param needed workers with which every job would start at once; the minimum at least
   * @param oldest the oldest age that the broker would tell, in seconds
   * @param sent jobs that were sent in the minute that begins
   */
  record Sample(
      double at,
      int waiting,
      int inFlight,
      int desired,
      int running,
      double oldest,
      int needed,
      int sent,
      double meanWait,
      double longestWait) {}

  record Result(Map<Figure, Double> figures, List<Decision> decisions, List<Sample> samples) {

    /** Decisions that moved something while there was load. */
    Stream<Decision> moves() {
      double end = samples.getLast().at();
      return decisions.stream().filter(d -> d.moves() && seconds(d.at()) <= end);
    }
  }

  /**
   * @param jobs in the order in which they are sent
   * @param phase which of {@code phases} places the second of the tick and those of the alarms have
   *     in the minute
   * @param workers tasks at the beginning
   */
  Simulation(
      Policy policy, Load load, List<Job> jobs, int phase, int phases, long seed, int workers) {
    this.policy = policy;
    this.load = load;
    this.jobs = jobs;
    end = load.seconds();
    tickSecond = MINUTE * (phase + 0.5) / phases;
    // Golden ratio: alarms and tick meet at evenly spread distances, however many phases there are.
    double alarmSecond = MINUTE * ((0.3 + phase * 0.618034) % 1);
    fleet = new Fleet(timeline, policy.worker(), new SplittableRandom(seed), this::runningChanged);
    tracking =
        new TargetTracking(
            policy.scaling().min(),
            policy.scaling().max(),
            policy.scaling().policies(),
            Assumptions.DEFAULT,
            Duration.ofMillis(Math.round(alarmSecond * 1_000)),
            workers);
    fleet.begin(workers);
  }

  Result run() {
    send(0);
    load.deployments().forEach(at -> timeline.at(at, fleet::deploy));
    timeline.at(tickSecond, this::tick);
    evaluateNext();
    sample();
    timeline.at(end, () -> figures.put(Figure.TASK_HOURS, fleet.bill() / 3_600));
    timeline.runUntil(end);
    while (timeline.now() < end + PATIENCE && !jobs.stream().allMatch(Job::isFinished)) {
      timeline.runUntil(timeline.now() + 10 * MINUTE);
    }
    complete();
    var result = new Result(figures, decisions, samples);
    figures(result);
    return result;
  }

  private void send(int index) {
    if (index < jobs.size()) {
      Job job = jobs.get(index);
      timeline.at(
          job.sent,
          () -> {
            fleet.send(job);
            send(index + 1);
          });
    }
  }

  /** What the product reads and publishes, by its own classes. */
  private void tick() {
    if (timeline.now() <= end) {
      figures.merge(Figure.SEEN_AGE, fleet.oldestAge(), Math::max);
      figures.merge(Figure.SEEN_DEPTH, (double) fleet.waiting(), Math::max);
    }
    var read =
        Map.<Metric, Reading>of(
            Metric.QUEUE_DEPTH, new Reading.Known(fleet.waiting()),
            Metric.JOBS_IN_FLIGHT, new Reading.Known(fleet.inFlight()));
    var snapshot =
        new Snapshot(instant(timeline.now()), new Figures(read), List.of())
            .withWorkers(fleet.running(), fleet.desired());
    Instant stamp = snapshot.readAt();
    for (var datum : DATUMS.of(snapshot)) {
      stamp = policy.stampsRead() ? snapshot.readAt() : datum.timestamp();
      tracking.put(datum.metricName(), stamp, datum.value());
    }
    for (ScalingPolicy each : policy.scaling().policies()) {
      if (each instanceof ScalingPolicy.Tracking other && Policy.isPredefined(other)) {
        tracking.put(other.metric(), stamp, other.target()); // Neither above it nor low.
      }
    }
    timeline.in(MINUTE, this::tick);
  }

  private void evaluateNext() {
    Instant next = tracking.nextEvaluation(instant(timeline.now()));
    timeline.at(
        seconds(next),
        () -> {
          var service =
              new TargetTracking.Service(fleet.running(), fleet.desired(), fleet.deploying());
          for (Decision decision : tracking.evaluate(next, service)) {
            decisions.add(decision);
            if (decision.moves()) {
              fleet.desire(decision.to());
            }
          }
          evaluateNext();
        });
  }

  private void runningChanged() {
    tracking.running(instant(timeline.now()), fleet.running());
  }

  private void sample() {
    samples.add(
        new Sample(
            timeline.now(),
            fleet.waiting(),
            fleet.inFlight(),
            fleet.desired(),
            fleet.running(),
            fleet.oldestAge(),
            0,
            0,
            0,
            0));
    if (timeline.now() + MINUTE <= end) {
      timeline.in(MINUTE, this::sample);
    }
  }

  /** Adds to the samples what is known of the jobs only now. */
  private void complete() {
    double[] ideal = jobs.stream().mapToDouble(job -> job.sent + job.duration).sorted().toArray();
    int slots = policy.worker().slots();
    int sent = 0;
    int done = 0;
    for (int i = 0; i < samples.size(); i++) {
      Sample s = samples.get(i);
      while (done < ideal.length && ideal[done] <= s.at()) {
        done++;
      }
      int from = sent;
      var waits = new DoubleSummaryStatistics();
      for (; sent < jobs.size() && jobs.get(sent).sent < s.at() + MINUTE; sent++) {
        if (jobs.get(sent).isFinished()) {
          waits.accept(jobs.get(sent).waited());
        }
      }
      int needed = Math.max(policy.scaling().min(), Math.ceilDiv(from - done, slots));
      samples.set(
          i,
          new Sample(
              s.at(),
              s.waiting(),
              s.inFlight(),
              s.desired(),
              s.running(),
              s.oldest(),
              Math.max(1, needed),
              sent - from,
              waits.getAverage(),
              Math.max(0, waits.getMax())));
    }
  }

  private void figures(Result result) {
    double[] waits =
        jobs.stream().filter(Job::isFinished).mapToDouble(Job::waited).sorted().toArray();
    figures.put(Figure.WAIT_MEAN, Arrays.stream(waits).average().orElse(0));
    figures.put(Figure.WAIT_P95, percentile(waits, 0.95));
    figures.put(Figure.WAIT_P99, percentile(waits, 0.99));
    figures.put(Figure.WAIT_MAX, percentile(waits, 1));
    figures.put(Figure.KILLED, (double) fleet.killed());
    figures.put(Figure.STRANDED, (double) fleet.stranded());
    figures.put(Figure.WORKERS_PEAK, samples.stream().mapToDouble(Sample::running).max().orElse(0));
    figures.put(Figure.WORKERS_MEAN, mean(Sample::running));
    figures.put(Figure.MOVES, (double) result.moves().count());
    figures.put(Figure.UNDER, 100 * mean(s -> Math.max(0.0, s.needed - s.running) / s.needed));
    figures.put(Figure.OVER, 100 * mean(s -> Math.max(0.0, s.running - s.needed) / s.needed));
    figures.put(Figure.UNDER_TIME, 100 * mean(s -> s.running < s.needed ? 1 : 0));
    figures.put(Figure.OVER_TIME, 100 * mean(s -> s.running > s.needed ? 1 : 0));
    int against = 0;
    for (int i = 1; i < samples.size(); i++) {
      Sample a = samples.get(i - 1);
      Sample b = samples.get(i);
      boolean together =
          Integer.signum(b.running - a.running) == Integer.signum(b.needed - a.needed);
      against += together ? 0 : 1;
    }
    figures.put(Figure.INSTABILITY, 100.0 * against / Math.max(1, samples.size() - 1));
    if (load.surge().isPresent()) {
      double surge = load.surge().getAsDouble();
      result
          .moves()
          .filter(d -> d.to() > d.from() && seconds(d.at()) >= surge)
          .findFirst()
          .ifPresent(d -> figures.put(Figure.BURST_TO_REQUEST, seconds(d.at()) - surge));
      samples.stream()
          .filter(s -> s.at > surge && s.running >= s.needed)
          .findFirst()
          .ifPresent(s -> figures.put(Figure.BURST_TO_ENOUGH, s.at - surge));
    }
  }

  private double mean(ToDoubleFunction<Sample> value) {
    return samples.stream().mapToDouble(value).average().orElse(0);
  }

  private static double percentile(double[] sorted, double share) {
    return sorted.length == 0 ? 0 : sorted[(int) Math.ceil(share * sorted.length) - 1];
  }

  static Instant instant(double seconds) {
    return START.plusMillis(Math.round(seconds * 1_000));
  }

  static double seconds(Instant at) {
    return (at.toEpochMilli() - START.toEpochMilli()) / 1_000.0;
  }
}
