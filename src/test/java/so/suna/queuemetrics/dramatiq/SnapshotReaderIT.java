package so.suna.queuemetrics.dramatiq;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import redis.clients.jedis.Jedis;
import so.suna.queuemetrics.dramatiq.Reading.Known;
import so.suna.queuemetrics.dramatiq.Reading.Unknown;
import so.suna.queuemetrics.kit.RedisClients;
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

  /** Where nobody listens, if Redis is to be down. */
  private int deadPort;

  @Override
  ScriptRunner redis() {
    return deadPort == 0 ? runner::evaluate : RedisClients.at(deadPort)::evaluate;
  }

  @Override
  long scripts() {
    return redis
        .info("commandstats")
        .lines()
        .filter(line -> line.startsWith("cmdstat_eval"))
        .mapToLong(line -> Long.parseLong(line.replaceAll(".*calls=([0-9]+),usec=.*", "$1")))
        .sum();
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
    deadPort = RedisServer.freePort();
  }

  @Override
  String failure() {
    return "Redis 127.0.0.1:%d (REDIS_HOST, REDIS_PORT) could not be reached: 127.0.0.1: Connection refused"
        .formatted(deadPort);
  }

  static Stream<Fixture> fixtures() {
    return Fixture.all();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void readsWhatDramatiqKnows(Fixture fixture) {
    fixture.restoreTo(redis);

    Snapshot snapshot = reader(fixture.recordedAt(), fixture.queues()).read();

    assertThat(total(snapshot, Metric.QUEUE_DEPTH)).isEqualTo(new Known(fixture.knows("waiting")));
    assertThat(total(snapshot, Metric.JOBS_IN_FLIGHT))
        .isEqualTo(new Known(fixture.knows("in_flight")));
    assertThat(total(snapshot, Metric.JOBS_DELAYED)).isEqualTo(new Known(fixture.knows("delayed")));
    assertThat(total(snapshot, Metric.DEAD_LETTERS))
        .isEqualTo(new Known(fixture.knows("dead_letters")));
    assertThat(total(snapshot, Metric.NEW_DEAD_LETTERS))
        .isEqualTo(new Known(fixture.knows("dead_letters")));
    assertThat(total(snapshot, Metric.ACTIVE_BROKERS))
        .isEqualTo(new Known(fixture.knows("active_brokers")));
    assertThat(total(snapshot, Metric.ORPHANED_MESSAGES))
        .isEqualTo(new Known(fixture.knows("orphaned")));
    if (!fixture.name().matches(".* (purged|lost-payloads)")) {
      assertThat(snapshot.notices()).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({"1.18.0", "2.2.0"})
  void whatAKilledWorkerHeldStaysInFlightWhenItIsLongSilent(String version) {
    var fixture = Fixture.of(version, "killed-worker");
    fixture.restoreTo(redis);

    Snapshot snapshot = reader(fixture.recordedAt().plusSeconds(600), fixture.queues()).read();

    assertThat(total(snapshot, Metric.ACTIVE_BROKERS)).isEqualTo(new Known(0));
    assertThat(total(snapshot, Metric.JOBS_IN_FLIGHT))
        .isEqualTo(new Known(fixture.knows("in_flight")));
    assertThat(total(snapshot, Metric.ORPHANED_MESSAGES)).isEqualTo(new Known(0));
  }

  static Stream<Fixture> noticed() {
    return Fixture.VERSIONS.stream()
        .flatMap(
            version -> Stream.of("purged", "lost-payloads").map(of -> Fixture.of(version, of)));
  }

  @ParameterizedTest
  @MethodSource("noticed")
  void fetchedIdsWithoutAPayloadAreNoticedAndNoProblem(Fixture fixture) {
    fixture.restoreTo(redis);

    Snapshot snapshot = reader(fixture.recordedAt(), fixture.queues()).read();

    assertThat(snapshot.notices())
        .first()
        .asString()
        .startsWith(
            "queue default: ids without a payload, purged or lost: %d;"
                .formatted(fixture.knows("in_flight")));
    assertThat(snapshot.problems()).isEmpty();
  }

  static Stream<Fixture> fixturesWithTheOldestAtOneEnd() {
    return Fixture.all().filter(fixture -> !fixture.name().matches(".* (pickle-encoder|requeued)"));
  }

  @ParameterizedTest
  @MethodSource("fixturesWithTheOldestAtOneEnd")
  void readsTheAgeThatDramatiqKnows(Fixture fixture) {
    fixture.restoreTo(redis);

    assertThat(total(reader(fixture.recordedAt(), fixture.queues()).read(), Metric.OLDEST_JOB_AGE))
        .isEqualTo(new Known(fixture.oldestAgeSeconds()));
  }

  @ParameterizedTest
  @CsvSource({"1.18.0", "2.2.0"})
  void ageAfterARequeueIsALowerBoundThatTheTailRaises(String version) {
    var fixture = Fixture.of(version, "requeued");
    fixture.restoreTo(redis);

    double age =
        total(reader(fixture.recordedAt(), fixture.queues()).read(), Metric.OLDEST_JOB_AGE)
            .known()
            .orElseThrow();

    assertThat(age)
        .isBetween(age(fixture, -1), fixture.oldestAgeSeconds())
        .isGreaterThan(age(fixture, 0));
  }

  @ParameterizedTest
  @CsvSource({"1.18.0", "2.2.0"})
  void ageOfPickledMessagesIsUnknown(String version) {
    var fixture = Fixture.of(version, "pickle-encoder");
    fixture.restoreTo(redis);
    String first = redis.lindex("dramatiq:default", 0);

    assertThat(reader(fixture.recordedAt(), fixture.queues()).read().problems())
        .containsExactly(
            "queue default: oldest age not read: message %s is not a JSON object".formatted(first));
  }

  @Test
  void heartbeatOfAMinuteAgoCountsAndAnOlderOneDoesNot() {
    redis.zadd("dramatiq:__heartbeats__", (double) NOON.minusSeconds(60).toEpochMilli(), "alive");
    redis.zadd(
        "dramatiq:__heartbeats__", (double) NOON.minusSeconds(60).toEpochMilli() - 1, "silent");

    assertThat(total(reader(NOON, List.of(DEFAULT)).read(), Metric.ACTIVE_BROKERS))
        .isEqualTo(new Known(1));
  }

  @Test
  void deadLetterOfAMinuteAgoIsNewAndAnOlderOneIsNot() {
    redis.zadd("dramatiq:default.XQ", (double) NOON.minusSeconds(60).toEpochMilli(), "new");
    redis.zadd("dramatiq:default.XQ", (double) NOON.minusSeconds(60).toEpochMilli() - 1, "old");

    QueueSnapshot queue = reader(NOON, List.of(DEFAULT)).read().queues().getFirst();

    assertThat(queue.figures().reading(Metric.DEAD_LETTERS)).isEqualTo(new Known(2));
    assertThat(queue.figures().reading(Metric.NEW_DEAD_LETTERS)).isEqualTo(new Known(1));
  }

  @Test
  void oldestMessageIsFoundAtTheTail() {
    put("new", message(NOON.minusSeconds(1)));
    put("requeued", message(NOON.minusSeconds(30)));

    assertThat(oldestAge()).isEqualTo(new Known(30));
  }

  @Test
  void oldestMessageIsFoundAtTheHead() {
    put("old", message(NOON.minusSeconds(30)));
    put("new", message(NOON.minusSeconds(1)));

    assertThat(oldestAge()).isEqualTo(new Known(30));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"args":["\\\\",\\"message_timestamp\\":1}"],"message_timestamp":1767268790000}
          {"args":[{"message_timestamp":1}],"message_timestamp":1767268790000}
          {"message_timestamp":1767268790000,"args":[{"message_timestamp":1}]}
          {"message_timestamp":1,"message_timestamp":1767268790000}
          {"message_timestamp":null,"message_timestamp":1767268790000,"zz":1}
          {"message_timestamp":1.76726879e12}
          { "message_timestamp" : 1767268790000 }
           {"message_timestamp":1767268790000} \s
          {"message_timestamp":1767268790000,"zz_own_field":true}
          """)
  void topLevelTimestampIsTakenWhateverSurroundsIt(String payload) {
    put("a", payload);

    assertThat(oldestAge()).isEqualTo(new Known(10));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"args":[]}                                   | must have a message_timestamp in whole milliseconds since 1970
          {"args":[{"message_timestamp":1}]}            | must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":"1767268790000"}         | must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":{"key":"in-payload"}}    | must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":["in-payload"]}          | must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":true}                    | must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":null}                    | must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":NaN}                     | must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":1767268790000.5}         | must have a message_timestamp in whole milliseconds since 1970
          {"message_timestamp":1767268790000            | is not valid JSON
          {"message_timestamp":1767268790000} {}        | is not valid JSON
          {'message_timestamp':1767268790000}           | is not valid JSON
          prefix {"message_timestamp":1767268790000}    | is not a JSON object
          []                                            | is not a JSON object
          1767268790000                                 | is not a JSON object
          ""                                            | is not a JSON object
          """)
  void ageIsUnknownIfThePayloadDoesNotTell(String payload, String reason) {
    put("a", payload);

    assertThat(oldestAge())
        .isEqualTo(new Unknown("queue default: oldest age not read: message a " + reason));
  }

  @ParameterizedTest
  @CsvSource({
    "0,                   earlier",
    "-5,                  earlier",
    "1767268790,          earlier",
    "1483228799999,       earlier",
    "1767355200001,       later",
    "1767268790000000,    later",
    "99999999999999999999, later",
    "1767268790000000000, later"
  })
  void timeThatCannotBeInMillisecondsIsUnknown(String timestamp, String was) {
    put("a", "{\"message_timestamp\":%s}".formatted(timestamp));

    assertThat(oldestAge())
        .isEqualTo(
            new Unknown(
                "queue default: oldest age not read: message_timestamp must be in milliseconds and from 2017 to a day ahead, was "
                    + was));
  }

  @ParameterizedTest
  @CsvSource({"1483228800000, 284040000", "1767355200000, 0"})
  void firstAndLastTimeThatCountAreKnown(String timestamp, double age) {
    put("a", "{\"message_timestamp\":%s}".formatted(timestamp));

    assertThat(oldestAge()).isEqualTo(new Known(age));
  }

  @Test
  void payloadThatIsTooLongToDecodeIsKnownOnlyIfItEndsAsDramatiqsDo() {
    String argument = "x".repeat(16_384);
    put("a", "{\"message_timestamp\":1767268790000,\"args\":[\"%s\"]}".formatted(argument));

    assertThat(oldestAge())
        .isEqualTo(
            new Unknown(
                "queue default: oldest age not read: message a does not end with its message_timestamp and is longer than 16384 bytes"));

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
            new Unknown(
                "queue default: oldest age not read: message with an id of %d bytes is not a JSON object"
                    .formatted(length)));
  }

  @Test
  void lostPayloadAtOneEndLeavesTheAgeOfTheOtherAndANotice() {
    redis.rpush("dramatiq:default", "lost");
    put("last", message(NOON.minusSeconds(3)));
    redis.hset("dramatiq:default.msgs", "orphan", message(NOON));

    Snapshot snapshot = reader(NOON, List.of(DEFAULT)).read();

    assertThat(total(snapshot, Metric.OLDEST_JOB_AGE)).isEqualTo(new Known(3));
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

    Snapshot snapshot = reader(NOON, List.of(DEFAULT, new QueueName("other"))).read();

    assertThat(oldestAge(snapshot.queues().getFirst())).isEqualTo(new Reading.Absent());
    assertThat(total(snapshot, Metric.OLDEST_JOB_AGE)).isEqualTo(new Known(3));
    assertThat(snapshot.notices()).hasSize(2);
  }

  @Test
  void ageIsLeftOutIfNobodyWantsIt() {
    put("a", "pickled");
    var reader =
        new SnapshotReader(runner::evaluate, "dramatiq", List.of(DEFAULT), false, at(NOON));

    Snapshot snapshot = reader.read();

    assertThat(total(snapshot, Metric.OLDEST_JOB_AGE)).isEqualTo(new Reading.Absent());
    assertThat(total(snapshot, Metric.QUEUE_DEPTH)).isEqualTo(new Known(1));
    assertThat(snapshot.problems()).isEmpty();
  }

  @Test
  void clockThatRunsAheadGivesNoNegativeAge() {
    put("a", message(NOON.plusSeconds(5)));

    assertThat(oldestAge()).isEqualTo(new Known(0));
  }

  @Test
  void deletedListsLeaveOrphansAndNothingInFlight() {
    redis.hset("dramatiq:default.msgs", Map.of("a", message(NOON), "b", message(NOON)));
    redis.hset("dramatiq:default.DQ.msgs", "c", message(NOON));

    Snapshot snapshot = reader(NOON, List.of(DEFAULT)).read();

    assertThat(total(snapshot, Metric.JOBS_IN_FLIGHT)).isEqualTo(new Known(0));
    assertThat(total(snapshot, Metric.JOBS_DELAYED)).isEqualTo(new Known(0));
    assertThat(total(snapshot, Metric.ORPHANED_MESSAGES)).isEqualTo(new Known(3));
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

    Snapshot snapshot = reader(NOON, List.of(DEFAULT)).read();

    assertThat(total(snapshot, Metric.QUEUE_DEPTH)).isEqualTo(new Known(1));
    assertThat(total(snapshot, Metric.JOBS_IN_FLIGHT)).isEqualTo(new Known(3));
    assertThat(total(snapshot, Metric.JOBS_DELAYED)).isEqualTo(new Known(1));
    assertThat(total(snapshot, Metric.ORPHANED_MESSAGES)).isEqualTo(new Known(1));
    assertThat(snapshot.notices()).isEmpty();
  }

  @Test
  void idsWithoutAPayloadAreNoticedAndNotClamped() {
    redis.zadd("dramatiq:__heartbeats__", 1, "busy");
    redis.sadd("dramatiq:__acks__.busy.default", "purged", "too");
    redis.sadd("dramatiq:__acks__.busy.default.DQ", "purged");

    Snapshot snapshot = reader(NOON, List.of(DEFAULT)).read();

    assertThat(total(snapshot, Metric.JOBS_IN_FLIGHT)).isEqualTo(new Known(2));
    assertThat(total(snapshot, Metric.ORPHANED_MESSAGES)).isEqualTo(new Known(0));
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

    assertThat(total(reader(NOON, List.of(DEFAULT)).read(), Metric.ORPHANED_MESSAGES))
        .isEqualTo(new Known(1));
  }

  @ParameterizedTest
  @CsvSource({"500, true", "501, false"})
  void ackSetsOfManyBrokersAreAskedOnlyOfQueuesWhoseBooksDiffer(int brokers, boolean asked) {
    for (int broker = 0; broker < brokers; broker++) {
      redis.zadd("dramatiq:__heartbeats__", 1, "b" + broker);
    }
    redis.configResetStat();

    reader(NOON, List.of(DEFAULT, new QueueName("other"))).read();

    assertThat(redis.info("commandstats").contains("cmdstat_scard")).isEqualTo(asked);
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

    List<QueueSnapshot> queues =
        reader(NOON, List.of(new QueueName("bad"), DEFAULT)).read().queues();

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

    assertThat(reader(NOON, List.of(DEFAULT)).read().problems())
        .extracting(problem -> problem.replaceFirst("not read: WRONGTYPE.*", "not read"))
        .containsExactly(
            "queue default: delayed not read",
            "queue default: in flight not read",
            "active brokers not read");
  }

  @Test
  void redis6GivesTheSameSnapshots() {
    try (var server6 = RedisServer.start(RedisServer.Version.V6, RedisServer.freePort());
        var redis6 = server6.client();
        var runner6 = RedisClients.at(server6.port())) {
      Fixture.all()
          .forEach(
              fixture -> {
                fixture.restoreTo(redis);
                fixture.restoreTo(redis6);
                for (Jedis each : List.of(redis, redis6)) {
                  each.set("dramatiq:bad", "a string");
                  each.rpush("dramatiq:orphan", "id");
                }
                var queues = new ArrayList<>(fixture.queues());
                queues.addAll(List.of(new QueueName("bad"), new QueueName("orphan")));
                var reader6 =
                    new SnapshotReader(
                        runner6::evaluate, "dramatiq", queues, true, at(fixture.recordedAt()));
                assertThat(reader6.read()).isEqualTo(reader(fixture.recordedAt(), queues).read());
              });
    }
  }

  private static double age(Fixture fixture, int index) {
    String payload = redis.hget("dramatiq:default.msgs", redis.lindex("dramatiq:default", index));
    long sentMillis = Long.parseLong(payload.replaceAll(".*:([0-9]+)}", "$1"));
    return (fixture.recordedAt().toEpochMilli() - sentMillis) / 1000.0;
  }

  private Reading oldestAge() {
    return oldestAge(reader(NOON, List.of(DEFAULT)).read().queues().getFirst());
  }

  private static Reading oldestAge(QueueSnapshot queue) {
    return queue.figures().reading(Metric.OLDEST_JOB_AGE);
  }

  private static Reading total(Snapshot snapshot, Metric metric) {
    return snapshot.totals().reading(metric);
  }

  private static SnapshotReader reader(Instant now, List<QueueName> queues) {
    return new SnapshotReader(runner::evaluate, "dramatiq", queues, true, at(now));
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

  private static Clock at(Instant instant) {
    return Clock.fixed(instant, ZoneOffset.UTC);
  }
}
