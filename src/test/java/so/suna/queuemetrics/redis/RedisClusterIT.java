package so.suna.queuemetrics.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redis.clients.jedis.Protocol.Command;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.kit.StubServer;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/**
 * Real clusters, asked as Dramatiq asks: one key is declared, the others are built in the script.
 */
@Execution(ExecutionMode.CONCURRENT)
class RedisClusterIT {

  private static final String ADVICE =
      "; a cluster of several shards needs a hash tag in DRAMATIQ_NAMESPACE, such as {dramatiq},"
          + " and REDIS_HOST must be the node with its keys";

  /** Redis 6 talks to its peers on the port that is 10,000 higher. */
  private static RedisServer node(Version version) {
    return version == Version.V7
        ? RedisServer.start(
            "--cluster-enabled", "yes", "--cluster-port", "" + RedisServer.freePort())
        : RedisServer.start(version, RedisServer.freePort() - 10_000, "--cluster-enabled", "yes");
  }

  private static RedisServer oneShard(Version version) {
    RedisServer node = node(version);
    serve(node, 0, 16_383);
    return node;
  }

  /**
   * Two nodes: of the default namespace, the heartbeats are on the first, the queue is on the
   * second.
   */
  private record TwoShards(RedisServer first, RedisServer second) implements AutoCloseable {

    static TwoShards start() {
      var shards = new TwoShards(node(Version.V7), node(Version.V7));
      serve(shards.first, 0, 8_191);
      serve(shards.second, 8_192, 16_383);
      try (var client = shards.first.client();
          var second = shards.second.client()) {
        String busPort = second.configGet("cluster-port").get("cluster-port");
        client.sendCommand(
            Command.CLUSTER, "MEET", "127.0.0.1", "" + shards.second.port(), busPort);
      }
      shards.awaitWhole();
      return shards;
    }

    private void awaitWhole() {
      for (RedisServer node : List.of(first, second)) {
        try (var client = node.client()) {
          await()
              .atMost(Duration.ofSeconds(30))
              .until(
                  () ->
                      client.clusterInfo().contains("cluster_state:ok")
                          && client.clusterInfo().contains("cluster_slots_assigned:16384"));
        }
      }
    }

    @Override
    public void close() {
      first.close();
      second.close();
    }
  }

  private static void serve(RedisServer node, int firstSlot, int lastSlot) {
    try (var client = node.client()) {
      client.clusterAddSlots(IntStream.rangeClosed(firstSlot, lastSlot).toArray());
    }
  }

  private static Object count(ReadOnlyRedis redis, String namespace) {
    return redis.evaluate(
        "return {redis.pcall('ZCARD', KEYS[1]), redis.pcall('LLEN', ARGV[1] .. ':default')}",
        List.of(namespace + ":__heartbeats__"),
        List.of(namespace));
  }

  private static String name(int port) {
    return "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT)".formatted(port);
  }

  @ParameterizedTest
  @EnumSource(Version.class)
  void clusterOfOneShardIsReadInAnyNamespace(Version version) {
    try (var node = oneShard(version);
        var redis = RedisClients.at(node.port());
        var client = node.client()) {
      await().until(() -> client.clusterInfo().contains("cluster_state:ok"));
      client.rpush("dramatiq:default", "a", "b");
      client.rpush("{dramatiq}:default", "a", "b", "c");
      assertThat(count(redis, "dramatiq")).isEqualTo(List.of(0L, 2L));
      assertThat(count(redis, "{dramatiq}")).isEqualTo(List.of(0L, 3L));
    }
  }

  @Test
  void clusterOfTwoShardsIsReadInANamespaceWithAHashTag() {
    try (var shards = TwoShards.start();
        var redis = RedisClients.at(shards.second.port());
        var client = shards.second.client()) {
      client.rpush("{dramatiq}:default", "a", "b", "c");
      assertThat(count(redis, "{dramatiq}")).isEqualTo(List.of(0L, 3L));
    }
  }

  @Test
  void clusterOfTwoShardsCostsTheKeysOfTheOtherNodeInANamespaceWithoutHashTag() {
    try (var shards = TwoShards.start();
        var redis = RedisClients.at(shards.first.port())) {
      assertThat(count(redis, "dramatiq"))
          .asInstanceOf(InstanceOfAssertFactories.LIST)
          .satisfiesExactly(
              heartbeats -> assertThat(heartbeats).isEqualTo(0L),
              queue ->
                  assertThat(queue)
                      .asInstanceOf(InstanceOfAssertFactories.type(RedisException.class))
                      .extracting(RedisException::getMessage)
                      .isEqualTo(
                          "ERR Script attempted to access a non local key in a cluster node"
                              + ADVICE));
      assertThatThrownBy(
              () ->
                  redis.evaluate(
                      "return redis.call('LLEN', 'dramatiq:default')",
                      List.of("dramatiq:__heartbeats__"),
                      List.of()))
          .isInstanceOf(RedisException.class)
          .hasMessageStartingWith(
              name(shards.first.port())
                  + " refused: ERR Script attempted to access a non local key in a cluster node")
          .hasMessageEndingWith(ADVICE);
    }
  }

  @Test
  void nodeWithoutTheKeysNamesTheOneThatHasThem() {
    try (var shards = TwoShards.start();
        var redis = RedisClients.at(shards.first.port())) {
      assertThatThrownBy(() -> count(redis, "{dramatiq}"))
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name(shards.first.port())
                  + " refused: MOVED 12515 127.0.0.1:"
                  + shards.second.port()
                  + ADVICE);
    }
  }

  @Test
  void slotThatIsBeingMovedIsRefused() throws IOException {
    try (var server = StubServer.answering("-ASK 3999 127.0.0.1:6381\r\n")) {
      assertThatThrownBy(() -> count(RedisClients.at(server.port()), "dramatiq"))
          .isInstanceOf(RedisException.class)
          .hasMessage(name(server.port()) + " refused: ASK 3999 127.0.0.1:6381" + ADVICE);
    }
  }

  @Test
  void severalDeclaredKeysAreRefused() {
    try (var node = oneShard(Version.V7);
        var redis = RedisClients.at(node.port())) {
      assertThatThrownBy(() -> redis.evaluate("return 1", List.of("a", "b"), List.of()))
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name(node.port())
                  + " refused: CROSSSLOT Keys in request don't hash to the same slot"
                  + ADVICE);
    }
  }

  @Test
  void clusterThatIsDownIsSaidToBeDown() {
    try (var node = node(Version.V7);
        var redis = RedisClients.at(node.port())) {
      assertThatThrownBy(() -> count(redis, "dramatiq"))
          .isInstanceOf(RedisException.class)
          .hasMessage(
              name(node.port())
                  + " is a cluster that is partly or wholly down: CLUSTERDOWN Hash slot not served");
    }
  }

  @Test
  void anotherDatabaseOfAClusterIsNamed() {
    try (var node = oneShard(Version.V7)) {
      var endpoint = new RedisEndpoint("127.0.0.1", node.port(), 1, false, new Login.None());
      assertThatThrownBy(RedisClients.at(endpoint)::ping)
          .isInstanceOf(RedisException.class)
          .hasMessage(endpoint + " refused: ERR SELECT is not allowed in cluster mode");
    }
  }
}
