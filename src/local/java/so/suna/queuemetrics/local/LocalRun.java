package so.suna.queuemetrics.local;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import so.suna.queuemetrics.PublishHandler;
import so.suna.queuemetrics.QueryHandler;
import so.suna.queuemetrics.simulation.PageResource;
import so.suna.queuemetrics.template.Template;

/**
 * The whole thing on one machine: {@code ./mvnw -q -Plocal}. The functions are the production
 * classes in processes of their own; Redis, its load, CloudWatch, ECS and its scaling are here,
 * unless {@code REDIS_HOST} and {@code -Daws} name real ones. A tick stands for a minute of the
 * scaling policy.
 */
public final class LocalRun {

  /** Values of QueueScalingMetric in template.yaml; the run begins with the first. */
  private static final List<String> POLICIES = List.of("BacklogPerWorker", "QueueDepth");

  private final Clock clock = Clock.system(ZoneId.systemDefault());
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final CountDownLatch stopped = new CountDownLatch(1);

  private LocalRun() {}

  public static void main(String[] args) throws InterruptedException {
    var maven = Maven.ofThisRun();
    var run = new LocalRun();
    Runtime.getRuntime().addShutdownHook(new Thread(run::close));
    maven.whenEnded(() -> System.exit(1));
    try {
      run.run(System.getenv(), number("tick", 1, 3_600), number("port", 1, 65_535), flag("aws"));
    } catch (RuntimeException e) {
      System.err.println(e instanceof StopException ? e.getMessage() : e.toString());
      maven.end();
      System.exit(1);
    }
  }

  private void run(Map<String, String> given, int tickSeconds, int port, boolean realAws)
      throws InterruptedException {
    var tick = Duration.ofSeconds(tickSeconds);
    var service = new WorkerService(scaling(POLICIES.getFirst()));
    Optional<OwnRedis> redis =
        given.getOrDefault("REDIS_HOST", "").isBlank()
            ? Optional.of(opened(new OwnRedis()))
            : Optional.empty();
    Optional<DramatiqLoad> load = redis.map(own -> opened(load(own, given, tick)));
    load.ifPresent(played -> played.start(service.running()));
    AwsReceiver aws = opened(AwsReceiver.start(service.running()));
    aws.answer(call -> AwsReceiver.usual(call, service.running(), service.desired()));

    var environment = new HashMap<>(given);
    redis.ifPresent(own -> pointAt(own, environment));
    if (!realAws) {
      pointAt(aws, environment);
    }
    FunctionProcess query = start(QueryHandler.class, environment);
    FunctionProcess publish = start(PublishHandler.class, environment);
    checkThatRedisAnswers(query, given.getOrDefault("QUERY_TOKEN", ""));

    String redisSaid = redis.isPresent() ? "of its own" : environment.get("REDIS_HOST") + "";
    String awsSaid = realAws ? "of the real account" : "received here";
    var dashboard =
        new Dashboard(about(tickSeconds, redisSaid, awsSaid, load.isPresent(), realAws), service);
    var updates = new Updates();
    Runnable show =
        () -> updates.publish(dashboard.json(redis.map(own -> !own.isRunning()).orElse(false)));
    show.run();
    listen(port, updates, actions(service, load, show), query);
    System.out.printf(
        "Redis %s, CloudWatch and ECS %s, a tick every %d s, Ctrl-C ends it%n",
        redis.isPresent() ? redisSaid + " with a load being played" : redisSaid,
        awsSaid,
        tickSeconds);
    System.out.printf(
        "http://127.0.0.1:%d/ shows it scale; curl %shttp://127.0.0.1:%d/api/metrics/queue%n%n%s%n",
        port,
        given.getOrDefault("QUERY_TOKEN", "").isBlank()
            ? ""
            : "-H \"Authorization: Bearer $QUERY_TOKEN\" ",
        port,
        TickTable.heading());
    new Ticks(tick, publish, aws, realAws, service, load, dashboard, show, clock).run(stopped);
  }

  /** What template.yaml deploys for the workers. Here nobody has a CPU or memory to follow. */
  private static Template.Scaling scaling(String metric) {
    return new Template(Path.of("template.yaml"))
        .with(Map.of("QueueScalingMetric", metric), true)
        .workers()
        .without(policy -> !policy.metric().startsWith("Dramatiq"));
  }

  private DramatiqLoad load(OwnRedis redis, Map<String, String> given, Duration tick) {
    String namespace = given.getOrDefault("DRAMATIQ_NAMESPACE", "dramatiq");
    String queue = given.getOrDefault("QUEUE_NAMES", "default").split(",", 2)[0].strip();
    return new DramatiqLoad(redis, namespace, queue, clock, tick);
  }

  private static JsonObject about(
      int tickSeconds, String redis, String aws, boolean plays, boolean realAws) {
    var about = new JsonObject();
    about.addProperty("tickSeconds", tickSeconds);
    about.addProperty("redis", redis);
    about.addProperty("aws", aws);
    about.addProperty("plays", plays);
    about.addProperty("realAws", realAws);
    about.addProperty("scales", plays && !realAws);
    var policies = new JsonArray();
    POLICIES.forEach(policies::add);
    about.add("policies", policies);
    return about;
  }

  /** A Redis of somebody's own is only looked at. */
  private static Map<String, Runnable> actions(
      WorkerService service, Optional<DramatiqLoad> load, Runnable show) {
    var actions = new HashMap<String, Runnable>();
    for (String metric : POLICIES) {
      Template.Scaling scaling = scaling(metric);
      actions.put("policy-" + metric, () -> service.scaleBy(scaling));
    }
    load.ifPresent(
        played -> {
          actions.put("burst", played::burst);
          actions.put("long-jobs", played::longJobs);
          actions.put("failing-actor", played::failingActor);
          actions.put("stop-redis", played::stopRedis);
          actions.put("start-redis", played::startRedis);
        });
    actions.replaceAll(
        (_, action) ->
            () -> {
              action.run();
              show.run();
            });
    return actions;
  }

  private static void pointAt(OwnRedis redis, Map<String, String> environment) {
    // Whatever login the caller has set is for another Redis.
    List.of("REDIS_USER", "REDIS_PASSWORD", "REDIS_CACHE_NAME")
        .forEach(name -> environment.put(name, ""));
    environment.putAll(
        Map.of(
            "REDIS_HOST", "127.0.0.1",
            "REDIS_PORT", "" + redis.port(),
            "REDIS_TLS", "false",
            "REDIS_AUTHENTICATION", "none"));
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

  private void listen(
      int port, Updates updates, Map<String, Runnable> actions, FunctionProcess query) {
    String page = PageResource.read(LocalRun.class, "local.html");
    try {
      opened(new LocalServer(port, page, updates, actions, new FunctionUrl(query)));
    } catch (IOException e) {
      throw new StopException(
          "127.0.0.1:%d (-Dport) cannot be listened on: %s".formatted(port, e.getMessage()));
    }
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
