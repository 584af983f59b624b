package so.suna.queuemetrics;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import so.suna.queuemetrics.local.AwsReceiver;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/**
 * What a fault of Redis, ECS, CloudWatch or a setting costs the whole tick, and what it says then.
 */
@Order(1)
class PublishHandlerFaultsIT extends WholeTick {

  private String redisName() {
    return "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT)".formatted(redis.port());
  }

  private void assertFails(String message) {
    assertThatThrownBy(this::tick).isInstanceOf(TickFailedException.class).hasMessage(message);
  }

  /** Redis hangs and ECS does not answer, until that is done. */
  private void whileAllIsSilent(Runnable what) {
    var silence = new CountDownLatch(1);
    aws.answer(call -> AwsReceiver.after(silence, AwsReceiver.usual(call, 3)));
    redis.hang();
    try {
      what.run();
    } finally {
      redis.goOn();
      silence.countDown();
    }
  }

  @Test
  void startAtASilentRedisAndEcsEndsAtItsLimitAndIsLoggedOnce() {
    whileAllIsSilent(() -> assertTimeout(FirstRead.LIMIT.plusSeconds(2), this::handler));
    assertThat(context.logged())
        .containsExactly(
            "{\"event\":\"first read failed\",\"cause\":\"java.util.concurrent.TimeoutException: not finished within 3 s\"}");
    assertThat(aws.calls("PutMetricData")).isEmpty();
  }

  @Test
  void silenceOfRedisAndEcsLeavesTimeToSayWhatIsMissing() {
    var handler = handler();
    tick(handler);
    whileAllIsSilent(
        () ->
            // Two reads of 2 s, and one call of 5 s.
            assertTimeout(
                Duration.ofSeconds(15),
                () ->
                    assertThatThrownBy(() -> tick(handler))
                        .isInstanceOf(TickFailedException.class)
                        .hasMessageStartingWith(
                            redisName() + " gave no answer within 2 s; workers of service")));
    assertThat(context.logged()).hasSize(2);
  }

  @Test
  void badEnvironmentFailsTheStart() {
    environment.put("REDIS_PORT", "637900");
    assertThatThrownBy(this::handler)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("bad settings: REDIS_PORT must be 1 to 65535, was 637900");
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

  @ParameterizedTest
  @CsvSource(
      delimiter = ':',
      textBlock =
          """
          llen   : waiting, delayed                        : DramatiqQueueDepth DramatiqJobsDelayed DramatiqOrphanedMessages DramatiqBacklogPerWorker
          hlen   : orphaned messages                       : DramatiqOrphanedMessages
          scard  : delayed, in flight                      : DramatiqJobsInFlight DramatiqJobsDelayed DramatiqOrphanedMessages DramatiqBacklogPerWorker
          zrange : delayed, in flight                      : DramatiqJobsInFlight DramatiqJobsDelayed DramatiqOrphanedMessages DramatiqBacklogPerWorker
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
    command(client -> client.zadd("dramatiq:__heartbeats__", 1, "broker"));
    assertFails(
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
  void missingRightForTheKeysCostsAllButTheRunningWorkers() {
    loginAs(LEAST_ACL);
    environment.put("DRAMATIQ_NAMESPACE", "other");
    assertFails(
        redisName()
            + " refused: NOPERM this user has no permissions to access one of the keys used as arguments");
    assertThat(publishedMetrics())
        .containsExactly("DramatiqRunningWorkers", "DramatiqDesiredWorkers");
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
