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
TOKEN = "http/BearerToken.java"
WORKERS = "ecs/WorkerCounter.java"


@dataclass(frozen=True)
class Mutation:
    name: str
    tests: tuple[str, ...]
    edits: tuple[tuple[str, str, str], ...]  # file, what stands there once, what stands there then


def mutation(name, tests, *edits):
    return Mutation(name, tuple(tests.split()), edits)


MUTATIONS = (
    mutation("dead letters are read with LLEN", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "pcall('ZCARD', dead)", "pcall('LLEN', dead)")),
    mutation("delayed is LLEN of .DQ", "dramatiq.SnapshotReaderIT",
             (READER, '".DQ.msgs"', '".DQ"'),
             (SCRIPT, "pcall('HLEN', delayed)", "pcall('LLEN', delayed)")),
    mutation("in flight is HLEN, the waiting included", "dramatiq.SnapshotReaderIT",
             (READER, "payloads - ids", "payloads")),
    mutation("in flight may be negative", "dramatiq.SnapshotReaderIT",
             (READER, "&& messages < 0", "&& messages < -9")),
    mutation("new are the dead letters and heartbeats of an hour", "dramatiq.SnapshotReaderIT",
             (READER, "RECENT = Duration.ofSeconds(60)", "RECENT = Duration.ofHours(1)")),
    mutation("a value that Redis refused is 0", "dramatiq.SnapshotReaderIT",
             (READER, ': new Reading.Unknown("%s%s not read: %s".formatted(queue, metric, reason(reply)))', ": new Reading.Known(0)")),
    mutation("a value that is unknown is published as 0", "cloudwatch.DatumsTest",
             (DATUMS, "figures.reading(metric).known().stream()",
              "java.util.stream.DoubleStream.of(figures.reading(metric).known().orElse(0))")),
    mutation("a Redis that does not answer is read as empty", "PublishHandlerFaultsIT",
             (HANDLER, "Snapshot.unread(clock.instant())",
              """new Snapshot(clock.instant(), new so.suna.queuemetrics.dramatiq.Figures(Map.of(
                  so.suna.queuemetrics.dramatiq.Metric.QUEUE_DEPTH, new so.suna.queuemetrics.dramatiq.Reading.Known(0))), List.of())""")),
    mutation("the age is that of index -1 only", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "pcall('LINDEX', ids, '0')", "pcall('LINDEX', ids, '-1')")),
    mutation("the age is that of index 0 only", "dramatiq.SnapshotReaderIT",
             (SCRIPT, "pcall('LINDEX', ids, '-1')", "pcall('LINDEX', ids, '0')")),
    mutation("the age is that of the younger message", "dramatiq.SnapshotReaderIT",
             (AGE, "Math.min(sentMillis(first), sentMillis(last))", "Math.max(sentMillis(first), sentMillis(last))")),
    mutation("an age may be negative", "dramatiq.SnapshotReaderIT",
             (AGE, "Math.max(0, now.toEpochMilli() - oldestMillis)", "now.toEpochMilli() - oldestMillis")),
    mutation("a timestamp in an argument is taken", "dramatiq.SnapshotReaderIT dramatiq.PayloadFuzzIT",
             (SCRIPT, """payload:match('[{,]"message_timestamp":(%d+)}$', -36)""",
              """payload:match('[{,]"message_timestamp":(%d+)')""")),
    mutation("a payload that only ends like a message tells an age", "dramatiq.PayloadFuzzIT",
             (SCRIPT, """payload:find('^[ \\t\\n\\r]*{')""", "payload:find('{')")),
    mutation("a payload in broken UTF-8 tells an age", "dramatiq.PayloadFuzzIT",
             (AGE, "StandardCharsets.UTF_8.newDecoder()", "StandardCharsets.UTF_8")),
    mutation("the ages of the queues are added", "dramatiq.SnapshotTest",
             (METRIC, "unit == Unit.SECONDS ? Math.max(left, right) : left + right", "left + right")),
    mutation("what is in flight is no backlog", "dramatiq.SnapshotTest",
             (FIGURES, "backlogPerWorker(waiting + inFlight, running)", "backlogPerWorker(waiting, running)")),
    mutation("no worker does not count as one", "dramatiq.SnapshotTest",
             (FIGURES, "Math.max(1, workers)", "workers")),
    mutation("the unit is missing", "cloudwatch.DatumsTest",
             (DATUMS, ".unit(metric.unit())", "")),
    mutation("the dimensions are missing", "cloudwatch.DatumsTest",
             (DATUMS, ".dimensions(dimensions)", "")),
    mutation("the timestamp is that of the put", "cloudwatch.DatumsTest",
             (DATUMS, ".timestamp(at)", ".timestamp(Instant.now())")),
    mutation("the namespace is always Kortix", "cloudwatch.MetricPublisherTest PublishHandlerIT",
             (PUBLISHER, "request.namespace(namespace)", 'request.namespace("Kortix")')),
    mutation("a tick with problems succeeds", "PublishHandlerTest",
             (HANDLER, "report.throwIfAnythingFailed();", "")),
    mutation("a value that could not be read is not named", "PublishHandlerTest",
             (HANDLER, "snapshot.map(BrokerSnapshot::problems).ifPresent(report::add);", "")),
    mutation("without workers the backlog per worker is published all the same", "PublishHandlerTest",
             (HANDLER, "running.flatMap(count -> datums.ofBacklogPerWorker(queues, count))",
              "datums.ofBacklogPerWorker(queues, running.orElse(0))")),
    mutation("a service that was deleted counts 0 workers", "ecs.WorkerCounterIT",
             (WORKERS, 'Set.of("ACTIVE", "DRAINING")', 'Set.of("ACTIVE", "DRAINING", "INACTIVE")')),
    mutation("a kept connection that died fails the tick", "PublishHandlerFaultsIT",
             (REDIS, "} catch (JedisConnectionException _) {\n        close();\n      }",
              "} catch (JedisConnectionException e) {\n        close();\n        throw e;\n      }")),
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
    mutation("a caller sees the cause of a failure", "QueryHandlerTest",
             (ROUTES, 'Answer.error(500, "Failed to get queue metrics")', "Answer.error(500, e.getMessage())")),
    mutation("a path with a stray % ends in a failure", "QueryFuzzIT",
             (ROUTES, "catch (IllegalArgumentException _) {\n      return path;",
              "catch (IllegalArgumentException e) {\n      throw e;")),
)
