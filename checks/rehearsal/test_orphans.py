"""deploy/orphans prints the messages that no worker will ever run, and the commands of docs/alarms.md run or delete them."""

import pytest
from kit.machine import ROOT, block
from redis_server import Redis

SCRIPT = (ROOT / "deploy/orphans").read_text()
PLACE = "mkdir -p /tmp/o/deploy; cd /tmp/o; cat >deploy/orphans; chmod +x deploy/orphans; "
LIST, RUN, DELETE = (
    block("docs/alarms.md", "bash", text).replace("REDIS_HOST", "127.0.0.1").replace(" --tls", "")
    for text in ("deploy/orphans", "RPUSH", "HDEL")
)
OPTIONS = next(line for line in LIST.splitlines() if line.startswith("redis=")) + "; cd /tmp/o; "


@pytest.fixture(scope="module")
def redis(network):
    with Redis(network) as made:
        yield made


@pytest.fixture
def queue(redis):
    """3 orphans beside messages that wait, that are in flight, that another queue has, and an id without a payload."""
    redis.cli("FLUSHALL")
    payloads = [part for i in range(1, 8) for part in (f"m{i}", f"payload {i}")]
    redis.cli("HSET", "dramatiq:default.msgs", *payloads)
    redis.cli("RPUSH", "dramatiq:default", "m1", "m2")
    redis.cli("ZADD", "dramatiq:__heartbeats__", "1", "live", "0", "dead")
    redis.cli("SADD", "dramatiq:__acks__.live.default", "m3", "without-payload")
    redis.cli("SADD", "dramatiq:__acks__.dead.default", "m4")
    redis.cli("SADD", "dramatiq:__acks__.live.mails", "m5")
    return redis


def bash(redis, line, **options):
    return redis.execute("bash", "-ec", line, **options)


def orphans(redis, *arguments):
    line = f"{PLACE} deploy/orphans {' '.join(arguments or ('dramatiq', 'default'))}"
    return sorted(bash(redis, line, input=SCRIPT).split())


def changes(redis):
    (line,) = [line for line in redis.cli("INFO", "persistence").split() if line.startswith("rdb_changes_since_last_save:")]
    return line


def test_it_prints_the_orphans_and_changes_nothing(queue):
    before = changes(queue)
    assert orphans(queue) == ["m5", "m6", "m7"]
    assert changes(queue) == before


def test_a_queue_without_messages_has_no_orphans(queue):
    assert orphans(queue, "dramatiq", "mails") == []


def test_an_answer_that_is_no_id_is_an_error_and_nothing_is_printed(queue):
    queue.cli("SET", "dramatiq:default", "of the wrong type")
    with pytest.raises(RuntimeError, match="expected an id, got: WRONGTYPE"):
        orphans(queue)


def test_the_commands_of_the_page_let_workers_run_the_orphans(queue):
    shown = bash(queue, PLACE + LIST, input=SCRIPT)
    assert shown.startswith("3 orphans.txt") and "payload" in shown
    bash(queue, OPTIONS + RUN)
    assert queue.cli("LRANGE", "dramatiq:default", "0", "-1").split()[:2] == ["m1", "m2"]
    assert sorted(queue.cli("LRANGE", "dramatiq:default", "2", "-1").split()) == ["m5", "m6", "m7"]
    assert orphans(queue) == []


def test_the_commands_of_the_page_delete_the_orphans_and_nothing_else(queue):
    bash(queue, PLACE + LIST, input=SCRIPT)
    bash(queue, OPTIONS + DELETE)
    assert sorted(queue.cli("HKEYS", "dramatiq:default.msgs").split()) == ["m1", "m2", "m3", "m4"]
    assert queue.cli("LRANGE", "dramatiq:default", "0", "-1").split() == ["m1", "m2"]
