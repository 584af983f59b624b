"""What our functions say is what Dramatiq's side knows, at instants when nothing moves."""

import json
import time

import pytest
from fleet import VERSIONS, Fleet
from kit.machine import until
from reader import NOTHING, QUEUES, Reader, agree, read
from redis_server import Redis

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def stage(network, package, front, aws):
    with Redis(network) as redis, Reader(network, package, front, REDIS_HOST=redis.host) as reader:
        yield redis, reader


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def redis(stage):
    """Empty; the functions keep their connections."""
    redis, _ = stage
    redis.cli("FLUSHALL")
    return redis


@pytest.fixture
def reader(stage):
    return stage[1]


@pytest.fixture
def fleet(redis, version):
    with Fleet(version, redis, QUEUES) as made:
        yield made


def test_messages_that_nobody_fetches_wait(fleet, reader):
    fleet.send(20)
    agree(fleet, reader, brokers=1, default={"waiting": 20})


def test_workers_hold_what_they_run_and_as_much_again(fleet, reader):
    fleet.send(30)
    fleet.workers(processes=2, threads=2)
    fleet.workers(processes=1, threads=3)
    fleet.settle(running=7, in_memory=7)
    agree(fleet, reader, brokers=4, default={"waiting": 16, "in_flight": 14})
    fleet.gate.let_through(5)
    until("5 are acknowledged", lambda: fleet.finished == 5)
    fleet.settle(running=7, in_memory=7)
    agree(fleet, reader, brokers=4, default={"waiting": 11, "in_flight": 14})
    fleet.gate.let_through(25)
    until("all are acknowledged", lambda: fleet.finished == 30)
    agree(fleet, reader, brokers=4)


def test_delayed_messages_count_as_delayed_until_they_are_due_wherever_they_are(fleet, reader):
    fleet.send(6, delay=HOUR_MS)
    agree(fleet, reader, brokers=1, default={"delayed": 6})
    fleet.workers(processes=2, threads=1)
    fleet.settle(running=0, in_memory=6)
    agree(fleet, reader, brokers=3, default={"delayed": 6})
    (due,) = fleet.send(1, delay=1500)
    fleet.send(9)
    until("the delay is over", lambda: fleet.finished == 1)
    fleet.settle(running=2, in_memory=2 + 6)
    # 10 ready, the last of them sent first: its age counts the delay that was wished.
    numbers = {"waiting": 6, "in_flight": 4, "delayed": 6}
    reading = agree(fleet, reader, brokers=3, oldest_is_one_of=[due], default=numbers)
    assert reading.totals["oldest_age"] > 1.5


def test_a_retry_is_delayed_and_then_waits_with_the_age_of_its_first_sending(fleet, redis, reader):
    fleet.workers(processes=1, threads=1)
    fleet.send(4, what="fail", min_backoff=HOUR_MS, max_backoff=HOUR_MS)
    fleet.settle(running=0, in_memory=4)
    until("4 have failed", lambda: fleet.finished == 4)
    agree(fleet, reader, brokers=2, default={"delayed": 4})
    (retried,) = fleet.send(1, what="fail", min_backoff=5000, max_backoff=5000)
    until("it has failed", lambda: fleet.finished == 5)
    agree(fleet, reader, brokers=2, default={"delayed": 5})
    fleet.send(5)
    until("it was given back", lambda: fleet.finished == 6)
    fleet.settle(running=1, in_memory=1 + 4)
    last = redis.cli("LINDEX", "dramatiq:default", "-1")
    assert '"requeue_timestamp"' in redis.cli("HGET", "dramatiq:default.msgs", last)
    agree(fleet, reader, brokers=2, oldest_is_one_of=[retried], default={"waiting": 4, "in_flight": 2, "delayed": 4})


def test_dead_letters_are_counted_until_dramatiq_drops_them(redis, version, reader):
    kept_for = 15
    with Fleet(version, redis, QUEUES, maintenance_chance=1_000_000, dead_message_ttl=kept_for * 1000) as fleet:
        fleet.workers(processes=2, threads=1)
        fleet.send(3, what="fail", max_retries=0)
        fleet.send(2, what="fail", max_retries=0, actor="emails:0")
        until("5 are given up", lambda: len(fleet.look().at["nacked"]) == 5)
        first = min(fleet.look().at["nacking"].values())
        agree(
            fleet, reader, brokers=3,
            default={"dead_letters": 3, "new_dead_letters": 3}, emails={"dead_letters": 2, "new_dead_letters": 2},
        )  # fmt: skip
        assert time.time() < first + kept_for, "this machine is too slow for this test"
        gone = until("Dramatiq dropped them", lambda: (r := reader.tick()).totals["dead_letters"] == 0 and r)
        assert gone.ended >= first + kept_for
        assert gone.totals["new_dead_letters"] == 0


def test_a_purge_leaves_nothing_but_other_queues(fleet, reader):
    fleet.send(4)
    fleet.send(3, delay=HOUR_MS)
    fleet.send(2, actor="emails:0")
    agree(fleet, reader, brokers=1, default={"waiting": 4, "delayed": 3}, emails={"waiting": 2})
    fleet.purge("default")
    agree(fleet, reader, brokers=1, emails={"waiting": 2})


def test_what_a_worker_has_fetched_stays_in_flight_after_a_purge_until_it_ends(fleet, reader):
    fleet.workers(processes=1, threads=2)
    fleet.send(2, delay=HOUR_MS)
    fleet.send(9)
    fleet.settle(running=2, in_memory=2 + 2)
    fleet.purge("default")
    agree(fleet, reader, brokers=2, default={"in_flight": 4, "delayed": 2})
    # The payloads are gone; the log line says so, and the tick does not fail.
    invocation, _ = reader.ticked()
    (line,) = [json.loads(text) for text in invocation.log.splitlines() if text.startswith('{"event":"tick"')]
    assert invocation.error is None
    said = "ids without a payload, purged or lost"
    assert [notice.partition(";")[0] for notice in line["notices"]] == [
        f"queue default: {said}: 4", f"queue default.DQ: {said}: 2",
    ]  # fmt: skip
    fleet.gate.let_through(4)
    until("what it had is acknowledged", lambda: fleet.finished == 4)
    agree(fleet, reader, brokers=2, default={"delayed": 2})


def test_a_deleted_list_leaves_orphans_and_what_was_fetched(fleet, reader):
    fleet.send(3, delay=HOUR_MS)
    fleet.delete_list("default.DQ")
    fleet.send(20)
    fleet.workers(processes=1, threads=2)
    fleet.settle(running=2, in_memory=2)
    fleet.delete_list("default")
    fleet.send(1, delay=HOUR_MS)
    fleet.settle(running=2, in_memory=2 + 1)
    agree(fleet, reader, brokers=2, default={"in_flight": 4, "delayed": 1, "orphaned": 16 + 3})
    fleet.gate.let_through(4)
    until("what it had is acknowledged", lambda: fleet.finished == 4)
    agree(fleet, reader, brokers=2, default={"delayed": 1, "orphaned": 16 + 3})


def test_what_a_killed_worker_held_is_in_flight_until_dramatiq_finds_it_dead_and_then_waits(redis, version, reader):
    silence_ms = 6000
    with Fleet(version, redis, QUEUES, maintenance_chance=1_000_000, heartbeat_timeout=silence_ms) as fleet:
        held = fleet.send(8)
        doomed = fleet.workers(processes=2, threads=2)
        fleet.settle(running=4, in_memory=4)
        time.sleep(1.5)  # so that what comes later is younger
        later = fleet.send(20)
        fleet.workers(processes=1, threads=2)
        fleet.settle(running=6, in_memory=6)
        # Their number depends on how long this has taken.
        agree(fleet, reader, brokers=None, default={"waiting": 16, "in_flight": 12})
        doomed.kill()
        agree(fleet, reader, brokers=None, oldest_is_one_of=later[4:], default={"waiting": 16, "in_flight": 12})

        # Dramatiq looks after the dead when a queue is asked: here, when a message ended and the next is fetched.
        def found_dead():
            fleet.gate.let_through(1)
            fleet.settle(running=2, in_memory=2)
            return reader.tick().totals["in_flight"] == 4

        until("the dead worker's messages were given back", found_dead, pause=1)
        finished = fleet.finished
        assert finished < 10
        # Who was silent that long is no broker any more, the producer neither.
        waiting = 28 - finished - 4
        reading = agree(fleet, reader, brokers=1, oldest_is_one_of=held, default={"waiting": waiting, "in_flight": 4})
        assert reading.totals["oldest_age"] > 1.5 + silence_ms / 1000


def test_what_a_worker_gives_back_at_its_end_waits_with_its_age(fleet, reader):
    returned = fleet.send(8)
    leaving = fleet.workers(processes=2, threads=2)
    fleet.settle(running=4, in_memory=4)
    time.sleep(1)  # so that what comes later is younger
    agree(fleet, reader, brokers=3, default={"in_flight": 8})
    leaving.shut_down()
    agree(fleet, reader, brokers=3, oldest_is_one_of=returned, default={"waiting": 4})
    fleet.send(10)
    reading = agree(fleet, reader, brokers=3, oldest_is_one_of=returned, default={"waiting": 14})
    assert reading.totals["oldest_age"] > 1


def test_priorities_change_what_runs_and_no_number(fleet, reader):
    for _ in range(4):
        for priority in (100, 10, 0):
            fleet.send(actor=f"default:{priority}")
    fleet.workers(processes=1, threads=2)
    fleet.settle(running=2, in_memory=2)
    agree(fleet, reader, brokers=2, default={"waiting": 8, "in_flight": 4})


def test_the_totals_are_the_sums_of_the_queues(fleet, reader):
    fleet.send(5)
    fleet.send(2, delay=HOUR_MS)
    fleet.send(2, actor="emails:0", what="fail", max_retries=0)
    fleet.workers(processes=1, threads=2, queues=["emails", "reports-v2.daily"])
    until("2 are given up", lambda: len(fleet.look().at["nacked"]) == 2)
    fleet.send(7, actor="reports-v2.daily:0")
    fleet.settle(running=2, in_memory=2)
    fleet.send(1, actor="emails:0")  # Fetched, since each queue is fetched ahead on its own, and waiting for a thread.
    fleet.settle(running=2, in_memory=3)
    agree(
        fleet, reader, brokers=2,
        default={"waiting": 5, "delayed": 2},
        emails={"in_flight": 1, "dead_letters": 2, "new_dead_letters": 2},
        reports={"waiting": 3, "in_flight": 4},
    )  # fmt: skip


def test_with_a_pickle_encoder_all_but_the_age_is_published_and_the_tick_fails_naming_it(redis, version, reader):
    with Fleet(version, redis, QUEUES, encoder="pickle") as fleet:
        first, *_, last = fleet.send(9)
        fleet.send(2, delay=HOUR_MS)
        invocation, reading = reader.ticked()
        assert invocation.error == (f"queue default: oldest age not read: message {first} is not a JSON object")
        answer = reader.query()
        for said in (reading, answer):
            numbers = {"waiting": 9, "delayed": 2}
            assert said.counts() == (
                NOTHING | numbers | {"active_brokers": 1},
                dict.fromkeys(QUEUES, NOTHING) | {"default": NOTHING | numbers},
            )
            assert "oldest_age" not in said.totals
            assert {queue: said.queues[queue].get("oldest_age") for queue in QUEUES} == {
                "default": None, "emails": 0, "reports-v2.daily": 0,
            }  # fmt: skip
        fleet.workers(processes=1, threads=1)
        fleet.gate.let_through(9)
        until("all are acknowledged", lambda: fleet.finished == 9)
        fleet.settle(running=0, in_memory=2)
        agree(fleet, reader, brokers=2, default={"delayed": 2})


def test_brokers_are_the_connections_that_asked_for_something(fleet, reader):
    senders = [fleet.producer() for _ in range(3)]
    agree(fleet, reader, brokers=0)
    for sent, producer in enumerate(senders[:2], start=1):
        producer.send()
        agree(fleet, reader, brokers=sent, default={"waiting": sent})
    fleet.workers(processes=2, threads=2, queues=["emails"])
    agree(fleet, reader, brokers=4, default={"waiting": 2})


def test_a_minute_after_the_last_command_no_broker_is_active_and_no_dead_letter_new(forsaken, version):
    fleet, reader, since = forsaken[version]
    until("a minute has passed", lambda: time.time() > since + 60.1, seconds=70)
    reading, *_ = read(fleet, reader.tick)
    assert reading.counts()[0] == {
        "waiting": 2, "in_flight": 4, "delayed": 0, "orphaned": 0, "dead_letters": 1, "new_dead_letters": 0,
        "active_brokers": 0,
    }  # fmt: skip
    assert reading.totals["oldest_age"] > 60
