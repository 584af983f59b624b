package so.suna.queuemetrics.local;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import so.suna.queuemetrics.PublishHandler;
import so.suna.queuemetrics.QueryHandler;

/**
 * The whole thing on one machine: {@code ./mvnw -q -Plocal}. The functions are the production
 * classes in processes of their own; Redis, its load, CloudWatch and ECS are here, unless {@code
 * REDIS_HOST} and {@code -Daws} name real ones.
 */
public final class LocalRun {

  /** Ends the run with one sentence instead of a stack trace. */
  private static final class StopException extends RuntimeException {
    StopException(String sentence) {
      super(sentence);
    }
  }

  private final Clock clock = Clock.system(ZoneId.systemDefault());
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final CountDownLatch stopped = new CountDownLatch(1);

  private LocalRun() {}

  public static void main(String[] args) throws InterruptedException {
    var run = new LocalRun();
    Runtime.getRuntime().addShutdownHook(new Thread(run::close));
    try {
      run.run(System.getenv(), number("tick", 1, 3_600), number("port", 1, 65_535), flag("aws"));
    } catch (RuntimeException e) {
      System.err.println(e instanceof StopException ? e.getMessage() : e.toString());
      System.exit(1);
    }
  }

  private void run(Map<String, String> given, int tickSeconds, int port, boolean realAws)
      throws InterruptedException {
    boolean ownRedis = given.getOrDefault("REDIS_HOST", "").isBlank();
    var environment = new HashMap<>(given);
    if (ownRedis) {
      environment.putAll(playRedis(given));
    }
    AwsReceiver aws = opened(AwsReceiver.start(DramatiqLoad.WORKERS));
    if (!realAws) {
      pointAt(aws, environment);
    }
    FunctionProcess query = start(QueryHandler.class, environment);
    FunctionProcess publish = start(PublishHandler.class, environment);
    checkThatRedisAnswers(query, given.getOrDefault("QUERY_TOKEN", ""));
    listen(port, query);
    System.out.printf(
        "Redis %s, CloudWatch and ECS %s, a tick every %d s, Ctrl-C ends it%n",
        ownRedis ? "of its own with a load being played" : environment.get("REDIS_HOST"),
        realAws ? "of the real account" : "received here",
        tickSeconds);
    System.out.printf(
        "curl %shttp://127.0.0.1:%d/api/metrics/queue%n%n%s%n",
        given.getOrDefault("QUERY_TOKEN", "").isBlank()
            ? ""
            : "-H \"Authorization: Bearer $QUERY_TOKEN\" ",
        port,
        TickTable.heading());
    do {
      tick(publish, aws, realAws);
    } while (!stopped.await(tickSeconds, TimeUnit.SECONDS));
  }

  private Map<String, String> playRedis(Map<String, String> given) {
    RedisServer redis = opened(RedisServer.start());
    String namespace = given.getOrDefault("DRAMATIQ_NAMESPACE", "dramatiq");
    String queue = given.getOrDefault("QUEUE_NAMES", "default").split(",", 2)[0].strip();
    opened(new DramatiqLoad(redis.client(), namespace, queue, clock)).start();
    var entrance = new HashMap<String, String>();
    // Whatever login the caller has set is for another Redis.
    List.of("REDIS_USER", "REDIS_PASSWORD", "REDIS_CACHE_NAME")
        .forEach(name -> entrance.put(name, ""));
    entrance.putAll(
        Map.of(
            "REDIS_HOST", "127.0.0.1",
            "REDIS_PORT", "" + redis.port(),
            "REDIS_TLS", "false",
            "REDIS_AUTHENTICATION", "none"));
    return entrance;
  }

  /** Nothing of the caller's AWS settings may lead to a real account. */
  private static void pointAt(AwsReceiver aws, Map<String, String> environment) {
    environment.keySet().removeIf(name -> name.startsWith("AWS_"));
    environment.putAll(
        Map.of(
            "AWS_ENDPOINT_URL", aws.endpoint().toString(),
            "AWS_REGION", "us-west-2",
            "AWS_ACCESS_KEY_ID", "local",
            "AWS_SECRET_ACCESS_KEY", "local",
            "AWS_CONFIG_FILE", "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE", "/dev/null",
            "AWS_EC2_METADATA_DISABLED", "true"));
    environment.putIfAbsent("ECS_CLUSTER", "suna-ecs");
    environment.putIfAbsent("ECS_WORKER_SERVICE", "suna-worker-svc");
  }

  private FunctionProcess start(Class<?> handler, Map<String, String> environment) {
    try {
      return opened(FunctionProcess.start(handler, environment));
    } catch (IllegalStateException e) {
      throw new StopException(sentence(String.valueOf(e.getMessage())));
    }
  }

  private static void checkThatRedisAnswers(FunctionProcess query, String token) {
    JsonObject event = FunctionUrl.event("GET", "/api/metrics/queue", "");
    event.getAsJsonObject("headers").addProperty("authorization", "Bearer " + token);
    FunctionProcess.Outcome outcome = query.invoke(event.toString());
    if (!outcome.succeeded() || !outcome.text().contains("\"statusCode\":200")) {
      throw new StopException(sentence(cause(outcome)));
    }
  }

  private static String cause(FunctionProcess.Outcome outcome) {
    if (outcome.logged().isEmpty()) {
      return outcome.text();
    }
    return JsonParser.parseString(outcome.logged().getFirst())
        .getAsJsonObject()
        .get("cause")
        .getAsString();
  }

  /** The outermost exception's message, without its class and what caused it. */
  private static String sentence(String causes) {
    return causes.replaceFirst(", caused by .*", "").replaceFirst("^[A-Za-z.]+Exception: ", "");
  }

  private void listen(int port, FunctionProcess query) {
    try {
      opened(new FunctionUrl(port, query));
    } catch (IOException e) {
      throw new StopException(
          "127.0.0.1:%d (-Dport) cannot be listened on: %s".formatted(port, e.getMessage()));
    }
  }

  private void tick(FunctionProcess publish, AwsReceiver aws, boolean realAws) {
    int before = aws.datums().size();
    FunctionProcess.Outcome outcome = publish.invoke(scheduledEvent(clock.instant()));
    if (stopped.getCount() == 0) {
      return;
    }
    if (outcome.logged().isEmpty()) {
      throw new StopException("the tick logged nothing: " + outcome.text());
    }
    JsonObject line = JsonParser.parseString(outcome.logged().getLast()).getAsJsonObject();
    boolean taken = realAws && line.get("published").getAsBoolean();
    int published = taken ? line.get("datums").getAsInt() : aws.datums().size() - before;
    System.out.println(TickTable.line(LocalTime.now(clock), line, published));
    JsonArray problems = line.getAsJsonArray("problems");
    problems.forEach(problem -> System.out.println("          ! " + problem.getAsString()));
    JsonArray notices = line.getAsJsonArray("notices");
    notices.forEach(notice -> System.out.println("          i " + notice.getAsString()));
  }

  private static String scheduledEvent(Instant at) {
    return """
        {"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event",\
        "source":"aws.events","account":"000000000000","time":"%s","region":"us-west-2",\
        "resources":["arn:aws:events:us-west-2:000000000000:rule/local"],"detail":{}}"""
        .formatted(at);
  }

  /** Closes in the order opposite to that of opening. */
  private synchronized void close() {
    stopped.countDown();
    while (!open.isEmpty()) {
      try {
        open.pop().close();
      } catch (Exception e) {
        System.err.println("not closed: " + e);
      }
    }
  }

  private synchronized <T extends AutoCloseable> T opened(T part) {
    open.push(part);
    if (stopped.getCount() == 0) {
      close();
    }
    return part;
  }

  private static int number(String name, int least, int most) {
    String value = System.getProperty(name, "");
    if (!value.matches("[0-9]{1,5}")
        || Integer.parseInt(value) < least
        || Integer.parseInt(value) > most) {
      throw new StopException("-D%s must be %d to %d, was %s".formatted(name, least, most, value));
    }
    return Integer.parseInt(value);
  }

  private static boolean flag(String name) {
    String value = System.getProperty(name, "");
    if (!value.isEmpty() && !value.equals("true") && !value.equals("false")) {
      throw new StopException("-D%s must be true or false, was %s".formatted(name, value));
    }
    return value.equals("true");
  }
}
