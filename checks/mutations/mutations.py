"""What could be wrong with the code and must be noticed: each a change, and the tests that should see it."""

from dataclasses import dataclass

READER = "dramatiq/SnapshotReader.java"
SCRIPT = "dramatiq/snapshot.lua"
AGE = "dramatiq/MessageAge.java"
FIGURES = "dramatiq/Figures.java"
METRIC = "dramatiq/Metric.java"
DATUMS = "cloudwatch/Datums.java"
PUBLISHER = "cloudwatch/MetricPublisher.java"
HANDLER = "PublishHandler.java"
REDIS = "redis/ReadOnlyRedis.java"
ROUTES = "http/Routes.java"
EVENTS = "http/Events.java"
OPEN_METRICS = "http/OpenMetrics.java"
SETTINGS = "Settings.java"
TOKEN = "http/BearerToken.java"
WORKERS = "ecs/WorkerCounter.java"


@dataclass(frozen=True)
class Mutation:
    name: str
    tests: tuple[str, ...]
    edits: tuple[tuple[str, str, str], ...]  # file, what stands there once, what stands there then


def mutation(name, tests, *edits):
    return Mutation(name, tuple(tests.split()), edits)


# fmt: off
MUTATIONS = (
    mutation("dead letters are read with LLEN", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "redis_pcall('ZCARD', dead_ids)", "redis_pcall('LLEN', dead_ids)")),
    mutation("delayed is LLEN of .DQ", "dramatiq.SnapshotReaderIT",
             (READER, ".and(count(queue, Metric.JOBS_DELAYED, reply.get(5)), Double::sum)", "")),
    mutation("in flight is every payload that is not waiting", "dramatiq.SnapshotReaderIT",
             (READER, "figures.put(Metric.JOBS_IN_FLIGHT, fetched);",
              "figures.put(Metric.JOBS_IN_FLIGHT, payloads.and(waiting, (held, ids) -> held - ids));")),
    mutation("orphans of one part make up for lost payloads of the other", "dramatiq.SnapshotReaderIT",
             (READER, "Math.max(0, some) + Math.max(0, more)", "Math.max(0, some + more)")),
    mutation("ids without a payload are not noticed", "dramatiq.SnapshotReaderIT",
             (READER, "missing > 0", "missing > 9")),
    mutation("the ack sets of a queue that was purged are not asked", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "(always or waiting ~= payloads)", "(waiting ~= payloads)")),
    mutation("only the first broker's ack set counts", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "total = total + ids", "return ids")),
    mutation("new are the dead letters and heartbeats of an hour", "dramatiq.SnapshotReaderIT",
             (READER, "RECENT = Duration.ofSeconds(60)", "RECENT = Duration.ofHours(1)")),
    mutation("a value that Redis refused is 0", "dramatiq.SnapshotReaderIT",
             (READER, ': new Reading.Unknown("%s%s not read: %s".formatted(queue, metric, reason(reply)))', ": new Reading.Known(0)")),
    mutation("a value that is unknown is published as 0", "cloudwatch.DatumsTest",
             (DATUMS, "figures.reading(metric).known().stream()",
              "java.util.stream.DoubleStream.of(figures.reading(metric).known().orElse(0))")),
    mutation("a Redis that does not answer is read as empty", "PublishHandlerTest",
             (HANDLER, "Snapshot.unread(clock.instant())",
              """new Snapshot(clock.instant(), new so.suna.queuemetrics.dramatiq.Figures(Map.of(
                  so.suna.queuemetrics.dramatiq.Metric.QUEUE_DEPTH, new so.suna.queuemetrics.dramatiq.Reading.Known(0))), List.of())""")),
    mutation("the age is that of index -1 only", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "redis_pcall('LINDEX', ids, '0')", "redis_pcall('LINDEX', ids, '-1')")),
    mutation("the age is that of index 0 only", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "redis_pcall('LINDEX', ids, '-1')", "redis_pcall('LINDEX', ids, '0')")),
    mutation("the age is that of the younger message", "dramatiq.SnapshotReaderIT",
             (AGE, "Math::max", "Math::min")),
    mutation("an age may be negative", "dramatiq.SnapshotReaderIT",
             (AGE, "Math.max(0, now.toEpochMilli() - sentMillis) / 1000", "(now.toEpochMilli() - sentMillis) / 1000")),
    mutation("a timestamp in an argument is taken", "dramatiq.SnapshotReaderIT",
             (SCRIPT, """payload:match('[{,]"message_timestamp":(%d+)}$', -40)""",
              """payload:match('[{,]"message_timestamp":(%d+)')""")),
    mutation("a payload that only ends like a message tells an age", "dramatiq.SnapshotReaderIT",
             (SCRIPT, """payload:find('^[ \\t\\n\\r]*{')""", "payload:find('{')")),
    mutation("an age of 57 years is published", "dramatiq.SnapshotReaderIT",
             (AGE, "2017-01-01T00:00:00Z", "1970-01-01T00:00:00Z")),
    mutation("a time in microseconds is an age of 0", "dramatiq.SnapshotReaderIT",
             (AGE, "Duration.ofDays(1)", "Duration.ofDays(99_000_000)")),
    mutation("an id that a producer wrote is shown", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "id:find('^[A-Za-z0-9-]+$') and id", "id")),
    mutation("the ages of the queues are added", "dramatiq.SnapshotTest",
             (METRIC, "unit == Unit.SECONDS ? Math.max(left, right) : left + right", "left + right")),
    mutation("what is in flight is no backlog", "dramatiq.SnapshotTest",
             (FIGURES, "backlogPerWorker(waiting + inFlight, running)", "backlogPerWorker(waiting, running)")),
    mutation("no worker does not count as one", "dramatiq.SnapshotTest",
             (FIGURES, "Math.max(1, workers)", "workers")),
    mutation("the unit is missing", "cloudwatch.DatumsTest",
             (DATUMS, """        .unit(
            switch (metric.unit()) {
              case COUNT -> StandardUnit.COUNT;
              case SECONDS -> StandardUnit.SECONDS;
            })
""", "")),
    mutation("the dimensions are missing", "cloudwatch.DatumsTest",
             (DATUMS, ".dimensions(dimensions)", "")),
    mutation("the timestamp is that of the put", "cloudwatch.DatumsTest",
             (DATUMS, ".timestamp(at)", ".timestamp(Instant.now())")),
    mutation("the timestamp is that of the read, so that it counts a minute later", "cloudwatch.DatumsTest",
             (DATUMS, "snapshot.readAt().truncatedTo(ChronoUnit.MINUTES).minusMillis(1)", "snapshot.readAt()")),
    mutation("the namespace is always Kortix", "cloudwatch.MetricPublisherTest PublishHandlerIT",
             (PUBLISHER, "request.namespace(namespace)", 'request.namespace("Kortix")')),
    mutation("a tick with problems succeeds", "PublishHandlerTest",
             (HANDLER, "log.write(report.line(snapshot, gathered.size(), published));\n", "log.write(report.line(snapshot, gathered.size(), published));\n    if (true) return;\n")),
    mutation("a value that could not be read is not named", "PublishHandlerTest",
             (HANDLER, "report.add(snapshot.problems());", "")),
    mutation("workers that were not counted are none", "PublishHandlerTest",
             (HANDLER, "        .orElse(snapshot);", "        .orElse(snapshot.withWorkers(0, 0));")),
    mutation("a read that fails fails the start", "FirstReadTest",
             ("FirstRead.java", 'log.failure("first read failed", task.exceptionNow());', "throw new IllegalStateException(task.exceptionNow());")),
    mutation("a service that was deleted counts 0 workers", "ecs.WorkerCounterTest",
             (WORKERS, 'Set.of("ACTIVE", "DRAINING")', 'Set.of("ACTIVE", "DRAINING", "INACTIVE")')),
    mutation("a kept connection that died fails the tick", "PublishHandlerFaultsIT",
             (REDIS, "} catch (JedisConnectionException _) {\n        close();\n      }",
              "} catch (JedisConnectionException e) {\n        close();\n        throw e;\n      }")),
    mutation("database 0 is read in place of another", "redis.RedisLoginIT",
             (REDIS, ".database(endpoint.database())", ".database(0)")),
    mutation("a connection is kept for ever", "redis.ReadOnlyRedisIT",
             (REDIS, "!clock.instant().isBefore(keptSince.plus(KEPT_FOR))", "false")),
    mutation("a silent Redis is waited for until Lambda ends the tick", "PublishHandlerFaultsIT",
             (REDIS, "READ_TIMEOUT = Duration.ofSeconds(2)", "READ_TIMEOUT = Duration.ofSeconds(9)")),
    mutation("the script is run with EVAL, which may write", "PublishHandlerIT",
             (REDIS, "evaluate = Command.EVAL_RO;", "evaluate = Command.EVAL;")),
    mutation("an answer may be older than a second", "http.RoutesTest",
             (ROUTES, "SHARED_FOR = Duration.ofSeconds(1)", "SHARED_FOR = Duration.ofMinutes(1)")),
    mutation("every token is right", "http.BearerTokenTest http.RoutesTest QueryFuzzIT",
             (TOKEN, "return MessageDigest.isEqual(token, shown.getBytes(StandardCharsets.UTF_8));", "return true;")),
    mutation("a caller whom AWS has not authenticated needs no token", "http.EventsTest QueryFuzzIT",
             (EVENTS, "caller.asMap().values().stream().anyMatch(value -> !value.isJsonNull())", "true")),
    mutation("one of two Authorization headers suffices", "http.EventsTest",
             (EVENTS, '.collect(Collectors.joining(","))\n        : "";', '.findFirst()\n            .orElse("")\n        : "";')),
    mutation("an unknown value is scraped as 0", "http.OpenMetricsTest",
             (OPEN_METRICS, "if (figures.reading(metric).known().isPresent()) {", "if (true) {")),
    mutation("a total is scraped beside the queues", "http.OpenMetricsTest",
             (OPEN_METRICS, "if (queues.isEmpty()) {", "if (true) {")),
    mutation("a rotated password is not read from its secret", "redis.RedisLoginIT",
             (REDIS, "passwordSecret.isEmpty() || ", "true || ")),
    mutation("a rotated password is forgotten", "redis.RedisLoginIT",
             (REDIS, "password(newPassword.orElse(password))", "password(password)")),
    mutation("the token of a serverless cache is that of a replication group", "redis.IamTokenTest",
             ("redis/IamToken.java", "if (login.serverless()) {", "if (false) {")),
    mutation("a caller sees the cause of a failure", "http.RoutesTest",
             (ROUTES, 'Answer.error(500, "Failed to get queue metrics")', "Answer.error(500, e.getMessage())")),
    mutation("a path with a stray % ends in a failure", "QueryFuzzIT",
             (ROUTES, "catch (IllegalArgumentException _) {\n      return path;",
              "catch (IllegalArgumentException e) {\n      throw e;")),
    mutation("a variable that only looks like a setting is ignored", "SettingsTest",
             (SETTINGS, "env.refuseOthers(LOOKS_LIKE_A_SETTING, SYNONYMS);", "")),
    mutation("an event that is not understood leaves no trace", "http.RoutesTest",
             (ROUTES, 'log.accept("event not understood", new IllegalArgumentException(finding));', "")),
)
