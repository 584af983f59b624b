package so.suna.queuemetrics.simulation;

import java.util.PriorityQueue;

/** Events in the order of their time, in seconds from the start; those of one time as they came. */
final class Timeline {

  private record Event(double at, long number, Runnable action) {}

  private final PriorityQueue<Event> events =
      new PriorityQueue<>(
          (a, b) -> a.at != b.at ? Double.compare(a.at, b.at) : Long.compare(a.number, b.number));
  private double now;
  private long number;

  double now() {
    return now;
  }

  void at(double time, Runnable action) {
    events.add(new Event(Math.max(now, time), number++, action));
  }

  void in(double seconds, Runnable action) {
    at(now + seconds, action);
  }

  /** Runs all events up to {@code end}, the ones that they make included. */
  void runUntil(double end) {
    for (Event next = events.peek(); next != null && next.at <= end; next = events.peek()) {
      events.remove();
      now = next.at;
      next.action.run();
    }
    now = Math.max(now, end);
  }
}
