package so.suna.queuemetrics.dramatiq;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Jedis;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.local.Fuzz;
import so.suna.queuemetrics.local.RedisServer;

/**
 * Payloads that were changed at random, in a real Redis, against what another parser makes of the
 * whole of each.
 */
class PayloadFuzzIT {

  private static final Instant NOW = Instant.parse("2027-01-01T00:00:00Z");
  private static final QueueName DEFAULT = new QueueName("default");
  private static final byte[] KEY = "dramatiq:default.msgs".getBytes(UTF_8);

  private static RedisServer server;
  private static Jedis redis;
  private static List<byte[]> recorded;

  @BeforeAll
  static void start() {
    server = RedisServer.start();
    redis = server.client();
    recorded = Fixture.all().flatMap(Fixture::payloads).toList();
    redis.rpush("dramatiq:default", "first", "last");
    redis.hset("dramatiq:default.msgs", "fetched", "{}");
    redis.hset("dramatiq:default.DQ.msgs", "delayed", "{}");
    redis.zadd("dramatiq:default.XQ", 1, "dead");
  }

  @AfterAll
  static void stop() {
    redis.close();
    server.close();
  }

  @Test
  void ageIsThatOfTheWholePayloadOrUnknownAndTheCountsStayKnown() {
    Fuzz.cases(
        "payloads",
        2_000,
        random -> {
          byte[] first = payload(random);
          byte[] last = payload(random);
          redis.hset(KEY, "first".getBytes(UTF_8), first);
          redis.hset(KEY, "last".getBytes(UTF_8), last);

          QueueSnapshot queue = read();

          assertThat(queue.figures().reading(Metric.QUEUE_DEPTH)).isEqualTo(new Known(2));
          assertThat(queue.figures().reading(Metric.JOBS_IN_FLIGHT)).isEqualTo(new Known(1));
          assertThat(queue.figures().reading(Metric.JOBS_DELAYED)).isEqualTo(new Known(1));
          assertThat(queue.figures().reading(Metric.DEAD_LETTERS)).isEqualTo(new Known(1));
          assertThat(queue.figures().reading(Metric.NEW_DEAD_LETTERS)).isEqualTo(new Known(0));
          assertThat(queue.figures().problems().toList().toString())
              .doesNotContain(PayloadMutations.SECRET);
          check(queue.figures().reading(Metric.OLDEST_JOB_AGE), first, last);
        });
  }

  private static byte[] payload(RandomGenerator random) {
    byte[] original = Fuzz.oneOf(random, recorded);
    if (random.nextInt(500) == 0) {
      return Arrays.copyOf(original, 9 << 20);
    }
    return PayloadMutations.mutated(random, original);
  }

  private static QueueSnapshot read() {
    return new SnapshotReader(
            (script, keys, arguments) ->
                redis.evalReadonly(script.getBytes(UTF_8), bytes(keys), bytes(arguments)),
            "dramatiq",
            List.of(DEFAULT),
            Clock.fixed(NOW, ZoneOffset.UTC))
        .read()
        .queues()
        .getFirst();
  }

  private static List<byte[]> bytes(List<String> texts) {
    return texts.stream().map(text -> text.getBytes(UTF_8)).toList();
  }

  private static void check(Reading age, byte[] first, byte[] last) {
    String payloads = "of '%s' and '%s'".formatted(abbreviated(first), abbreviated(last));
    switch (age) {
      case Known(var known) -> {
        OptionalLong firstSent = PayloadTruth.inMessage(first);
        OptionalLong lastSent = PayloadTruth.inMessage(last);
        assertThat(firstSent.isPresent() && lastSent.isPresent())
            .as("age %s %s must be unknown", payloads, known)
            .isTrue();
        long oldest = Math.min(firstSent.getAsLong(), lastSent.getAsLong());
        assertThat(known).as(payloads).isEqualTo(Math.max(0, NOW.toEpochMilli() - oldest) / 1000.0);
      }
      case Unknown(var reason) ->
          assertThat(
                  PayloadTruth.inJson(first).isPresent() && PayloadTruth.inJson(last).isPresent())
              .as("age %s must be known, but %s", payloads, reason)
              .isFalse();
    }
  }

  private static String abbreviated(byte[] payload) {
    String text = new String(payload, UTF_8);
    return text.length() <= 1_000
        ? text
        : text.substring(0, 500) + "…" + text.substring(text.length() - 500);
  }
}
