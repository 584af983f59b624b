package so.suna.queuemetrics.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Jedis;

@Order(1)
final class DramatiqLoadIT {

  private static final String WAITING = "dramatiq:default";

  private final OwnRedis redis = new OwnRedis();
  private final DramatiqLoad load =
      new DramatiqLoad(redis, "dramatiq", "default", Clock.systemUTC(), Duration.ofMillis(400));

  @BeforeEach
  void start() {
    load.start(2);
  }

  @AfterEach
  void close() {
    load.close();
    redis.close();
  }

  private long count(ToLongFunction<Jedis> messages) {
    try (Jedis client = redis.client()) {
      return messages.applyAsLong(client);
    }
  }

  private long waiting() {
    return count(client -> client.llen(WAITING));
  }

  private long fetchedBy(String worker) {
    return count(client -> client.scard("dramatiq:__acks__.%s.default".formatted(worker)));
  }

  private List<String> heartbeats() {
    try (Jedis client = redis.client()) {
      return client.zrange("dramatiq:__heartbeats__", 0, -1);
    }
  }

  /** Payloads, less those whose id is in the list or was fetched: all at one instant. */
  private long orphaned() {
    return count(
        client ->
            (Long)
                client.eval(
                    """
                    local known = redis.call('LLEN', 'dramatiq:default')
                    for _, key in ipairs(redis.call('KEYS', 'dramatiq:__acks__.*.default')) do
                      known = known + redis.call('SCARD', key)
                    end
                    return redis.call('HLEN', 'dramatiq:default.msgs') - known
                    """));
  }

  @Test
  void aBurstWaitsForWorkers() {
    load.workers(0);
    load.burst();
    assertThat(waiting()).isGreaterThanOrEqualTo(100);

    load.workers(8);
    await().until(() -> waiting() == 0);
    assertThat(orphaned()).isZero();
  }

  @Test
  void eachWorkerHasAHeartbeatAndAStoppedOneFinishesWhatItRuns() {
    load.workers(3);
    load.longJobs();
    await().until(() -> fetchedBy("worker-3") > 0 && heartbeats().contains("worker-3"));

    load.workers(2);
    await().until(() -> fetchedBy("worker-3") == 0);
    assertThat(heartbeats()).contains("worker-1", "worker-2", "producer");
    assertThat(orphaned()).isZero();
  }

  @Test
  void aFailingActorEndsInDeadLetters() {
    load.failingActor();
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(
            () ->
                assertThat(count(client -> client.zcard(WAITING + ".XQ")))
                    .isGreaterThanOrEqualTo(20));
  }

  @Test
  void aStoppedRedisTakesNothingAndKeepsWhatItHad() {
    load.longJobs();
    load.stopRedis();
    assertThat(redis.isRunning()).isFalse();
    assertThatThrownBy(load::burst).hasRootCauseMessage("Redis is stopped, so nothing can be sent");

    load.startRedis();
    assertThat(redis.isRunning()).isTrue();
    await()
        .untilAsserted(
            () ->
                assertThat(count(client -> client.hlen(WAITING + ".msgs")))
                    .isGreaterThanOrEqualTo(40));
    assertThat(orphaned()).isZero();
  }
}
