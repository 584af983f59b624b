package so.suna.queuemetrics.dramatiq;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import java.util.zip.InflaterInputStream;
import redis.clients.jedis.Jedis;

/** A broker's keys as real Dramatiq wrote them, and what Dramatiq's side knew at that instant. */
record Fixture(String version, String scenario, JsonNode json) {

  /** The versions recorded, the one that suna pins first. */
  static final List<String> VERSIONS = List.of("1.18.0", "2.2.0");

  static final List<String> SCENARIOS =
      List.of(
          "nothing-yet",
          "waiting",
          "in-flight",
          "delayed",
          "delayed-no-worker",
          "retried",
          "retry-waiting",
          "dead-letters",
          "requeued",
          "large-payload",
          "crafted-argument",
          "not-a-number-argument",
          "priorities",
          "several-queues",
          "utf8-arguments",
          "pickle-encoder",
          "deleted-list",
          "purged",
          "lost-payloads",
          "killed-worker");

  private static final Map<Metric, String> NAMES =
      Map.of(
          Metric.QUEUE_DEPTH, "waiting",
          Metric.JOBS_IN_FLIGHT, "in_flight",
          Metric.JOBS_DELAYED, "delayed",
          Metric.DEAD_LETTERS, "dead_letters",
          Metric.NEW_DEAD_LETTERS, "dead_letters",
          Metric.ACTIVE_BROKERS, "active_brokers",
          Metric.ORPHANED_MESSAGES, "orphaned");

  static Stream<Fixture> all() {
    return VERSIONS.stream()
        .flatMap(version -> SCENARIOS.stream().map(scenario -> of(version, scenario)));
  }

  static Fixture of(String version, String scenario) {
    String name = "fixtures/%s/%s.json".formatted(version, scenario);
    try (InputStream in = Objects.requireNonNull(Fixture.class.getResourceAsStream(name), name)) {
      return new Fixture(version, scenario, new ObjectMapper().readTree(in));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<QueueName> queues() {
    JsonNode queue = json.get("queue");
    return queue.isArray()
        ? elements(queue).map(JsonNode::asText).map(QueueName::new).toList()
        : List.of(new QueueName(queue.asText()));
  }

  Instant recordedAt() {
    return Instant.ofEpochMilli(json.get("recorded_at_ms").asLong());
  }

  /** Messages, or brokers; its dead letters are all of the last minute. */
  Map<Metric, Double> knows() {
    return NAMES.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey, name -> json.get("knows").get(name.getValue()).asDouble()));
  }

  double oldestAgeSeconds() {
    JsonNode oldest = json.get("knows").get("oldest_message_timestamp_ms");
    return oldest.isNull() ? 0 : (recordedAt().toEpochMilli() - oldest.asLong()) / 1000.0;
  }

  void restoreTo(Jedis redis) {
    redis.flushAll();
    elements(json.get("keys")).forEach(key -> restore(redis, key));
  }

  @Override
  public String toString() {
    return version + " " + scenario;
  }

  private static void restore(Jedis redis, JsonNode key) {
    byte[] name = key.get("key").asText().getBytes(StandardCharsets.UTF_8);
    boolean deflated = key.has("value_base64_zlib");
    JsonNode value = key.get(deflated ? "value_base64_zlib" : "value_base64");
    switch (key.get("type").asText()) {
      case "list" -> elements(value).forEach(member -> redis.rpush(name, bytes(member, deflated)));
      case "set" -> elements(value).forEach(member -> redis.sadd(name, bytes(member, deflated)));
      case "hash" ->
          elements(value)
              .forEach(
                  pair ->
                      redis.hset(name, bytes(pair.get(0), false), bytes(pair.get(1), deflated)));
      case "zset" ->
          elements(value)
              .forEach(
                  pair -> redis.zadd(name, pair.get(1).asDouble(), bytes(pair.get(0), deflated)));
      default -> throw new IllegalArgumentException("unknown type in " + key);
    }
  }

  private static byte[] bytes(JsonNode base64, boolean deflated) {
    byte[] bytes = Base64.getDecoder().decode(base64.asText());
    if (!deflated) {
      return bytes;
    }
    try (var in = new InflaterInputStream(new ByteArrayInputStream(bytes))) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Stream<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }
}
