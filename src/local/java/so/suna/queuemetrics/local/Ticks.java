package so.suna.queuemetrics.local;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import so.suna.queuemetrics.dramatiq.Metric;

/**
 * Invokes the publisher at each tick, gives what it published to the service's policies, and has
 * the load played by as many workers as they want. Prints a line for each tick.
 *
 * @param load empty: nobody follows the decisions, since the Redis is somebody's own
 * @param realAws datums go to the real CloudWatch, and the real ECS tells the workers
 * @param show called when there is something new to see
 */
record Ticks(
    Duration tick,
    FunctionProcess publisher,
    AwsReceiver aws,
    boolean realAws,
    WorkerService service,
    Optional<DramatiqLoad> load,
    Dashboard dashboard,
    Runnable show,
    Clock clock) {

  /** Until stopped, a tick every so often, and what falls due between two of them in its time. */
  void run(CountDownLatch stopped) throws InterruptedException {
    long due = System.nanoTime();
    while (!isStopped(stopped, due)) {
      tick(stopped);
      while (service.next().compareTo(WorkerService.MINUTE) < 0) {
        if (isStopped(stopped, due + here(service.next()).toNanos())) {
          return;
        }
        dashboard.decided(service.advance());
        load.ifPresent(played -> played.workers(service.running()));
        show.run();
      }
      due = Math.max(due + tick.toNanos(), System.nanoTime());
    }
  }

  private static boolean isStopped(CountDownLatch stopped, long nanoTime)
      throws InterruptedException {
    return stopped.await(nanoTime - System.nanoTime(), TimeUnit.NANOSECONDS);
  }

  /** How long here a time of the policy takes. */
  private Duration here(Duration policyTime) {
    return policyTime.multipliedBy(tick.toSeconds()).dividedBy(60);
  }

  private void tick(CountDownLatch stopped) {
    FunctionProcess.Outcome outcome = publisher.invoke(scheduledEvent(clock.instant()));
    if (stopped.getCount() == 0) {
      return;
    }
    if (outcome.logged().isEmpty()) {
      throw new StopException("the tick logged nothing: " + outcome.text());
    }
    JsonObject line = JsonParser.parseString(outcome.logged().getLast()).getAsJsonObject();
    List<JsonNode> received = aws.takeDatums();
    int published = received.size();
    if (realAws) {
      boolean taken = line.get("published").getAsBoolean();
      published = taken ? line.get("datums").getAsInt() : 0;
      observeWorkers(line);
      service.tick(taken ? figures(line) : Map.of());
    } else {
      service.tick(totals(received));
    }
    LocalTime now = LocalTime.now(clock);
    dashboard.ticked(now, line, published);
    System.out.println(TickTable.line(now, line, published, dashboard.lastMove()));
    print(" ! ", line.getAsJsonArray("problems"));
    print(" i ", line.getAsJsonArray("notices"));
    show.run();
  }

  private static void print(String sign, JsonArray sentences) {
    sentences.forEach(sentence -> System.out.println("         " + sign + sentence.getAsString()));
  }

  private void observeWorkers(JsonObject line) {
    Map<String, Double> figures = figures(line);
    Double running = figures.get(Metric.RUNNING_WORKERS.metricName());
    Double desired = figures.get(Metric.DESIRED_WORKERS.metricName());
    if (running != null && desired != null) {
      service.observe(running.intValue(), desired.intValue());
    }
  }

  /** What the line tells by the metrics' names, without what is unknown. */
  private static Map<String, Double> figures(JsonObject line) {
    var figures = new HashMap<String, Double>();
    for (Metric metric : Metric.values()) {
      var value = line.get(metric.metricName());
      if (!value.isJsonNull()) {
        figures.put(metric.metricName(), value.getAsDouble());
      }
    }
    return figures;
  }

  /** The datums that policies follow: of all queues together, which have the service alone. */
  private static Map<String, Double> totals(List<JsonNode> datums) {
    var totals = new HashMap<String, Double>();
    for (JsonNode datum : datums) {
      if (datum.path("Dimensions").size() == 1) {
        totals.put(datum.path("MetricName").asText(), datum.path("Value").asDouble());
      }
    }
    return totals;
  }

  private static String scheduledEvent(Instant at) {
    return """
    {"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event",\
    "source":"aws.events","account":"000000000000","time":"%s","region":"us-west-2",\
    "resources":["arn:aws:events:us-west-2:000000000000:rule/local"],"detail":{}}\
    """
        .formatted(at);
  }
}
