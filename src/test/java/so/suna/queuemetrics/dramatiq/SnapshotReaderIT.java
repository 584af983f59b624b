package so.suna.queuemetrics.dramatiq;

import static org.assertj.core.api.Assertions.assertThat;
import static so.suna.queuemetrics.dramatiq.Metric.ACTIVE_BROKERS;
import static so.suna.queuemetrics.dramatiq.Metric.JOBS_DELAYED;
import static so.suna.queuemetrics.dramatiq.Metric.JOBS_IN_FLIGHT;
import static so.suna.queuemetrics.dramatiq.Metric.OLDEST_JOB_AGE;
import static so.suna.queuemetrics.dramatiq.Metric.ORPHANED_MESSAGES;
import static so.suna.queuemetrics.dramatiq.Metric.QUEUE_DEPTH;

import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import redis.clients.jedis.Jedis;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.kit.RedisCounts;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.redis.ReadOnlyRedis;

/** The script against a real Redis, with keys that real Dramatiq wrote. */
class SnapshotReaderIT extends SnapshotReaderContract {

  private static final QueueName DEFAULT = new QueueName("default");

  private static RedisServer server;
  private static Jedis redis;
  private static ReadOnlyRedis runner;

  @BeforeAll
  static void start() {
    server = RedisServer.start();
    redis = server.client();
    runner = RedisClients.at(server.port());
  }

  @AfterAll
  static void stop() {
    runner.close();
    redis.close();
    server.close();
  }

  @BeforeEach
  void empty() {
    redis.flushAll();
  }

  /** Asks where nobody listens. */
  private final int deadPort = RedisServer.freePort();

  private final ReadOnlyRedis down = RedisClients.at(deadPort);
  private boolean isDown;

  @AfterEach
  void close() {
    down.close();
  }

  @Override
  ScriptRunner redis() {
    return (isDown ? down : runner)::evaluate;
  }

  @Override
  long scripts() {
    return RedisCounts.calls(redis, "eval_ro");
  }

  @Override
  void keepDeadLetters(String queue, int number) {
    for (int id = 0; id < number; id++) {
      redis.zadd("dramatiq:%s.XQ".formatted(queue), (double) NOON.toEpochMilli(), "id" + id);
    }
  }

  @Override
  void spoilList(String queue) {
    redis.set("dramatiq:" + queue, "a string");
  }

  @Override
  String reason() {
    return "WRONGTYPE Operation against a key holding the wrong kind of value";
  }

  @Override
  void breakDown() {
    isDown = true;
  }

  @Override
  String failure() {
    return "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT) could not be reached: 127.0.0.1: Connection refused"
        .formatted(deadPort);
  }

  @ParameterizedTest
  @MethodSource("so.suna.queuemetrics.dramatiq.Fixture#all")
  void readsWhatDramatiqKnows(Fixture fixture) {
    fixture.restoreTo(redis);

    Snapshot snapshot = read(fixture.recordedAt(), fixture.queues());

    Map<Metric, Double> known = known(snapshot);
    assertThat(known).containsAllEntriesOf(fixture.knows());
    switch (fixture.scenario()) {
      case "purged", "lost-payloads" ->
          assertThat(snapshot.notices())
              .first()
              .asString()
              .startsWith(
                  "queue default: ids without a payload, purged or lost: %.0f;"
                      .formatted(known.get(JOBS_IN_FLIGHT)));
      default -> assertThat(snapshot.notices()).isEmpty();
    }
    switch (fixture.scenario()) {
      // A lower bound, which the tail raises.
      case "requeued" ->
          assertThat(known.get(OLDEST_JOB_AGE))
              .isBetween(age(fixture, -1), fixture.oldestAgeSeconds())
              .isGreaterThan(age(fixture, 0));
      case "pickle-encoder" ->
          assertThat(snapshot.problems())
              .containsExactly(
                  "queue default: oldest age not read: message %s is not a JSON object"
                      .formatted(redis.lindex("dramatiq:default", 0)));
      default -> {
        assertThat(known).containsEntry(OLDEST_JOB_AGE, fixture.oldestAgeSeconds());
        assertThat(snapshot.problems()).isEmpty();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.18.0/killed-worker", "2.2.0/killed-worker"})
  void whatAKilledWorkerHeldStaysInFlightWhenItIsLongSilent(String name) {
    var fixture = Fixture.of(name);
    fixture.restoreTo(redis);

    assertThat(known(read(fixture.recordedAt().plusSeconds(600), fixture.queues())))
        .containsEntry(JOBS_IN_FLIGHT, fixture.knows().get(JOBS_IN_FLIGHT))
        .containsEntry(ACTIVE_BROKERS, 0.)
        .containsEntry(ORPHANED_MESSAGES, 0.);
  }

  @ParameterizedTest
  @CsvSource({
    "dramatiq:__heartbeats__, ACTIVE_BROKERS,   1",
    "dramatiq:default.XQ,     NEW_DEAD_LETTERS, 1",
    "dramatiq:default.XQ,     DEAD_LETTERS,     2"
  })
  void whatIsAMinuteOldIsRecentAndWhatIsOlderIsNot(String key, Metric metric, double counted) {
    double minuteAgo = NOON.minusSeconds(60).toEpochMilli();
    redis.zadd(key, Map.of("recent", minuteAgo, "older", minuteAgo - 1));

    assertThat(known(read())).containsEntry(metric, counted);
  }

  @ParameterizedTest
  @CsvSource({"1, 30", "30, 1"})
  void oldestMessageIsFoundAtEitherEnd(long first, long last) {
    put("first", message(NOON.minusSeconds(first)));
    put("last", message(NOON.minusSeconds(last)));

    assertThat(oldestAge()).isEqualTo(new Known(30));
  }

  /**
   * Ten seconds before noon is 1767268790000, and the age is in seconds, or why it is not known.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"args":["\\\\",\\"message_timestamp\\":1}"],"message_timestamp":1767268790000} | 10
          {"args":[{"message_timestamp":1}],"message_timestamp":1767268790000}       | 10
          {"message_timestamp":1767268790000,"args":[{"message_timestamp":1}]}       | 10
          {"message_timestamp":1,"message_timestamp":1767268790000}                  | 10
          {"message_timestamp":null,"message_timestamp":1767268790000,"zz":1}        | 10
          {"message_timestamp":1.76726879e12}                                        | 10
          { "message_timestamp" : 1767268790000 }                                    | 10
          ` {"message_timestamp":1767268790000}  `                                   | 10
          {"message_timestamp":1767268790000,"zz_own_field":true}                    | 10
          {"message_timestamp":1483228800000}           | 284040000
          {"message_timestamp":1767355200000}           | 0
          # A clock that runs ahead gives no negative age.
          {"message_timestamp":1767268805000}           | 0
          {"args":[]}                                   | message a must have a message_timestamp in whole milliseconds since 1970
          {"args":[{"message_timestamp":1}]}            | message a must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":"1767268790000"}         | message a must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":{"key":"in-payload"}}    | message a must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":["in-payload"]}          | message a must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":true}                    | message a must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":null}                    | message a must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":NaN}                     | message a must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":1767268790000.5}         | message a must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":1767268790000            | message a is not valid JSON
          {"message_timestamp":1767268790000} {}        | message a is not valid JSON
          {'message_timestamp':1767268790000}           | message a is not valid JSON
          prefix {"message_timestamp":1767268790000}    | message a is not a JSON object
          []                                            | message a is not a JSON object
          1767268790000                                 | message a is not a JSON object
          ""                                            | message a is not a JSON object
          {"message_timestamp":0}                       | message_timestamp must be in milliseconds and from 2017 to a day ahead, was earlier
          {"message_timestamp":-5}                      | message_timestamp must be in milliseconds and from 2017 to a day ahead, was earlier
          {"message_timestamp":1767268790}              | message_timestamp must be in milliseconds and from 2017 to a day ahead, was earlier
          {"message_timestamp":1483228799999}           | message_timestamp must be in milliseconds and from 2017 to a day ahead, was earlier
          {"message_timestamp":1767355200001}           | message_timestamp must be in milliseconds and from 2017 to a day ahead, was later
          {"message_timestamp":1767268790000000}        | message_timestamp must be in milliseconds and from 2017 to a day ahead, was later
          {"message_timestamp":99999999999999999999}    | message_timestamp must be in milliseconds and from 2017 to a day ahead, was later
          {"message_timestamp":1767268790000000000}     | message_timestamp must be in milliseconds and from 2017 to a day ahead, was later
          """)
  void ageIsThatOfTheTopLevelTimestamp(String payload, String age) {
    put("a", payload);

    assertThat(oldestAge())
        .isEqualTo(age.matches("[0-9]+") ? new Known(Long.parseLong(age)) : notRead(age));
  }

  @Test
  void payloadThatIsTooLongToDecodeIsKnownOnlyIfItEndsAsDramatiqsDo() {
    String argument = "x".repeat(16_384);
    put("a", "{\"message_timestamp\":1767268790000,\"args\":[\"%s\"]}".formatted(argument));

    assertThat(oldestAge())
        .isEqualTo(
            notRead(
                "message a does not end with its message_timestamp and is longer than 16384 bytes"));

    put("a", "{\"args\":[\"%s\"],\"message_timestamp\":1767268790000}".formatted(argument));

    assertThat(oldestAge()).isEqualTo(new Known(10));
  }

  @ParameterizedTest
  @CsvSource({
    "jane@example.org, 16",
    "'with blank',     10",
    "'{\"api_key\":\"S\"}', 15",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, 65"
  })
  void idThatDoesNotLookLikeOneIsNotShown(String id, int length) {
    put(id, "not JSON");

    assertThat(oldestAge())
        .isEqualTo(
            notRead("message with an id of %d bytes is not a JSON object".formatted(length)));
  }

  @Test
  void lostPayloadAtOneEndLeavesTheAgeOfTheOtherAndANotice() {
    redis.rpush("dramatiq:default", "lost");
    put("last", message(NOON.minusSeconds(3)));
    redis.hset("dramatiq:default.msgs", "orphan", message(NOON));

    Snapshot snapshot = read();

    assertThat(known(snapshot)).containsEntry(OLDEST_JOB_AGE, 3.);
    assertThat(snapshot.problems()).isEmpty();
    assertThat(snapshot.notices())
        .containsExactly(
            "queue default: the first or last waiting id has no payload, so its age is left out");
  }

  @Test
  void ageIsAbsentIfThePayloadsAtBothEndsAreLost() {
    redis.rpush("dramatiq:default", "a", "b");
    redis.rpush("dramatiq:other", "c");
    redis.hset("dramatiq:other.msgs", "c", message(NOON.minusSeconds(3)));

    Snapshot snapshot = read(NOON, List.of(DEFAULT, new QueueName("other")));

    assertThat(snapshot.queues().getFirst().figures().reading(OLDEST_JOB_AGE))
        .isEqualTo(new Reading.Absent());
    assertThat(known(snapshot)).containsEntry(OLDEST_JOB_AGE, 3.);
    assertThat(snapshot.notices()).hasSize(2);
  }

  @Test
  void ageIsLeftOutIfNobodyWantsIt() {
    put("a", "pickled");

    Snapshot snapshot = reader(runner, NOON, List.of(DEFAULT), false).read();

    assertThat(snapshot.totals().reading(OLDEST_JOB_AGE)).isEqualTo(new Reading.Absent());
    assertThat(known(snapshot)).containsEntry(QUEUE_DEPTH, 1.);
    assertThat(snapshot.problems()).isEmpty();
  }

  @Test
  void deletedListsLeaveOrphansAndNothingInFlight() {
    redis.hset("dramatiq:default.msgs", Map.of("a", message(NOON), "b", message(NOON)));
    redis.hset("dramatiq:default.DQ.msgs", "c", message(NOON));

    Snapshot snapshot = read();

    assertThat(known(snapshot))
        .containsAllEntriesOf(Map.of(JOBS_IN_FLIGHT, 0., JOBS_DELAYED, 0., ORPHANED_MESSAGES, 3.));
    assertThat(snapshot.problems()).isEmpty();
  }

  @Test
  void inFlightIsWhatEveryBrokerInTheHeartbeatsHasFetched() {
    redis.zadd("dramatiq:__heartbeats__", Map.of("busy", 1.0, "killed", 0.0));
    put("waiting", message(NOON));
    fetched("busy", "default", "a", "b");
    fetched("killed", "default", "c");
    fetched("busy", "default.DQ", "d");
    fetched("forgotten", "default", "orphan");

    Snapshot snapshot = read();

    assertThat(known(snapshot))
        .containsAllEntriesOf(
            Map.of(QUEUE_DEPTH, 1., JOBS_IN_FLIGHT, 3., JOBS_DELAYED, 1., ORPHANED_MESSAGES, 1.));
    assertThat(snapshot.notices()).isEmpty();
  }

  @Test
  void idsWithoutAPayloadAreNoticedAndNotClamped() {
    redis.zadd("dramatiq:__heartbeats__", 1, "busy");
    redis.sadd("dramatiq:__acks__.busy.default", "purged", "too");
    redis.sadd("dramatiq:__acks__.busy.default.DQ", "purged");

    Snapshot snapshot = read();

    assertThat(known(snapshot))
        .containsAllEntriesOf(Map.of(JOBS_IN_FLIGHT, 2., ORPHANED_MESSAGES, 0.));
    assertThat(snapshot.problems()).isEmpty();
    assertThat(snapshot.notices())
        .containsExactly(
            "queue default: ids without a payload, purged or lost: 2; those that workers have fetched count until the workers acknowledge them or end",
            "queue default.DQ: ids without a payload, purged or lost: 1; those that workers have fetched count until the workers acknowledge them or end");
  }

  @Test
  void delayedIdsWithoutAPayloadHideNoOrphans() {
    redis.hset("dramatiq:default.msgs", "orphan", message(NOON));
    redis.rpush("dramatiq:default.DQ", "lost");

    assertThat(known(read())).containsEntry(ORPHANED_MESSAGES, 1.);
  }

  @ParameterizedTest
  @CsvSource({"500, true", "501, false"})
  void ackSetsOfManyBrokersAreAskedOnlyOfQueuesWhoseBooksDiffer(int brokers, boolean asked) {
    for (int broker = 0; broker < brokers; broker++) {
      redis.zadd("dramatiq:__heartbeats__", 1, "b" + broker);
    }
    long before = RedisCounts.calls(redis, "scard");

    read(NOON, List.of(DEFAULT, new QueueName("other")));

    assertThat(RedisCounts.calls(redis, "scard") > before).isEqualTo(asked);
  }

  @ParameterizedTest
  @CsvSource({
    "dramatiq:bad,          waiting;oldest age",
    "dramatiq:bad.msgs,     orphaned messages",
    "dramatiq:bad.DQ,       delayed",
    "dramatiq:bad.DQ.msgs,  orphaned messages",
    "dramatiq:__acks__.busy.bad, in flight",
    "dramatiq:bad.XQ,       dead letters;new dead letters"
  })
  void keyOfAWrongTypeCostsItsOwnValuesOnly(String key, String unknown) {
    redis.zadd("dramatiq:__heartbeats__", 1, "busy");
    redis.set(key, "a string");

    List<QueueSnapshot> queues = read(NOON, List.of(new QueueName("bad"), DEFAULT)).queues();

    assertThat(queues.getFirst().figures().problems().distinct())
        .allSatisfy(
            problem -> assertThat(problem).contains("not read: WRONGTYPE Operation against a key"))
        .extracting(problem -> problem.replaceAll("queue bad: (.*) not read:.*", "$1"))
        .containsExactly(unknown.split(";"));
    assertThat(queues.getLast().figures().problems()).isEmpty();
  }

  @Test
  void heartbeatsOfAWrongTypeCostTheBrokersAndWhatTheyHaveFetched() {
    redis.set("dramatiq:__heartbeats__", "a string");

    assertThat(read().problems())
        .extracting(problem -> problem.replaceFirst("not read: WRONGTYPE.*", "not read"))
        .containsExactly(
            "queue default: delayed not read",
            "queue default: in flight not read",
            "active brokers not read");
  }

  @Test
  void redis6GivesTheSameSnapshots() throws IOException {
    try (var server6 = RedisServer.start(RedisServer.Version.V6, RedisServer.freePort());
        var redis6 = server6.client();
        var runner6 = RedisClients.at(server6.port())) {
      for (Fixture fixture : Fixture.all()) {
        for (Jedis each : List.of(redis, redis6)) {
          fixture.restoreTo(each);
          each.set("dramatiq:bad", "a string");
          each.rpush("dramatiq:orphan", "id");
        }
        var queues = new ArrayList<>(fixture.queues());
        queues.addAll(List.of(new QueueName("bad"), new QueueName("orphan")));
        assertThat(reader(runner6, fixture.recordedAt(), queues, true).read())
            .isEqualTo(read(fixture.recordedAt(), queues));
      }
    }
  }

  private static double age(Fixture fixture, int index) {
    String payload = redis.hget("dramatiq:default.msgs", redis.lindex("dramatiq:default", index));
    long sentMillis = Long.parseLong(payload.replaceAll(".*:([0-9]+)}", "$1"));
    return (fixture.recordedAt().toEpochMilli() - sentMillis) / 1000.0;
  }

  private static Reading oldestAge() {
    return read().totals().reading(OLDEST_JOB_AGE);
  }

  private static Unknown notRead(String reason) {
    return new Unknown("queue default: oldest age not read: " + reason);
  }

  /** What is known of all queues together. */
  private static Map<Metric, Double> known(Snapshot snapshot) {
    var known = new EnumMap<Metric, Double>(Metric.class);
    snapshot
        .totals()
        .readings()
        .forEach((metric, reading) -> reading.known().ifPresent(value -> known.put(metric, value)));
    return known;
  }

  private static Snapshot read() {
    return read(NOON, List.of(DEFAULT));
  }

  private static Snapshot read(Instant now, List<QueueName> queues) {
    return reader(runner, now, queues, true).read();
  }

  private static SnapshotReader reader(
      ReadOnlyRedis redis, Instant now, List<QueueName> queues, boolean oldestAge) {
    return new SnapshotReader(
        redis::evaluate, "dramatiq", queues, oldestAge, Clock.fixed(now, ZoneOffset.UTC));
  }

  private static void put(String id, String payload) {
    redis.hset("dramatiq:default.msgs", id, payload);
    redis.rpush("dramatiq:default", id);
  }

  private static void fetched(String broker, String queue, String... ids) {
    redis.sadd("dramatiq:__acks__.%s.%s".formatted(broker, queue), ids);
    for (String id : ids) {
      redis.hset("dramatiq:%s.msgs".formatted(queue), id, message(NOON));
    }
  }

  private static String message(Instant sentAt) {
    return "{\"queue_name\":\"default\",\"message_timestamp\":%d}".formatted(sentAt.toEpochMilli());
  }
}
