package so.suna.queuemetrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Jedis;
import so.suna.queuemetrics.kit.LambdaCall;
import so.suna.queuemetrics.kit.RedisMonitor;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.LocalContext;
import so.suna.queuemetrics.local.RedisServer;

/** The whole query function, against a real Redis. */
class QueryHandlerIT {

  private final RedisServer redis = RedisServer.start();
  private final LocalContext context = new LocalContext();
  private List<String> loggedAtStart = List.of();

  @AfterEach
  void stop() {
    redis.close();
  }

  private QueryHandler handler(String... namesAndValues) {
    Map<String, String> environment =
        new HashMap<>(
            Map.of(
                "REDIS_HOST", "127.0.0.1", "REDIS_PORT", "" + redis.port(), "REDIS_TLS", "false"));
    for (int i = 0; i < namesAndValues.length; i += 2) {
      environment.put(namesAndValues[i], namesAndValues[i + 1]);
    }
    var handler = new QueryHandler(environment, context::log);
    loggedAtStart = List.copyOf(context.logged());
    context.logged().clear();
    return handler;
  }

  private APIGatewayV2HTTPResponse get(QueryHandler handler, String path) {
    String event =
        "{\"rawPath\":\"%s\",\"requestContext\":{\"http\":{\"method\":\"GET\"}}}".formatted(path);
    return LambdaCall.answer(handler, new ByteArrayInputStream(event.getBytes(UTF_8)), context);
  }

  private void assertFailure(
      APIGatewayV2HTTPResponse answer, String detail, String event, String cause) {
    assertThat(answer.getStatusCode()).isEqualTo(500);
    assertThat(answer.getBody()).isEqualTo("{\"detail\":\"%s\"}".formatted(detail));
    assertThat(context.logged())
        .singleElement()
        .asString()
        .startsWith("{\"event\":\"%s\",\"cause\":\"%s".formatted(event, cause))
        .doesNotContain("\n")
        .doesNotContain("s3cret");
  }

  @Test
  void queueMetricsAreWhatRedisHolds() {
    try (Jedis client = redis.client()) {
      client.rpush("other:default", "1", "2");
      client.zadd("other:default.XQ", 1, "3");
      client.set("other:slow.DQ", "no list");
    }

    var answer =
        get(
            handler(
                "DRAMATIQ_NAMESPACE", "other",
                "QUEUE_NAMES", "default,slow",
                "OLDEST_JOB_AGE", "false"),
            "/api/metrics/queue");

    assertThat(answer.getStatusCode()).isEqualTo(200);
    assertThat(answer.getBody().replaceAll("\"timestamp\":\"[^\"]+\\+00:00\"", "T"))
        .isEqualTo(
            "{\"queue_depth\":2,\"delay_queue_depth\":null,\"dead_letter_depth\":1,T,"
                + "\"in_flight\":0,\"oldest_job_age_seconds\":null,\"new_dead_letters\":0,\"orphaned\":null,\"active_brokers\":0,"
                + "\"queues\":{"
                + "\"default\":{\"queue_depth\":2,\"delay_queue_depth\":0,\"dead_letter_depth\":1,\"in_flight\":0,\"oldest_job_age_seconds\":null,\"new_dead_letters\":0,\"orphaned\":0},"
                + "\"slow\":{\"queue_depth\":0,\"delay_queue_depth\":null,\"dead_letter_depth\":0,\"in_flight\":0,\"oldest_job_age_seconds\":null,\"new_dead_letters\":0,\"orphaned\":null}}}");
    // The query shares the read of the start, so that one has logged it.
    assertThat(loggedAtStart)
        .containsExactly(
            "{\"event\":\"some values not read\",\"cause\":\"java.lang.IllegalStateException: queue slow: delayed not read: WRONGTYPE Operation against a key holding the wrong kind of value\"}");
  }

  @Test
  void startReadsTheQueuesOnceWhateverTokenCallersMustShow() {
    assertThat(RedisMonitor.hear(redis, () -> handler("QUERY_TOKEN", "token")).sent())
        .containsExactly("EVAL_RO");
    assertThat(loggedAtStart).isEmpty();
  }

  @Test
  void startAtASilentRedisEndsWithinItsLimitAndLogsOnce() throws IOException {
    try (var silent = StubServer.silent()) {
      assertTimeout(
          FirstRead.LIMIT.plusSeconds(5), () -> handler("REDIS_PORT", "" + silent.port()));
    }

    assertThat(loggedAtStart)
        .singleElement()
        .asString()
        .startsWith("{\"event\":\"first read failed\",\"cause\":");
  }

  @Test
  void badSettingsStopTheStart() {
    assertThatThrownBy(() -> handler("REDIS_PORT", "0"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("bad settings: REDIS_PORT must be 1 to 65535, was 0");
  }

  @Test
  void stoppedRedisFailsTheQuery() {
    int port = RedisServer.freePort();

    assertFailure(
        get(handler("REDIS_PORT", "" + port), "/api/metrics/queue"),
        "Failed to get queue metrics",
        "queue metrics not read",
        "so.suna.queuemetrics.redis.RedisException: Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT) could not be reached"
            .formatted(port));
  }

  @Test
  void stoppedDatabaseFailsTheDeepHealthCheckWithoutShowingItsPassword() {
    int port = RedisServer.freePort();

    assertFailure(
        get(
            handler("DATABASE_URL", "postgresql://suna:s3cret@127.0.0.1:%d/suna".formatted(port)),
            "/api/health-docker"),
        "Health check failed",
        "health check failed",
        "org.postgresql.util.PSQLException: Connection to 127.0.0.1:%d refused.".formatted(port));
  }
}
