package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Protocol.Command;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/**
 * Real clusters, asked as Dramatiq asks: one key is declared, the others are built in the script.
 */
@Execution(ExecutionMode.CONCURRENT)
class RedisClusterIT extends RealRedis {

  private static final String ADVICE =
      "; a cluster of several shards needs a hash tag in DRAMATIQ_NAMESPACE, such as {dramatiq},"
          + " and REDIS_HOST must be the node with its keys";

  /** In the default namespace, the heartbeats are on the first shard, the queue on the second. */
  @AutoClose private static final RedisServer FIRST = node(Version.V7);

  @AutoClose private static final RedisServer SECOND = node(Version.V7);

  @BeforeAll
  static void joinTheTwoShards() {
    try (Jedis first = FIRST.client();
        Jedis second = SECOND.client()) {
      serve(first, 0, 8_191);
      serve(second, 8_192, 16_383);
      String busPort = second.configGet("cluster-port").get("cluster-port");
      first.sendCommand(Command.CLUSTER, "MEET", "127.0.0.1", "" + SECOND.port(), busPort);
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> List.of(first, second).stream().allMatch(RedisClusterIT::isWhole));
    }
  }

  private static boolean isWhole(Jedis client) {
    String info = client.clusterInfo();
    return info.contains("cluster_state:ok") && info.contains("cluster_slots_assigned:16384");
  }

  /** Redis 6 talks to its peers on the port that is 10,000 higher. */
  private static RedisServer node(Version version) {
    return version == Version.V7
        ? RedisServer.start(
            "--cluster-enabled", "yes", "--cluster-port", "" + RedisServer.freePort())
        : RedisServer.start(version, RedisServer.freePort() - 10_000, "--cluster-enabled", "yes");
  }

  private static void serve(Jedis client, int firstSlot, int lastSlot) {
    client.clusterAddSlots(IntStream.rangeClosed(firstSlot, lastSlot).toArray());
  }

  private RedisServer oneShard(Version version) {
    RedisServer node = opened(node(version));
    Jedis client = client(node);
    serve(client, 0, 16_383);
    await().until(() -> isWhole(client));
    return node;
  }

  private static Object count(AskedRedis redis, String namespace) {
    return redis.evaluate(
        "return {redis.pcall('ZCARD', KEYS[1]), redis.pcall('LLEN', ARGV[1] .. ':default')}",
        List.of(namespace + ":__heartbeats__"),
        List.of(namespace));
  }

  @ParameterizedTest
  @EnumSource(Version.class)
  void clusterOfOneShardIsReadInAnyNamespace(Version version) {
    RedisServer node = oneShard(version);
    Jedis client = client(node);
    client.rpush("dramatiq:default", "a", "b");
    client.rpush("{dramatiq}:default", "a", "b", "c");
    AskedRedis redis = at(node.port());
    assertThat(count(redis, "dramatiq")).isEqualTo(List.of(0L, 2L));
    assertThat(count(redis, "{dramatiq}")).isEqualTo(List.of(0L, 3L));
  }

  @Test
  void clusterOfTwoShardsIsReadInANamespaceWithAHashTag() {
    client(SECOND).rpush("{dramatiq}:default", "a", "b", "c");
    assertThat(count(at(SECOND.port()), "{dramatiq}")).isEqualTo(List.of(0L, 3L));
  }

  @Test
  void clusterOfTwoShardsCostsTheKeysOfTheOtherNodeInANamespaceWithoutHashTag() {
    AskedRedis redis = at(FIRST.port());
    String elsewhere = "ERR Script attempted to access a non local key in a cluster node";
    assertThat(count(redis, "dramatiq"))
        .asInstanceOf(InstanceOfAssertFactories.LIST)
        .satisfiesExactly(
            heartbeats -> assertThat(heartbeats).isEqualTo(0L),
            queue ->
                assertThat(queue)
                    .asInstanceOf(InstanceOfAssertFactories.throwable(RedisException.class))
                    .hasMessage(elsewhere + ADVICE));
    assertThatThrownBy(
            () ->
                redis.evaluate(
                    "return redis.call('LLEN', 'dramatiq:default')", "dramatiq:__heartbeats__"))
        .isInstanceOf(RedisException.class)
        .hasMessageStartingWith("%s refused: %s", redis.endpoint(), elsewhere)
        .hasMessageEndingWith(ADVICE);
  }

  @Test
  void nodeWithoutTheKeysNamesTheOneThatHasThem() {
    AskedRedis redis = at(FIRST.port());
    redis.assertFails(
        () -> count(redis, "{dramatiq}"),
        "refused: MOVED 12515 127.0.0.1:" + SECOND.port() + ADVICE);
  }

  @Test
  void slotThatIsBeingMovedIsRefused() {
    at(opened(StubServer.answering("-ASK 3999 127.0.0.1:6381\r\n")).port())
        .assertPingFails("refused: ASK 3999 127.0.0.1:6381" + ADVICE);
  }

  @Test
  void severalDeclaredKeysAreRefused() {
    AskedRedis redis = at(FIRST.port());
    redis.assertFails(
        () -> redis.evaluate("return 1", "a", "b"),
        "refused: CROSSSLOT Keys in request don't hash to the same slot" + ADVICE);
  }

  @Test
  void clusterThatIsDownIsSaidToBeDown() {
    AskedRedis redis = at(opened(node(Version.V7)).port());
    redis.assertFails(
        () -> count(redis, "dramatiq"),
        "is a cluster that is partly or wholly down: CLUSTERDOWN Hash slot not served");
  }

  @Test
  void anotherDatabaseOfAClusterIsNamed() {
    at(endpoint(FIRST.port(), 1, NO_LOGIN))
        .assertPingFails("refused: ERR SELECT is not allowed in cluster mode");
  }
}
