package so.suna.queuemetrics;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import redis.clients.jedis.Jedis;
import so.suna.queuemetrics.dramatiq.Metric;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.LocalContext;
import so.suna.queuemetrics.local.RedisServer;

/** A publisher between a real Redis and a receiver of what the SDK really sends. */
@ResourceLock(Resources.SYSTEM_PROPERTIES)
abstract class WholeTick {

  static final List<String> ALL = Stream.of(Metric.values()).map(Metric::metricName).toList();

  static final List<String> LEAST_ACL = leastAclOfTheReadme("+eval_ro");

  static final Map<String, String> SDK =
      Map.of(
          "aws.region", "us-west-2",
          "aws.accessKeyId", "AKIDEXAMPLE",
          "aws.secretAccessKey", "not-a-secret-key");

  RedisServer redis = RedisServer.start();
  final AwsReceiver aws = AwsReceiver.start(3);
  final LocalContext context = new LocalContext();
  final Map<String, String> environment =
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

  /** One tick of a new publisher, without what that read and logged while it started. */
  void tick() {
    PublishHandler handler = handler();
    aws.calls().clear();
    context.logged().clear();
    tick(handler);
  }

  void tick(PublishHandler handler) {
    try {
      handler.handleRequest(
          InputStream.nullInputStream(), OutputStream.nullOutputStream(), context);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  PublishHandler handler() {
    return new PublishHandler(environment, context::log);
  }

  List<String> publishedMetrics() {
    return aws.datums().stream().map(datum -> datum.path("MetricName").asText()).toList();
  }

  double published(String metric) {
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
  void fill(String queue, int messages) {
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

  void command(Consumer<Jedis> command) {
    try (Jedis client = redis.client()) {
      command.accept(client);
    }
  }

  /** The README's own line, so that it is proved as it stands there. */
  static List<String> leastAclOfTheReadme(String right) {
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

  void loginAs(List<String> rules) {
    command(client -> client.aclSetUser("publisher", rules.toArray(String[]::new)));
    environment.put("REDIS_AUTHENTICATION", "password");
    environment.put("REDIS_USER", "publisher");
    environment.put("REDIS_PASSWORD", "correct-horse");
  }
}
