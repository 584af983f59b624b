package so.suna.queuemetrics.dramatiq;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.InflaterInputStream;
import redis.clients.jedis.Jedis;

/** A broker's keys as real Dramatiq wrote them, and what Dramatiq's side knew at that instant. */
record Fixture(String name, JsonNode json) {

  private static final Path FOLDER =
      Path.of("src/test/resources/so/suna/queuemetrics/dramatiq/fixtures");

  private static final Map<Metric, String> NAMES =
      Map.of(
          Metric.QUEUE_DEPTH, "waiting",
          Metric.JOBS_IN_FLIGHT, "in_flight",
          Metric.JOBS_DELAYED, "delayed",
          Metric.DEAD_LETTERS, "dead_letters",
          Metric.NEW_DEAD_LETTERS, "dead_letters",
          Metric.ACTIVE_BROKERS, "active_brokers",
          Metric.ORPHANED_MESSAGES, "orphaned");

  static List<Fixture> all() throws IOException {
    try (Stream<Path> files = Files.walk(FOLDER)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> of(FOLDER.relativize(file).toString().replace(".json", "")))
          .toList();
    }
  }

  /** Such as {@code 1.18.0/waiting}. */
  static Fixture of(String name) {
    try {
      return new Fixture(
          name, new ObjectMapper().readTree(FOLDER.resolve(name + ".json").toFile()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String scenario() {
    return name.substring(name.indexOf('/') + 1);
  }

  List<QueueName> queues() {
    JsonNode queue = json.get("queue");
    return (queue.isArray() ? queue.valueStream() : Stream.of(queue))
        .map(name -> new QueueName(name.asText()))
        .toList();
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
    json.get("keys").forEach(key -> restore(redis, key));
  }

  @Override
  public String toString() {
    return name;
  }

  private static void restore(Jedis redis, JsonNode key) {
    byte[] name = key.get("key").asText().getBytes(StandardCharsets.UTF_8);
    boolean deflated = key.has("value_base64_zlib");
    for (JsonNode value : key.get(deflated ? "value_base64_zlib" : "value_base64")) {
      switch (key.get("type").asText()) {
        case "list" -> redis.rpush(name, bytes(value, deflated));
        case "set" -> redis.sadd(name, bytes(value, deflated));
        case "hash" -> redis.hset(name, bytes(value.get(0), false), bytes(value.get(1), deflated));
        case "zset" -> redis.zadd(name, value.get(1).asDouble(), bytes(value.get(0), deflated));
        default -> throw new IllegalArgumentException("unknown type in " + key);
      }
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
}
