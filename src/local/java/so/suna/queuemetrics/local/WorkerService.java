package so.suna.queuemetrics.local;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import so.suna.queuemetrics.scaling.Alarm;
import so.suna.queuemetrics.scaling.Assumptions;
import so.suna.queuemetrics.scaling.Decision;
import so.suna.queuemetrics.scaling.TargetTracking;
import so.suna.queuemetrics.template.Template;

/**
 * The ECS service of the workers with the policies that scale it. Its time is the policy's: a tick
 * is a minute, and whoever drives it calls {@link #advance} when an event is due. Safe for use by
 * several threads.
 */
final class WorkerService {

  static final Duration MINUTE = Duration.ofMinutes(1);

  // From the order to the first fetch. On Fargate 53 to 62 s were seen until RUNNING with an image
  // of 413 MB, and 2 to 3 s after that.
  private static final Duration START_UP = Duration.ofSeconds(62);
  // An evaluation never falls on a tick, so it is always clear which of the two came first.
  private static final Duration FIRST_ALARM = Duration.ofSeconds(10);
  private static final int KEPT_MINUTES = 60;

  private final TreeMap<Instant, Map<String, Double>> datums = new TreeMap<>();
  private final Deque<Instant> starting = new ArrayDeque<>();
  private Instant now = Instant.EPOCH;
  private Template.Scaling scaling;
  private TargetTracking tracking;
  private int running;
  private int desired;

  WorkerService(Template.Scaling scaling) {
    this.scaling = scaling;
    running = Math.max(1, scaling.min());
    desired = running;
    tracking = tracking();
  }

  private TargetTracking tracking() {
    return new TargetTracking(
        scaling.min(),
        scaling.max(),
        scaling.policies(),
        Assumptions.DEFAULT,
        FIRST_ALARM,
        running);
  }

  synchronized int running() {
    return running;
  }

  synchronized int desired() {
    return desired;
  }

  synchronized Template.Scaling scaling() {
    return scaling;
  }

  synchronized Map<String, Alarm.State> alarms() {
    return tracking.alarms();
  }

  /** Scales by other policies from now on. Their alarms begin with the datums that are there. */
  synchronized void scaleBy(Template.Scaling other) {
    scaling = other;
    tracking = tracking();
    datums.forEach(this::put);
  }

  /**
   * The next minute begins, with what CloudWatch received for the last one. All events until then
   * must have been done.
   */
  synchronized void tick(Map<String, Double> received) {
    Instant ended = now.truncatedTo(ChronoUnit.MINUTES);
    now = ended.plus(MINUTE);
    datums.put(ended, Map.copyOf(received));
    while (datums.size() > KEPT_MINUTES) {
      datums.pollFirstEntry();
    }
    put(ended, received);
  }

  private void put(Instant minute, Map<String, Double> values) {
    values.forEach((metric, value) -> tracking.put(metric, minute, value));
  }

  /** How long after the last tick the next event is due: a worker is ready, or an alarm's turn. */
  synchronized Duration next() {
    return Duration.between(now.truncatedTo(ChronoUnit.MINUTES), nextInstant());
  }

  private Instant nextInstant() {
    return Stream.concat(starting.stream(), Stream.of(tracking.nextEvaluation(now)))
        .min(Comparator.naturalOrder())
        .orElseThrow();
  }

  /** Lets time pass until the {@linkplain #next next event}, and gives what was decided then. */
  synchronized List<Decision> advance() {
    now = nextInstant();
    while (now.equals(starting.peek())) {
      starting.remove();
      running++;
    }
    tracking.running(now, running);
    List<Decision> decisions =
        tracking.evaluate(now, new TargetTracking.Service(running, desired, false));
    decisions.forEach(decision -> desire(decision.to()));
    return decisions;
  }

  private void desire(int tasks) {
    desired = tasks;
    while (running + starting.size() < desired) {
      starting.add(now.plus(START_UP));
    }
    while (running + starting.size() > desired && !starting.isEmpty()) {
      starting.removeLast();
    }
    running = Math.min(running, desired);
    tracking.running(now, running);
  }

  /** The service is a real one, which does not follow what is decided here. */
  synchronized void observe(int observedRunning, int observedDesired) {
    starting.clear();
    running = observedRunning;
    desired = observedDesired;
    tracking.running(now, running);
  }
}
