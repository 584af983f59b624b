package so.suna.queuemetrics;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import redis.clients.jedis.Jedis;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.LocalContext;
import so.suna.queuemetrics.local.RedisMonitor;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/** The whole tick, against a real Redis and what the SDK really sends. */
class PublishHandlerIT {

  private static final List<String> ALL =
      List.of(
          "DramatiqQueueDepth",
          "DramatiqJobsInFlight",
          "DramatiqJobsDelayed",
          "DramatiqDeadLetters",
          "DramatiqNewDeadLetters",
          "DramatiqOldestJobAge",
          "DramatiqActiveBrokers",
          "DramatiqRunningWorkers",
          "DramatiqBacklogPerWorker");

  private static final List<String> LEAST_ACL = leastAclOfTheReadme("+eval_ro");

  private static final Map<String, String> SDK =
      Map.of(
          "aws.region", "us-west-2",
          "aws.accessKeyId", "AKIDEXAMPLE",
          "aws.secretAccessKey", "not-a-secret-key");

  private RedisServer redis = RedisServer.start();
  private final AwsReceiver aws = AwsReceiver.start(3);
  private final LocalContext context = new LocalContext();
  private final Map<String, String> environment =
      new HashMap<>(
          Map.of(
              "REDIS_HOST", "127.0.0.1",
              "REDIS_PORT", "" + redis.port(),
              "REDIS_TLS", "false",
              "ECS_CLUSTER", "suna-ecs",
              "ECS_WORKER_SERVICE", "suna-worker-svc"));

  @BeforeEach
  void pointTheSdkAtTheReceiver() {
    System.setProperty("aws.endpointUrl", aws.endpoint().toString());
    SDK.forEach(System::setProperty);
  }

  @AfterEach
  void stop() {
    System.clearProperty("aws.endpointUrl");
    SDK.keySet().forEach(System::clearProperty);
    aws.close();
    redis.close();
  }

  private void tick() {
    tick(handler());
  }

  private void tick(PublishHandler handler) {
    try {
      handler.handleRequest(
          InputStream.nullInputStream(), OutputStream.nullOutputStream(), context);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private PublishHandler handler() {
    return new PublishHandler(environment);
  }

  private String redisName() {
    return "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT)".formatted(redis.port());
  }

  private List<String> publishedMetrics() {
    return aws.datums().stream().map(datum -> datum.path("MetricName").asText()).toList();
  }

  private double published(String metric) {
    return aws.datums().stream()
        .filter(datum -> datum.path("MetricName").asText().equals(metric))
        .map(datum -> datum.path("Value").asDouble())
        .findFirst()
        .orElseThrow();
  }

  /**
   * Messages as Dramatiq keeps them: an id in the list, a payload in the hash; 2,000 a script,
   * since Lua unpacks no more than 8,000 values.
   */
  private void fill(String queue, int messages) {
    try (Jedis client = redis.client()) {
      for (int first = 1; first <= messages; first += 2_000) {
        client.eval(
            """
            local ids, payloads = {}, {}
            for id = ARGV[1], ARGV[2] do
              ids[#ids + 1] = id
              payloads[2 * #ids - 1], payloads[2 * #ids] = id, '{"message_timestamp":1767268800000}'
            end
            redis.call('RPUSH', KEYS[1], unpack(ids))
            redis.call('HSET', KEYS[2], unpack(payloads))""",
            List.of("dramatiq:" + queue, "dramatiq:" + queue + ".msgs"),
            List.of("" + first, "" + Math.min(messages, first + 1_999)));
      }
    }
  }

  private void command(Consumer<Jedis> command) {
    try (Jedis client = redis.client()) {
      command.accept(client);
    }
  }

  /** The README's own line, so that it is proved as it stands there. */
  private static List<String> leastAclOfTheReadme(String right) {
    try (Stream<String> lines = Files.lines(Path.of("README.md"))) {
      return lines
          .filter(
              line -> line.startsWith("ACL SETUSER queue-metrics ") && line.contains(right + " "))
          .map(line -> line.replace(">PASSWORD", ">correct-horse").split(" "))
          .map(words -> List.of(words).subList(3, words.length))
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void loginAs(List<String> rules) {
    command(client -> client.aclSetUser("publisher", rules.toArray(String[]::new)));
    environment.put("REDIS_AUTHENTICATION", "password");
    environment.put("REDIS_USER", "publisher");
    environment.put("REDIS_PASSWORD", "correct-horse");
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 1_000_000})
  void tickAsksEachServerOnceWhateverTheBacklog(int messages) {
    fill("default", messages);
    RedisMonitor.Heard heard = RedisMonitor.hear(redis, this::tick);
    assertThat(heard.sent()).containsExactly("EVAL_RO");
    assertThat(heard.inScripts())
        .containsExactly(
            "ZCOUNT", "LLEN", "ZCARD", "LINDEX", "LINDEX", "HGET", "HLEN", "HLEN", "HGET");
    assertThat(aws.calls("PutMetricData")).hasSize(1);
    assertThat(aws.calls("DescribeServices")).hasSize(1);
    assertThat(aws.calls()).hasSize(2);
    assertThat(published("DramatiqQueueDepth")).isEqualTo(messages);
  }

  @Test
  void rehearsalGoesThroughAWholeTickAndReachesNobody() {
    environment.put("QUEUE_NAMES", "default,mail");

    assertThat(RedisMonitor.hear(redis, this::rehearse).sent()).isEmpty();
    assertThat(aws.calls()).isEmpty();
    assertThat(context.logged()).isEmpty();
  }

  private void rehearse() {
    PublishHandler.rehearse(environment, context::log);
  }

  @Test
  void rehearsalThatFailsIsLoggedInOneLineAndDoesNotKeepTheFunctionFromStarting() {
    System.setProperty("aws.endpointUrl", "");

    rehearse();

    String cause =
        "workers of service suna-worker-svc in cluster suna-ecs (ECS_WORKER_SERVICE, ECS_CLUSTER) not counted:"
            + " the address of ECS (AWS_ENDPOINT_URL_ECS, AWS_ENDPOINT_URL) must be http:// or https:// and a host,"
            + " was \"\": protocol must not be null.;"
            + " 7 datums not published to namespace Kortix (METRIC_NAMESPACE): Unable to marshall request to JSON: protocol must not be null.";
    var line = new JsonObject();
    line.addProperty("event", "rehearsal failed");
    line.addProperty("cause", cause);
    assertThat(context.logged()).containsExactly(line.toString());
  }

  @Test
  void silenceOfRedisAndEcsLeavesTimeToSayWhatIsMissing() {
    var handler = handler();
    tick(handler);
    var silence = new CountDownLatch(1);
    aws.answer(
        call -> {
          awaitUninterruptibly(silence);
          return AwsReceiver.usual(call, 3);
        });
    redis.hang();
    try {
      // Lambda ends the tick after 20 s; two reads of 2 s, and one call of 7 s.
      assertTimeout(
          Duration.ofSeconds(15),
          () ->
              assertThatThrownBy(() -> tick(handler))
                  .isInstanceOf(TickFailedException.class)
                  .hasMessageStartingWith(
                      redisName() + " gave no answer within 2 s; workers of service"));
    } finally {
      redis.goOn();
      silence.countDown();
    }
    assertThat(context.logged()).hasSize(2);
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void nextTickSendsNothingMoreOnTheKeptConnection() {
    var handler = handler();
    tick(handler);
    assertThat(RedisMonitor.hear(redis, () -> tick(handler)).sent()).containsExactly("EVAL_RO");
  }

  @ParameterizedTest
  @CsvSource({"100, 1", "101, 2"})
  void hundredQueuesShareOneCommand(int queues, int commands) {
    List<String> names = IntStream.rangeClosed(1, queues).mapToObj(i -> "q" + i).toList();
    environment.put("QUEUE_NAMES", String.join(",", names));
    fill(names.getFirst(), 2);
    fill(names.getLast(), 3);
    assertThat(RedisMonitor.hear(redis, this::tick).sent())
        .hasSize(commands)
        .containsOnly("EVAL_RO");
    assertThat(aws.calls("PutMetricData")).hasSize(1);
    assertThat(published("DramatiqQueueDepth")).isEqualTo(5);
  }

  @Test
  void settingsReachCloudWatchAndEcs() {
    environment.put("DRAMATIQ_NAMESPACE", "other");
    environment.put("METRIC_NAMESPACE", "Suna");
    environment.put("SERVICE_NAME", "crawler");
    environment.put("PER_QUEUE_METRICS", "true");
    command(client -> client.rpush("other:default", "id"));
    command(client -> client.hset("other:default.msgs", "id", "{\"message_timestamp\":1}"));
    tick();
    JsonNode put = aws.calls("PutMetricData").getFirst().input();
    assertThat(put.path("Namespace").asText()).isEqualTo("Suna");
    assertThat(put.path("MetricData")).hasSize(9 + 6);
    assertThat(put.path("MetricData").get(0).path("Value").asDouble()).isEqualTo(1);
    assertThat(put.path("MetricData").get(0).path("Dimensions"))
        .hasToString("[{\"Name\":\"Service\",\"Value\":\"crawler\"}]");
    assertThat(put.path("MetricData").get(9).path("Dimensions"))
        .hasToString(
            "[{\"Name\":\"Service\",\"Value\":\"crawler\"},{\"Name\":\"Queue\",\"Value\":\"default\"}]");
    assertThat(aws.calls("DescribeServices").getFirst().input())
        .hasToString("{\"cluster\":\"suna-ecs\",\"services\":[\"suna-worker-svc\"]}");
  }

  @Test
  void ecsIsNotAskedWithoutAWorkerService() {
    environment.put("ECS_WORKER_SERVICE", "");
    tick();
    assertThat(aws.calls("DescribeServices")).isEmpty();
    assertThat(publishedMetrics()).isEqualTo(ALL.subList(0, 7));
  }

  @Test
  void badEnvironmentFailsTheStart() {
    environment.put("REDIS_PORT", "637900");
    assertThatThrownBy(this::handler)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("bad settings: REDIS_PORT must be 1 to 65535, was 637900");
  }

  @Test
  void redis6IsReadToo() {
    redis.close();
    redis = RedisServer.start(Version.V6, redis.port());
    fill("default", 4);
    tick();
    assertThat(publishedMetrics()).isEqualTo(ALL);
    assertThat(published("DramatiqQueueDepth")).isEqualTo(4);
  }

  @Test
  void downRedisCostsAllButTheRunningWorkersAndFailsTheTickNamingIt() {
    redis.close();
    assertThatThrownBy(this::tick)
        .isInstanceOf(TickFailedException.class)
        .hasMessage(redisName() + " could not be reached: Connection refused");
    assertThat(publishedMetrics()).containsExactly("DramatiqRunningWorkers");
    assertThat(published("DramatiqRunningWorkers")).isEqualTo(3);
  }

  @Test
  void restartedRedisIsReadByTheVeryNextTick() {
    var handler = handler();
    tick(handler);
    redis.close();
    redis = RedisServer.start(Version.V7, redis.port());
    fill("default", 2);
    aws.calls().clear();
    tick(handler);
    assertThat(publishedMetrics()).isEqualTo(ALL);
    assertThat(published("DramatiqQueueDepth")).isEqualTo(2);
  }

  @Test
  void redisThatComesBackIsReadAgain() {
    redis.close();
    var handler = handler();
    assertThatThrownBy(() -> tick(handler)).isInstanceOf(TickFailedException.class);
    redis = RedisServer.start(Version.V7, redis.port());
    aws.calls().clear();
    tick(handler);
    assertThat(publishedMetrics()).isEqualTo(ALL);
  }

  @Test
  void deniedEcsCostsTwoDatumsAndFailsTheTickNamingIt() {
    aws.answer(
        call ->
            call.operation().equals("DescribeServices")
                ? AwsReceiver.error(400, "AccessDeniedException", "not allowed to describe")
                : AwsReceiver.usual(call, 3));
    assertThatThrownBy(this::tick)
        .isInstanceOf(TickFailedException.class)
        .hasMessage(
            "workers of service suna-worker-svc in cluster suna-ecs (ECS_WORKER_SERVICE, ECS_CLUSTER) not counted:"
                + " not allowed to describe (Service: Ecs, Status Code: 400, Request ID: null) (SDK Attempt Count: 1)");
    assertThat(publishedMetrics()).isEqualTo(ALL.subList(0, 7));
  }

  @Test
  void refusingCloudWatchFailsTheTickAndTheLineSaysThatNothingIsPublished() {
    fill("default", 2);
    aws.answer(
        call ->
            call.operation().equals("PutMetricData")
                ? AwsReceiver.error(400, "InvalidParameterValueException", "not these")
                : AwsReceiver.usual(call, 3));
    assertThatThrownBy(this::tick)
        .isInstanceOf(TickFailedException.class)
        .hasMessage(
            "9 datums not published to namespace Kortix (METRIC_NAMESPACE):"
                + " not these (Service: CloudWatch, Status Code: 400, Request ID: null) (SDK Attempt Count: 1)");
    assertThat(context.logged()).hasSize(1);
    var line = JsonParser.parseString(context.logged().getFirst()).getAsJsonObject();
    assertThat(line.get("published").getAsBoolean()).isFalse();
    assertThat(line.get("DramatiqQueueDepth").getAsInt()).isEqualTo(2);
  }

  @Test
  void cloudWatchIsNotAskedWhereNothingIsKnown() {
    redis.close();
    aws.answer(_ -> AwsReceiver.error(400, "AccessDeniedException", "no"));
    assertThatThrownBy(this::tick).isInstanceOf(TickFailedException.class);
    assertThat(aws.calls("PutMetricData")).isEmpty();
  }

  @Test
  void keysOfTheWrongTypeCostTheirValuesAndTheTotalsThatNeedThem() {
    environment.put("QUEUE_NAMES", "good,bad");
    environment.put("PER_QUEUE_METRICS", "true");
    fill("good", 2);
    command(client -> client.set("dramatiq:bad", "a string"));
    command(client -> client.rpush("dramatiq:bad.XQ", "a list"));
    String wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
    assertThatThrownBy(this::tick)
        .isInstanceOf(TickFailedException.class)
        .hasMessage(
            Stream.of("waiting", "dead letters", "new dead letters", "oldest age")
                .map(value -> "queue bad: %s not read: %s".formatted(value, wrongType))
                .collect(joining("; ")));
    assertThat(
            aws.datums().stream()
                .map(
                    datum ->
                        "%s %s=%s"
                            .formatted(
                                datum.path("Dimensions").path(1).path("Value").asText("total"),
                                datum.path("MetricName").asText(),
                                datum.path("Value").asInt())))
        .filteredOn(datum -> !datum.contains("good DramatiqOldestJobAge"))
        .containsExactly(
            "total DramatiqJobsDelayed=0",
            "total DramatiqActiveBrokers=0",
            "total DramatiqRunningWorkers=3",
            "good DramatiqQueueDepth=2",
            "good DramatiqJobsInFlight=0",
            "good DramatiqJobsDelayed=0",
            "good DramatiqDeadLetters=0",
            "good DramatiqNewDeadLetters=0",
            "bad DramatiqJobsDelayed=0");
    assertThat(publishedMetrics()).hasSize(10).containsOnlyOnce("DramatiqOldestJobAge");
    assertThat(context.logged().getFirst())
        .as("the line has totals, not the last queue's value")
        .contains("\"DramatiqQueueDepth\":null,");
  }

  @Test
  void unreadablePayloadCostsTheAgeAndIsNotShown() {
    command(client -> client.rpush("dramatiq:default", "id"));
    command(client -> client.hset("dramatiq:default.msgs", "id", "{\"password\":\"in-payload\""));
    Throwable failed = catchThrowable(this::tick);
    assertThat(failed)
        .isInstanceOf(TickFailedException.class)
        .hasMessage("queue default: oldest age not read: payload is not valid JSON");
    assertThat(publishedMetrics())
        .isEqualTo(ALL.stream().filter(metric -> !metric.equals("DramatiqOldestJobAge")).toList());
    assertThat(trace(failed) + context.logged()).doesNotContain("in-payload");
  }

  @Test
  void leastAclSufficesForAWholeTick() {
    loginAs(LEAST_ACL);
    fill("default", 2);
    command(client -> client.hset("dramatiq:default.DQ.msgs", "id", "{}"));
    command(client -> client.zadd("dramatiq:default.XQ", 1, "id"));
    command(client -> client.zadd("dramatiq:__heartbeats__", 1, "id"));
    tick();
    assertThat(publishedMetrics()).isEqualTo(ALL);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ':',
      textBlock =
          """
          llen   : waiting                                 : DramatiqQueueDepth DramatiqJobsInFlight DramatiqBacklogPerWorker
          hlen   : in flight, delayed                      : DramatiqJobsInFlight DramatiqJobsDelayed DramatiqBacklogPerWorker
          zcard  : dead letters                            : DramatiqDeadLetters
          zcount : new dead letters, active brokers        : DramatiqNewDeadLetters DramatiqActiveBrokers
          lindex : oldest age                              : DramatiqOldestJobAge
          hget   : oldest age                              : DramatiqOldestJobAge
          """)
  void missingRightCostsItsValuesOnlyAndFailsTheTickNamingThem(
      String command, String values, String missing) {
    loginAs(LEAST_ACL.stream().filter(rule -> !rule.equals("+" + command)).toList());
    fill("default", 2);
    command(client -> client.zadd("dramatiq:default.XQ", 1, "id"));
    assertThatThrownBy(this::tick)
        .isInstanceOf(TickFailedException.class)
        .hasMessage(
            Stream.of(values.split(", "))
                .map(
                    value ->
                        (value.equals("active brokers") ? "" : "queue default: ")
                            + value
                            + " not read: The user executing the script can't run this command or subcommand")
                .collect(joining("; ")));
    assertThat(publishedMetrics())
        .isEqualTo(
            ALL.stream().filter(metric -> !List.of(missing.split(" ")).contains(metric)).toList());
  }

  @Test
  void missingRightForTheScriptCostsAllButTheRunningWorkers() {
    loginAs(LEAST_ACL.stream().filter(rule -> !rule.startsWith("+eval")).toList());
    assertThatThrownBy(this::tick)
        .isInstanceOf(TickFailedException.class)
        .hasMessage(
            redisName()
                + " refused: NOPERM this user has no permissions to run the 'eval_ro' command");
    assertThat(publishedMetrics()).containsExactly("DramatiqRunningWorkers");
  }

  @Test
  void leastAclOfRedis6SufficesForAWholeTick() {
    redis.close();
    redis = RedisServer.start(RedisServer.Version.V6, RedisServer.freePort());
    environment.put("REDIS_PORT", "" + redis.port());
    fill("default", 1);
    loginAs(leastAclOfTheReadme("+eval"));

    tick();

    assertThat(publishedMetrics()).isEqualTo(ALL);
  }

  @Test
  void missingRightForTheKeysCostsAllButTheRunningWorkers() {
    loginAs(LEAST_ACL);
    environment.put("DRAMATIQ_NAMESPACE", "other");
    assertThatThrownBy(this::tick)
        .isInstanceOf(TickFailedException.class)
        .hasMessage(
            redisName()
                + " refused: NOPERM this user has no permissions to access one of the keys used as arguments");
    assertThat(publishedMetrics()).containsExactly("DramatiqRunningWorkers");
  }

  @Test
  void noSecretIsLoggedOrThrown() {
    loginAs(LEAST_ACL);
    environment.put("REDIS_PASSWORD", "wrong-horse");
    aws.answer(_ -> AwsReceiver.error(400, "AccessDeniedException", "no"));
    Throwable failed = catchThrowable(this::tick);
    assertThat(failed).isInstanceOf(TickFailedException.class);
    assertThat(trace(failed) + context.logged())
        .contains("WRONGPASS")
        .doesNotContain("wrong-horse", SDK.get("aws.secretAccessKey"));
  }

  private static String trace(Throwable failed) {
    var text = new StringWriter();
    failed.printStackTrace(new PrintWriter(text));
    return text.toString();
  }
}
