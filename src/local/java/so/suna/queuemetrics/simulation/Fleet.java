package so.suna.queuemetrics.simulation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/**
 * The tasks of one ECS service that run Dramatiq 1.18.0 on a Redis broker, and the messages between
 * the queue and the threads: what a process fetches ahead waits for that process alone.
 */
final class Fleet {

  // brokers/redis.py: heartbeat_timeout, and maintenance in 1,000 of 1,000,000 commands.
  private static final double HEARTBEAT_TIMEOUT = 60;
  private static final double COMMANDS_PER_MAINTENANCE = 1_000;
  // common.py, compute_backoff: from 5 ms on, doubled at each miss, between half and all of it.
  private static final double FIRST_BACKOFF = 0.005;
  private static final int LONGEST_BACKOFF = 32;
  // What protects a task goes on for a few idle seconds, so as not to flap.
  private static final double IDLE_BEFORE_UNPROTECTED = 5;

  private final Timeline timeline;
  private final Worker worker;
  private final SplittableRandom random;
  private final Runnable runningChanged;

  private final ArrayDeque<Job> waiting = new ArrayDeque<>();
  private final List<Task> tasks = new ArrayList<>();
  private int desired;
  private int revision;
  private int running;
  private int inFlight;
  private long killed;
  private long stranded;
  private double taskSeconds;
  private boolean billed;
  private long fetch;

  private final class Task {
    final double ordered = timeline.now();
    final int revision = Fleet.this.revision;
    final List<WorkerProcess> processes = new ArrayList<>();
    boolean isRunning;
    boolean stopping;

    boolean works() {
      return processes.stream().anyMatch(process -> !process.jobs.isEmpty());
    }
  }

  private final class WorkerProcess {
    final Task task;
    final List<Job> jobs = new ArrayList<>();
    final ArrayDeque<Job> ahead = new ArrayDeque<>();
    private double nextPoll = timeline.now();
    private int misses;

    WorkerProcess(Task task) {
      this.task = task;
    }

    boolean mayFetch() {
      return !task.stopping && jobs.size() + ahead.size() < worker.prefetch();
    }

    /** The next time at which it asks the broker, whether that has been useful until now or not. */
    double nextPoll() {
      double now = timeline.now();
      if (worker.idlePoll() == 0) {
        return now;
      }
      if (now - nextPoll > 3 * worker.idlePoll()) {
        // Long idle: the rest of a pause that is drawn from half to all of the longest.
        double rest =
            random.nextInt(3) < 2
                ? 0.5 * random.nextDouble()
                : 1 - 0.5 * Math.sqrt(random.nextDouble());
        nextPoll = now + rest * worker.idlePoll();
        misses = LONGEST_BACKOFF;
      }
      while (nextPoll < now) {
        nextPoll += backoff();
      }
      return nextPoll;
    }

    private double backoff() {
      double longest =
          Math.min(
              worker.idlePoll(),
              FIRST_BACKOFF * Math.scalb(1.0, Math.min(misses++, LONGEST_BACKOFF)));
      return longest / 2 * (1 + random.nextDouble());
    }

    void fetch() {
      for (int room = worker.prefetch() - jobs.size() - ahead.size();
          room > 0 && !waiting.isEmpty();
          room--) {
        ahead.add(waiting.remove());
        inFlight++;
      }
      misses = 0;
      nextPoll = timeline.now();
      if (worker.idlePoll() > 0) {
        nextPoll += backoff();
      }
      work();
    }

    void work() {
      while (jobs.size() < worker.threads() && !ahead.isEmpty()) {
        Job job = ahead.remove();
        jobs.add(job);
        int run = job.run;
        timeline.in(job.duration, () -> finish(job, run));
      }
    }

    void finish(Job job, int run) {
      if (job.run != run) {
        return;
      }
      jobs.remove(job);
      job.finished = timeline.now();
      inFlight--;
      if (task.stopping) {
        leaveIfIdle();
        return;
      }
      work();
      scheduleFetch();
      if (worker.protection() && jobs.isEmpty()) {
        timeline.in(IDLE_BEFORE_UNPROTECTED, Fleet.this::adjust);
      }
    }

    /** After SIGTERM: what runs is finished, and only then what was fetched ahead is given back. */
    void leaveIfIdle() {
      if (!jobs.isEmpty() || !task.processes.remove(this)) {
        return;
      }
      giveBack(ahead);
      if (task.processes.isEmpty()) {
        end(task);
      }
    }
  }

  Fleet(Timeline timeline, Worker worker, SplittableRandom random, Runnable runningChanged) {
    this.timeline = timeline;
    this.worker = worker;
    this.random = random;
    this.runningChanged = runningChanged;
  }

  /** Tasks that run from now on, without a start. */
  void begin(int count) {
    desired = count;
    for (int i = 0; i < count; i++) {
      Task task = new Task();
      tasks.add(task);
      task.isRunning = true;
      running++;
      startFetching(task);
    }
  }

  void send(Job job) {
    waiting.add(job);
    if (waiting.size() == 1) { // Else a fetch is scheduled, or nobody may fetch.
      scheduleFetch();
    }
  }

  /** Sets the desired count; ECS starts or stops tasks until it is reached. */
  void desire(int count) {
    desired = count;
    adjust();
  }

  /**
   * A rolling deployment within ECS's limits of 50 and 200 %: as many new tasks as desired start at
   * once, and each that runs lets an old one stop.
   */
  void deploy() {
    revision++;
    adjust();
  }

  boolean deploying() {
    return tasks.stream().anyMatch(task -> !task.stopping && task.revision < revision);
  }

  int desired() {
    return desired;
  }

  /** Tasks that ECS counts as running. */
  int running() {
    return running;
  }

  int waiting() {
    return waiting.size();
  }

  /** Messages fetched and not acknowledged, those of killed processes included. */
  int inFlight() {
    return inFlight;
  }

  /** Age of the older one of the two ends of the list, in seconds, as the product reads it. */
  double oldestAge() {
    return waiting.isEmpty()
        ? 0
        : timeline.now() - Math.min(waiting.getFirst().sent, waiting.getLast().sent);
  }

  /** Runs lost to SIGKILL. */
  long killed() {
    return killed;
  }

  /** Messages that a killed process had fetched ahead. */
  long stranded() {
    return stranded;
  }

  /** Task-seconds until now; later ones are not billed. */
  double bill() {
    billed = true;
    tasks.forEach(task -> taskSeconds += timeline.now() - task.ordered);
    return taskSeconds;
  }

  private void adjust() {
    var current = active(task -> task.revision == revision);
    for (int missing = desired - current.size(); missing > 0; missing--) {
      order();
    }
    stop(current, current.size() - desired);
    var old = active(task -> task.revision < revision);
    long replaced = current.stream().filter(task -> task.isRunning && !task.stopping).count();
    stop(old, old.size() + replaced - desired);
  }

  private List<Task> active(Predicate<Task> which) {
    return tasks.stream().filter(task -> !task.stopping).filter(which).toList();
  }

  private void stop(List<Task> active, long surplus) {
    for (long left = surplus; left > 0; left--) {
      // Those that do not run yet first; which of the others is not documented for Fargate.
      var candidates = active.stream().filter(t -> !t.stopping && !t.isRunning).toList();
      if (candidates.isEmpty()) {
        candidates =
            active.stream()
                .filter(t -> !t.stopping && (!worker.protection() || !t.works()))
                .toList();
      }
      if (candidates.isEmpty()) {
        return; // All are protected: tried again once one is idle.
      }
      stop(candidates.get(random.nextInt(candidates.size())));
    }
  }

  private void order() {
    Task task = new Task();
    tasks.add(task);
    timeline.in(
        worker.toRunning().draw(random),
        () -> {
          if (!task.stopping) {
            task.isRunning = true;
            running++;
            runningChanged.run();
            timeline.in(worker.toFetching().draw(random), () -> startFetching(task));
            adjust();
          }
        });
  }

  private void startFetching(Task task) {
    if (!task.stopping) {
      for (int i = 0; i < worker.processes(); i++) {
        task.processes.add(new WorkerProcess(task));
      }
      scheduleFetch();
    }
  }

  private void stop(Task task) {
    task.stopping = true;
    if (task.isRunning) {
      running--;
      runningChanged.run();
    }
    if (task.processes.isEmpty()) {
      end(task);
      return;
    }
    List.copyOf(task.processes).forEach(WorkerProcess::leaveIfIdle);
    timeline.in(worker.stopTimeout(), () -> kill(task));
  }

  private void kill(Task task) {
    if (task.processes.isEmpty()) {
      return;
    }
    var lost = new ArrayDeque<Job>();
    for (WorkerProcess process : task.processes) {
      killed += process.jobs.size();
      stranded += process.ahead.size();
      process.jobs.forEach(job -> job.run++);
      lost.addAll(process.jobs);
      lost.addAll(process.ahead);
    }
    task.processes.clear();
    end(task);
    redeliver(lost);
  }

  /** Some living process's maintenance finds the heartbeat missing and puts the messages back. */
  private void redeliver(ArrayDeque<Job> lost) {
    double pause = Math.max(0.75 * worker.idlePoll(), FIRST_BACKOFF);
    double commandsPerSecond = Math.max(1, running) * worker.processes() / pause;
    timeline.in(
        HEARTBEAT_TIMEOUT + random.nextExponential() * COMMANDS_PER_MAINTENANCE / commandsPerSecond,
        () -> giveBack(lost));
  }

  private void giveBack(ArrayDeque<Job> jobs) {
    inFlight -= jobs.size();
    waiting.addAll(jobs);
    jobs.clear();
    scheduleFetch();
  }

  private void end(Task task) {
    tasks.remove(task);
    taskSeconds += billed ? 0 : timeline.now() - task.ordered;
  }

  /** One event for the process that asks first; it is renewed whenever that may be another one. */
  private void scheduleFetch() {
    if (waiting.isEmpty()) {
      return;
    }
    WorkerProcess first = null;
    double earliest = Double.POSITIVE_INFINITY;
    int equal = 0;
    for (Task task : tasks) {
      for (WorkerProcess process : task.processes) {
        if (process.mayFetch()) {
          double at = process.nextPoll();
          equal = at < earliest ? 1 : at == earliest ? equal + 1 : equal;
          if (at < earliest || (at == earliest && random.nextInt(equal) == 0)) {
            first = process;
            earliest = at;
          }
        }
      }
    }
    if (first != null) {
      WorkerProcess process = first;
      long number = ++fetch;
      timeline.at(
          earliest,
          () -> {
            if (number == fetch) {
              if (process.mayFetch() && !waiting.isEmpty()) {
                process.fetch();
              }
              scheduleFetch();
            }
          });
    }
  }
}
