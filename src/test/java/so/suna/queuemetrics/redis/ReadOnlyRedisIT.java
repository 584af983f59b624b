package so.suna.queuemetrics.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import javax.net.ssl.SSLSocketFactory;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.args.ClientType;
import redis.clients.jedis.params.ClientKillParams;
import redis.clients.jedis.params.ClientKillParams.SkipMe;
import so.suna.queuemetrics.kit.FullServer;
import so.suna.queuemetrics.kit.ManualClock;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.kit.Relay;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/** What a connection may suffer between two questions, on real servers. */
@Execution(ExecutionMode.CONCURRENT)
class ReadOnlyRedisIT {

  private RedisServer server = RedisServer.start();
  private final ReadOnlyRedis redis = to(server.port());

  @AfterEach
  void stop() {
    redis.close();
    server.close();
  }

  private static SSLSocketFactory noTls() {
    throw new AssertionError("asked for TLS");
  }

  private static ReadOnlyRedis to(int port) {
    return to("127.0.0.1", port);
  }

  private static ReadOnlyRedis to(String host, int port) {
    return RedisClients.at(new RedisEndpoint(host, port, 0, false, new Login.None()));
  }

  /** Asks for a number, so that an answer to another question is noticed. */
  private static Object answer(ReadOnlyRedis redis, int number) {
    return redis.evaluate("return tonumber(ARGV[1])", List.of(), List.of("" + number));
  }

  private static long connectionsSoFar(Jedis client) {
    return client
        .info("stats")
        .lines()
        .filter(line -> line.startsWith("total_connections_received:"))
        .map(line -> Long.parseLong(line.substring(line.indexOf(':') + 1)))
        .findFirst()
        .orElseThrow();
  }

  private String name() {
    return "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT)".formatted(server.port());
  }

  @Test
  void returnsWhatTheScriptReturned() {
    Object reply =
        redis.evaluate(
            "return {#KEYS, KEYS[1], ARGV[1], false, redis.error_reply('ERR odd'), {7}}",
            List.of("key"), List.of("argument"));
    assertThat(reply)
        .asInstanceOf(InstanceOfAssertFactories.LIST)
        .satisfiesExactly(
            keys -> assertThat(keys).isEqualTo(1L),
            key -> assertThat(key).isEqualTo("key".getBytes(UTF_8)),
            argument -> assertThat(argument).isEqualTo("argument".getBytes(UTF_8)),
            nothing -> assertThat(nothing).isNull(),
            error ->
                assertThat(error)
                    .isInstanceOf(RedisException.class)
                    .asInstanceOf(InstanceOfAssertFactories.THROWABLE)
                    .hasMessage("ERR odd"),
            nested -> assertThat(nested).isEqualTo(List.of(7L)));
  }

  @Test
  void refusesAScriptThatWrites() {
    assertThatExceptionOfType(RedisException.class)
        .isThrownBy(
            () -> redis.evaluate("return redis.call('SET', KEYS[1], 1)", List.of("key"), List.of()))
        .withMessageStartingWith(
            name() + " refused: ERR Write commands are not allowed from read-only scripts.");
    try (var client = server.client()) {
      assertThat(client.exists("key")).isFalse();
    }
  }

  @Test
  void connectionIsReplacedAfterFiveMinutesSinceItMayLeadToADemotedPrimary() {
    var clock = new ManualClock(Instant.parse("2026-01-01T12:00:00Z"));
    var endpoint = new RedisEndpoint("127.0.0.1", server.port(), 0, false, new Login.None());
    try (var aging =
            new ReadOnlyRedis(endpoint, _ -> "", Optional.empty(), ReadOnlyRedisIT::noTls, clock);
        var client = server.client()) {
      aging.ping();
      long before = connectionsSoFar(client);
      clock.advance(ReadOnlyRedis.KEPT_FOR.minusNanos(1));
      aging.ping();
      assertThat(connectionsSoFar(client)).isEqualTo(before);

      clock.advance(Duration.ofNanos(1));
      aging.ping();
      assertThat(connectionsSoFar(client)).isEqualTo(before + 1);
    }
  }

  @Test
  void opensItsConnectionAtTheFirstQuestionAndKeepsIt() {
    try (var client = server.client()) {
      long before = connectionsSoFar(client);
      var fresh = to(server.port());
      assertThat(connectionsSoFar(client) - before).isZero();
      fresh.ping();
      answer(fresh, 1);
      answer(fresh, 2);
      assertThat(connectionsSoFar(client) - before).isEqualTo(1);
      fresh.close();
    }
  }

  @Test
  void closingEndsTheConnectionAndTheNextQuestionOpensAnother() {
    try (var client = server.client()) {
      answer(redis, 1);
      long before = connectionsSoFar(client);
      redis.close();
      await().until(() -> client.clientList().lines().count() == 1);
      assertThat(answer(redis, 2)).isEqualTo(2L);
      assertThat(connectionsSoFar(client) - before).isEqualTo(1);
    }
  }

  @Test
  void asksARestartedRedisAgainOnOneFreshConnection() {
    answer(redis, 1);
    int port = server.port();
    server.close();
    server = RedisServer.start(Version.V7, port);
    try (var client = server.client()) {
      long before = connectionsSoFar(client);
      assertThat(answer(redis, 2)).isEqualTo(2L);
      assertThat(connectionsSoFar(client) - before).isEqualTo(1);
    }
  }

  @Test
  void asksAgainAfterTheServerKilledTheConnection() {
    answer(redis, 1);
    try (var client = server.client()) {
      client.clientKill(new ClientKillParams().type(ClientType.NORMAL).skipMe(SkipMe.YES));
      long before = connectionsSoFar(client);
      assertThat(answer(redis, 2)).isEqualTo(2L);
      assertThat(connectionsSoFar(client) - before).isEqualTo(1);
    }
  }

  @Test
  void asksAgainAfterSendingALongQuestionFailedHalfway() {
    answer(redis, 1);
    try (var client = server.client()) {
      client.clientKill(new ClientKillParams().type(ClientType.NORMAL).skipMe(SkipMe.YES));
    }
    // More than a socket takes at once, in parts that leave some unsent when it breaks.
    List<String> long4MB = Collections.nCopies(1_000, "x".repeat(4_000));
    assertThat(redis.evaluate("return #ARGV", List.of(), long4MB)).isEqualTo(1_000L);
  }

  @Test
  void asksAgainAfterTheServerClosedTheIdleConnection() {
    answer(redis, 1);
    try (var client = server.client()) {
      client.configSet("timeout", "1");
      await().until(() -> client.clientList().lines().count() == 1);
      assertThat(answer(redis, 2)).isEqualTo(2L);
    }
  }

  @Test
  void asksAgainWhereTheNetworkForgotTheConnection() throws IOException {
    try (var relay = Relay.to(server.port());
        var relayed = to(relay.port())) {
      answer(relayed, 1);
      relay.silenceOpenConnections();
      assertThat(answer(relayed, 2)).isEqualTo(2L);
      assertThat(relay.accepted()).isEqualTo(2);
      await().until(() -> relay.open() == 1);
    }
  }

  @Test
  void hangingRedisGivesNoAnswerAndLeavesNoConnectionOpen() throws IOException {
    server.hang();
    try (var relay = Relay.to(server.port())) {
      assertThatThrownBy(to(relay.port())::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(
              "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT) gave no answer within 2 s",
              relay.port());
      assertThat(relay.accepted()).isEqualTo(1);
      await().until(() -> relay.open() == 0);
    }
  }

  @Test
  void redisThatHangsOnAKeptConnectionIsGivenUpInTimeAndItsLateAnswersAreNotTaken() {
    answer(redis, 1);
    server.hang();
    Instant asked = Instant.now();
    assertThatThrownBy(() -> answer(redis, 2))
        .isInstanceOf(RedisException.class)
        .hasMessage(name() + " gave no answer within 2 s");
    assertThat(Duration.between(asked, Instant.now()))
        .isBetween(Duration.ofSeconds(4), Duration.ofSeconds(6));
    server.goOn();
    assertThat(answer(redis, 3)).isEqualTo(3L);
  }

  @Test
  void redisThatIsDownRefusesTheConnection() {
    server.close();
    assertThatThrownBy(redis::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(name() + " could not be reached: 127.0.0.1: Connection refused");
  }

  @Test
  void redisThatWentDownRefusesTheFreshConnection() {
    answer(redis, 1);
    server.close();
    assertThatThrownBy(redis::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage(name() + " could not be reached: 127.0.0.1: Connection refused");
  }

  @Test
  void unknownHostIsNamed() {
    // https://www.rfc-editor.org/rfc/rfc6761#section-6.4: no resolver ever knows it.
    assertThatThrownBy(to("redis.invalid", 6379)::ping)
        .isInstanceOf(RedisException.class)
        .hasMessage("Redis redis.invalid:6379 (REDIS_HOST, REDIS_PORT) has an unknown host name");
  }

  @Test
  void hostThatTakesNoMoreConnectionsIsGivenUpAfterASecond() throws IOException {
    try (var full = FullServer.at("127.0.0.1", 0)) {
      Instant asked = Instant.now();
      assertThatThrownBy(to(full.port())::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(
              "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT) could not be reached: 127.0.0.1: timed out after 1000 ms",
              full.port());
      assertThat(Duration.between(asked, Instant.now()))
          .isBetween(Duration.ofSeconds(1), Duration.ofMillis(2_500));
    }
  }

  @Test
  void whatFailsOnAFreshConnectionIsNotAskedAgain() throws IOException {
    try (var server = StubServer.answering("")) {
      assertThatThrownBy(to(server.port())::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(
              "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT) failed to answer (REDIS_TLS=false, it may require TLS): Unexpected end of stream.",
              server.port());
      assertThat(server.connections()).isEqualTo(1);
    }
  }

  @Test
  void serverThatIsNoRedisIsNotBelieved() throws IOException {
    try (var server = StubServer.answering("HTTP/1.1 400 Bad Request\r\n\r\n")) {
      assertThatThrownBy(to(server.port())::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(
              "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT) failed to answer (REDIS_TLS=false, it may require TLS): Unknown reply: H",
              server.port());
    }
  }

  @Test
  void threadsGetTheirOwnAnswers() throws Exception {
    var answers = new ArrayList<Future<Object>>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      IntStream.range(0, 200)
          .forEach(i -> answers.add(threads.submit((Callable<Object>) () -> answer(redis, i))));
    }
    for (int i = 0; i < answers.size(); i++) {
      assertThat(answers.get(i).get()).isEqualTo((long) i);
    }
  }

  @Test
  void closingTwiceIsFine() {
    answer(redis, 1);
    redis.close();
    assertThatCode(redis::close).doesNotThrowAnyException();
  }
}
