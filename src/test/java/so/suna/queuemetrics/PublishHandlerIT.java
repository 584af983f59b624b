package so.suna.queuemetrics;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.kit.RedisMonitor;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.RedisServer;

/** The whole tick, against a real Redis and what the SDK really sends. */
class PublishHandlerIT extends WholeTick {

  @ParameterizedTest
  @ValueSource(ints = {10, 100_000})
  void tickAsksEachServerOnceWhateverTheBacklog(int messages) {
    fill("default", messages);
    var handler = handler();
    aws.calls().clear();
    RedisMonitor.Heard heard = RedisMonitor.hear(redis, () -> tick(handler));
    assertThat(heard.sent()).containsExactly("EVAL_RO");
    assertThat(heard.inScripts())
        .containsExactly(
            "ZRANGE", "ZCOUNT", "LLEN", "HLEN", "LLEN", "HLEN", "ZCARD", "LINDEX", "LINDEX", "HGET",
            "HGET");
    assertThat(aws.calls("PutMetricData")).hasSize(1);
    assertThat(aws.calls("DescribeServices")).hasSize(1);
    assertThat(aws.calls()).hasSize(2);
    assertThat(published("DramatiqQueueDepth")).isEqualTo(messages);
  }

  @Test
  void settingsReachCloudWatchAndEcs() {
    environment.put("DRAMATIQ_NAMESPACE", "other");
    environment.put("METRIC_NAMESPACE", "Suna");
    environment.put("SERVICE_NAME", "crawler");
    environment.put("PER_QUEUE_METRICS", "true");
    environment.put("OLDEST_JOB_AGE", "false");
    command(client -> client.rpush("other:default", "id"));
    command(client -> client.hset("other:default.msgs", "id", "pickled"));
    tick();
    JsonNode put = aws.calls("PutMetricData").getFirst().input();
    assertThat(put.path("Namespace").asText()).isEqualTo("Suna");
    assertThat(put.path("MetricData")).hasSize(10 + 6);
    assertThat(put.path("MetricData").get(0).path("Value").asDouble()).isEqualTo(1);
    assertThat(put.path("MetricData").get(0).path("Dimensions"))
        .hasToString("[{\"Name\":\"Service\",\"Value\":\"crawler\"}]");
    assertThat(put.path("MetricData").get(10).path("Dimensions"))
        .hasToString(
            "[{\"Name\":\"Service\",\"Value\":\"crawler\"},{\"Name\":\"Queue\",\"Value\":\"default\"}]");
    assertThat(aws.calls("DescribeServices").getFirst().input())
        .hasToString("{\"cluster\":\"suna-ecs\",\"services\":[\"suna-worker-svc\"]}");
  }

  @ParameterizedTest
  @CsvSource({"V7, +eval_ro", "V6, +eval"})
  void leastAclOfTheReadmeSufficesForAWholeTick(RedisServer.Version version, String right) {
    redis.close();
    redis = RedisServer.start(version, redis.port());
    loginAs(leastAclOfTheReadme(right));
    fill("default", 2);
    command(client -> client.hset("dramatiq:default.DQ.msgs", "id", "{}"));
    command(client -> client.sadd("dramatiq:__acks__.broker.default", "id"));
    command(client -> client.zadd("dramatiq:default.XQ", 1, "id"));
    command(client -> client.zadd("dramatiq:__heartbeats__", 1, "broker"));
    tick();
    assertThat(publishedMetrics()).isEqualTo(ALL);
  }

  @Test
  void startReadsOnceTheWayATickDoesAndPublishesNothing() {
    environment.put("QUEUE_NAMES", "default,mail");

    assertThat(RedisMonitor.hear(redis, this::handler).sent()).endsWith("EVAL_RO");
    assertThat(aws.calls())
        .extracting(AwsReceiver.Call::operation)
        .containsExactly("DescribeServices");
    assertThat(context.logged()).isEmpty();
  }
}
