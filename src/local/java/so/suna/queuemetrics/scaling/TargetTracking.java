package so.suna.queuemetrics.scaling;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.IntStream;
import so.suna.queuemetrics.scaling.Decision.Reason;

/**
 * The scaling of one service: the alarms of its policies, and what Application Auto Scaling decides
 * when one is in ALARM. It reads no clock and calls nobody: whoever drives it gives it each datum,
 * each change of the running tasks, and the time of each evaluation, in the order of time.
 *
 * <p>An alarm is evaluated once a minute at a second of its own, on complete minutes only, and its
 * action repeats as long as it is in ALARM. Any policy scales out. A scale-in needs the agreement
 * of all policies with scale-in enabled, and the largest capacity wins. For one thread.
 */
public final class TargetTracking {

  private static final Duration MINUTE = Duration.ofMinutes(1);
  // Apart, as alarms are whose seconds nobody chose.
  private static final Duration BETWEEN_ALARMS = Duration.ofSeconds(23);

  private final int min;
  private final int max;
  private final Assumptions assumptions;
  private final List<Watch> watches = new ArrayList<>();
  private final Map<String, TreeMap<Instant, Mean>> datums = new HashMap<>();
  private Activity scaleIn = Activity.NONE;
  private Instant lastStart = Instant.MIN;
  private int running;

  /** The service as ECS describes it. */
  public record Service(int running, int desired, boolean deploying) {}

  private record Mean(double sum, int count) {
    Mean plus(double value) {
      return new Mean(sum + value, count + 1);
    }

    double value() {
      return sum / count;
    }
  }

  /** The last scaling activity of one kind, which is over when as many tasks run as it ordered. */
  private static final class Activity {
    static final Activity NONE = new Activity(Instant.MIN, 0, 0);
    final Instant from;
    final int before;
    final int ordered;
    Optional<Instant> over = Optional.empty();

    Activity(Instant from, int before, int ordered) {
      this.from = from;
      this.before = before;
      this.ordered = ordered;
    }

    boolean holds(Instant at, Duration cooldown) {
      return this != NONE && over.map(end -> at.isBefore(end.plus(cooldown))).orElse(true);
    }
  }

  private static final class Watch {
    final ScalingPolicy policy;
    final Alarm alarm;
    final boolean high;
    final Duration second;
    Alarm.State state = Alarm.State.INSUFFICIENT_DATA;
    Activity scaleOut = Activity.NONE;

    Watch(ScalingPolicy policy, Alarm alarm, boolean high, Duration second) {
      this.policy = policy;
      this.alarm = alarm;
      this.high = high;
      this.second = second;
    }
  }

  /**
   * @param second of the minute at which the first alarm is evaluated; the others follow at seconds
   *     of their own
   * @param running tasks that run at the beginning
   */
  public TargetTracking(
      int min,
      int max,
      List<ScalingPolicy> policies,
      Assumptions assumptions,
      Duration second,
      int running) {
    if (min < 0 || min > max) {
      throw new IllegalArgumentException(
          "min must be 0 to max, was %d with max %d".formatted(min, max));
    }
    this.min = min;
    this.max = max;
    this.assumptions = assumptions;
    this.running = running;
    for (ScalingPolicy policy : policies) {
      switch (policy) {
        case ScalingPolicy.Tracking tracking -> {
          watch(tracking, tracking.high(), true, second);
          if (tracking.scalesIn()) {
            watch(tracking, tracking.low(), false, second);
          }
        }
        case ScalingPolicy.Step step -> watch(step, step.alarm(), true, second);
      }
    }
  }

  private void watch(ScalingPolicy policy, Alarm alarm, boolean high, Duration second) {
    long millis = second.plus(BETWEEN_ALARMS.multipliedBy(watches.size())).toMillis();
    watches.add(new Watch(policy, alarm, high, Duration.ofMillis(millis % MINUTE.toMillis())));
  }

  /** A datum that has reached CloudWatch; those of one minute are averaged. */
  public void put(String metric, Instant timestamp, double value) {
    var minutes = datums.computeIfAbsent(metric, _ -> new TreeMap<>());
    minutes.merge(minuteOf(timestamp), new Mean(value, 1), (mean, _) -> mean.plus(value));
    while (minutes.size() > 60) {
      minutes.pollFirstEntry();
    }
  }

  /** The service has this many running tasks from now on. */
  public void running(Instant at, int tasks) {
    if (tasks > running) {
      lastStart = at;
    }
    running = tasks;
    for (Watch watch : watches) {
      end(watch.scaleOut, at, tasks >= watch.scaleOut.ordered);
    }
    end(scaleIn, at, tasks <= scaleIn.ordered);
  }

  private void end(Activity activity, Instant at, boolean fulfilled) {
    if (activity != Activity.NONE && activity.over.isEmpty() && fulfilled) {
      Instant earliest = activity.from.plus(assumptions.activity());
      activity.over = Optional.of(at.isBefore(earliest) ? earliest : at);
    }
  }

  /** When the next alarm is evaluated, after {@code at}. */
  public Instant nextEvaluation(Instant at) {
    return watches.stream()
        .map(
            watch -> {
              Instant due = minuteOf(at).plus(watch.second);
              return due.isAfter(at) ? due : due.plus(MINUTE);
            })
        .min(Instant::compareTo)
        .orElseThrow(() -> new IllegalStateException("a service without a policy is not scaled"));
  }

  /**
   * Evaluates the alarms that are due at this very instant, see {@link #nextEvaluation}, and
   * decides. A decision that moves is taken to be carried out.
   */
  public List<Decision> evaluate(Instant at, Service service) {
    var decisions = new ArrayList<Decision>();
    int desired = service.desired();
    for (Watch watch : watches) {
      if (!minuteOf(at).plus(watch.second).equals(at)) {
        continue;
      }
      var range = range(watch, at);
      watch.state = watch.alarm.evaluate(range, watch.state);
      if (watch.state == Alarm.State.ALARM) {
        var now = new Service(service.running(), desired, service.deploying());
        Decision decision = watch.high ? out(watch, at, range, now) : in(watch, at, now);
        decisions.add(decision);
        desired = decision.to();
      }
    }
    return decisions;
  }

  /** The state of each alarm, by the name of its policy and "high" or "low". */
  public Map<String, Alarm.State> alarms() {
    var states = new TreeMap<String, Alarm.State>();
    watches.forEach(
        watch -> states.put(watch.policy.name() + (watch.high ? " high" : " low"), watch.state));
    return states;
  }

  private Decision out(Watch watch, Instant at, List<OptionalDouble> range, Service service) {
    // What the last scale-out added within its cooldown is no capacity to multiply once more.
    int capacity =
        watch.scaleOut.holds(at, watch.policy.scaleOutCooldown())
            ? watch.scaleOut.before
            : capacity(watch.policy, service);
    int wanted = watch.policy.wanted(capacity, datapoint(watch.alarm, range));
    int ordered = Math.clamp(wanted, min, max);
    if (ordered <= service.desired()) {
      return stays(
          at,
          watch,
          service,
          wanted > service.desired()
              ? Reason.AlreadyAtMaxCapacity
              : Reason.AlreadyAtDesiredCapacity);
    }
    watch.scaleOut = new Activity(at, capacity, ordered);
    end(watch.scaleOut, at, running >= ordered);
    scaleIn = Activity.NONE; // Documented: a scale-out ends the cooldown of scale-in.
    var reason = watch.policy instanceof ScalingPolicy.Step ? Reason.StepAlarm : Reason.AlarmHigh;
    return new Decision(at, service.desired(), ordered, watch.policy.name(), reason);
  }

  private Decision in(Watch watch, Instant at, Service service) {
    int desired = service.desired();
    if (desired <= min) {
      return stays(at, watch, service, Reason.AlreadyAtMinCapacity);
    }
    if (service.deploying()) {
      return stays(at, watch, service, Reason.TargetServicePutResourceAsUnscalable);
    }
    if (wanted(watch, at, service) >= desired) {
      return stays(at, watch, service, Reason.AutoScalingAnticipatedFlapping);
    }
    var all = watches.stream().filter(other -> !other.high).toList();
    int wanted = all.stream().mapToInt(other -> wanted(other, at, service)).max().orElseThrow();
    if (wanted >= desired || all.stream().anyMatch(other -> other.state != Alarm.State.ALARM)) {
      return stays(at, watch, service, Reason.OtherPoliciesDisagree);
    }
    var tracking = (ScalingPolicy.Tracking) watch.policy;
    if (scaleIn.holds(at, tracking.scaleInCooldown())) {
      return stays(at, watch, service, Reason.ScaleInCooldown);
    }
    if (running < desired || at.isBefore(lastStart.plus(assumptions.settling()))) {
      return stays(at, watch, service, Reason.TasksSettling);
    }
    int atMost = Math.max(1, desired / assumptions.scaleInShare());
    int ordered = Math.max(min, Math.max(wanted, desired - atMost));
    scaleIn = new Activity(at, desired, ordered);
    end(scaleIn, at, running <= ordered);
    return new Decision(at, desired, ordered, watch.policy.name(), Reason.AlarmLow);
  }

  private static Decision stays(Instant at, Watch watch, Service service, Reason reason) {
    return new Decision(at, service.desired(), service.desired(), watch.policy.name(), reason);
  }

  private int wanted(Watch watch, Instant at, Service service) {
    return watch.policy.wanted(
        capacity(watch.policy, service), datapoint(watch.alarm, range(watch, at)));
  }

  private int capacity(ScalingPolicy policy, Service service) {
    return policy instanceof ScalingPolicy.Tracking
            && assumptions.capacity() == Assumptions.Capacity.RUNNING
        ? service.running()
        : service.desired();
  }

  private double datapoint(Alarm alarm, List<OptionalDouble> range) {
    double[] known =
        range.stream()
            .filter(OptionalDouble::isPresent)
            .mapToDouble(OptionalDouble::getAsDouble)
            .toArray();
    int count =
        assumptions.datapoint() == Assumptions.Datapoint.LATEST
            ? 1
            : Math.min(alarm.periods(), known.length);
    // Nothing known asks for no change in either direction.
    return Arrays.stream(known, Math.max(0, known.length - count), known.length)
        .average()
        .orElse(Double.NaN);
  }

  /** The minutes that were complete at {@code at}, as many as the alarm looks at, oldest first. */
  private List<OptionalDouble> range(Watch watch, Instant at) {
    var minutes = datums.getOrDefault(watch.policy.metric(), new TreeMap<>());
    Instant first = minuteOf(at).minusSeconds(60L * watch.alarm.evaluationRange());
    return IntStream.range(0, watch.alarm.evaluationRange())
        .mapToObj(i -> minutes.get(first.plusSeconds(60L * i)))
        .map(mean -> mean == null ? OptionalDouble.empty() : OptionalDouble.of(mean.value()))
        .toList();
  }

  private static Instant minuteOf(Instant at) {
    return at.truncatedTo(ChronoUnit.MINUTES);
  }
}
