package so.suna.queuemetrics.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redis.clients.jedis.Jedis;
import so.suna.queuemetrics.kit.FullServer;
import so.suna.queuemetrics.kit.ManualClock;
import so.suna.queuemetrics.kit.RedisCounts;
import so.suna.queuemetrics.kit.Relay;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/** What a connection may suffer between two questions, on real servers. */
@Execution(ExecutionMode.CONCURRENT)
class ReadOnlyRedisIT extends RealRedis {

  private final RedisServer server = start();
  private final Jedis client = client(server);
  private final AskedRedis redis = at(server.port());

  private void assertNextAnswerComesOnOneFreshConnection(Jedis client) {
    long before = RedisCounts.connections(client);
    assertThat(redis.answer(2)).isEqualTo(2L);
    assertThat(RedisCounts.connections(client) - before).isEqualTo(1);
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
                    .asInstanceOf(InstanceOfAssertFactories.throwable(RedisException.class))
                    .hasMessage("ERR odd"),
            nested -> assertThat(nested).isEqualTo(List.of(7L)));
  }

  @Test
  void refusesAScriptThatWrites() {
    assertThatThrownBy(() -> redis.evaluate("return redis.call('SET', KEYS[1], 1)", "key"))
        .isInstanceOf(RedisException.class)
        .hasMessageStartingWith(
            redis.endpoint()
                + " refused: ERR Write commands are not allowed from read-only scripts.");
    assertThat(client.exists("key")).isFalse();
  }

  @Test
  void connectionIsReplacedAfterFiveMinutesSinceItMayLeadToADemotedPrimary() {
    var clock = new ManualClock(Instant.parse("2026-01-01T12:00:00Z"));
    RedisEndpoint endpoint = redis.endpoint();
    AskedRedis aging =
        at(endpoint, new ReadOnlyRedis(endpoint, _ -> "", Optional.empty(), WITHOUT_TLS, clock));
    aging.ping();
    long before = RedisCounts.connections(client);
    clock.advance(ReadOnlyRedis.KEPT_FOR.minusNanos(1));
    aging.ping();
    assertThat(RedisCounts.connections(client)).isEqualTo(before);

    clock.advance(Duration.ofNanos(1));
    aging.ping();
    assertThat(RedisCounts.connections(client)).isEqualTo(before + 1);
  }

  @Test
  void opensItsConnectionAtTheFirstQuestionAndKeepsIt() {
    long before = RedisCounts.connections(client);
    AskedRedis fresh = at(server.port());
    assertThat(RedisCounts.connections(client) - before).isZero();
    fresh.ping();
    fresh.answer(1);
    fresh.answer(2);
    assertThat(RedisCounts.connections(client) - before).isEqualTo(1);
  }

  @Test
  void closingEndsTheConnectionAndTheNextQuestionOpensAnother() {
    redis.answer(1);
    redis.close();
    assertThatCode(redis::close).as("closing twice").doesNotThrowAnyException();
    await().until(() -> client.clientList().lines().count() == 1);
    assertNextAnswerComesOnOneFreshConnection(client);
  }

  @Test
  void asksARestartedRedisAgainOnOneFreshConnection() {
    redis.answer(1);
    server.close();
    RedisServer restarted = opened(RedisServer.start(Version.V7, server.port()));
    assertNextAnswerComesOnOneFreshConnection(client(restarted));
  }

  @Test
  void asksAgainAfterTheServerKilledTheConnection() {
    redis.answer(1);
    killOtherConnections(client);
    assertNextAnswerComesOnOneFreshConnection(client);
  }

  @Test
  void asksAgainAfterSendingALongQuestionFailedHalfway() {
    redis.answer(1);
    killOtherConnections(client);
    // More than a socket takes at once, in parts that leave some unsent when it breaks.
    List<String> long4MB = Collections.nCopies(1_000, "x".repeat(4_000));
    assertThat(redis.evaluate("return #ARGV", List.of(), long4MB)).isEqualTo(1_000L);
  }

  @Test
  void asksAgainAfterTheServerClosedTheIdleConnection() {
    redis.answer(1);
    client.configSet("timeout", "1");
    await().until(() -> client.clientList().lines().count() == 1);
    client.configSet("timeout", "0"); // or the server would close this client if the test pauses
    assertNextAnswerComesOnOneFreshConnection(client);
  }

  @Test
  void asksAgainWhereTheNetworkForgotTheConnection() {
    Relay relay = opened(Relay.to(server.port()));
    AskedRedis relayed = at(relay.port());
    relayed.answer(1);
    relay.silenceOpenConnections();
    assertThat(relayed.answer(2)).isEqualTo(2L);
    assertThat(relay.connections()).isEqualTo(2);
    await().until(() -> relay.open() == 1);
  }

  @Test
  void hangingRedisGivesNoAnswerAndLeavesNoConnectionOpen() {
    server.hang();
    Relay relay = opened(Relay.to(server.port()));
    at(relay.port()).assertPingFails("gave no answer within 2 s");
    assertThat(relay.connections()).isEqualTo(1);
    await().until(() -> relay.open() == 0);
  }

  @Test
  void redisThatHangsOnAKeptConnectionIsGivenUpInTimeAndItsLateAnswersAreNotTaken() {
    redis.answer(1);
    server.hang();
    Instant asked = Instant.now();
    redis.assertFails(() -> redis.answer(2), "gave no answer within 2 s");
    assertThat(Duration.between(asked, Instant.now()))
        .isBetween(Duration.ofSeconds(4), Duration.ofSeconds(6));
    server.goOn();
    assertThat(redis.answer(3)).isEqualTo(3L);
  }

  @Test
  void redisThatIsDownRefusesTheConnection() {
    redis.answer(1);
    server.close();
    String said = "could not be reached: 127.0.0.1: Connection refused";
    redis.assertPingFails(said);
    at(server.port()).assertPingFails(said);
  }

  @Test
  void unknownHostIsNamed() {
    // https://www.rfc-editor.org/rfc/rfc6761#section-6.4: no resolver ever knows it.
    at(new RedisEndpoint("redis.invalid", 6379, 0, false, NO_LOGIN))
        .assertPingFails("has an unknown host name");
  }

  @Test
  void hostThatTakesNoMoreConnectionsIsGivenUpAfterASecond() throws IOException {
    FullServer full = opened(FullServer.at("127.0.0.1", 0));
    Instant asked = Instant.now();
    at(full.port()).assertPingFails("could not be reached: 127.0.0.1: timed out after 1000 ms");
    assertThat(Duration.between(asked, Instant.now()))
        .isBetween(Duration.ofSeconds(1), Duration.ofMillis(2_500));
  }

  @ParameterizedTest
  @CsvSource({"'', Unexpected end of stream.", "HTTP/1.1 400 Bad Request, Unknown reply: H"})
  void serverThatIsNoRedisIsNeitherBelievedNorAskedAgain(String answer, String said) {
    StubServer stub = opened(StubServer.answering(answer));
    at(stub.port())
        .assertPingFails("failed to answer (REDIS_TLS=false, it may require TLS): " + said);
    assertThat(stub.connections()).isEqualTo(1);
  }

  @Test
  void threadsGetTheirOwnAnswers() throws Exception {
    List<Callable<Object>> questions =
        IntStream.range(0, 200).<Callable<Object>>mapToObj(i -> () -> redis.answer(i)).toList();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      assertThat(threads.invokeAll(questions))
          .extracting(Future::resultNow)
          .isEqualTo(LongStream.range(0, 200).boxed().toList());
    }
  }
}
