"""Faults injected while the publisher ticks: never a wrong number, and right again with the next tick at the latest.

docs/faults.md has the table; REHEARSAL_WRITE=1 rewrites it.
"""

import concurrent.futures
import contextlib
import os
import time
from collections import Counter

import pytest
from awsfront import DENIED, INTERNAL_ERROR, THROTTLED, delay, reset, silence
from faults import (
    ALL_BUT_WORKERS,
    EVERYTHING,
    NOTHING,
    ONLY_WORKERS,
    Fault,
    Seen,
    name_of,
    row,
    rows_of_the_page,
    table,
    write,
)  # fmt: skip
from kit.machine import until
from world import INSTANCES, WORKERS, World

PUT, COUNT = "PutMetricData", "DescribeServices"


def toxic(kind, **attributes):
    return lambda world: world.proxy.toxic(kind, **attributes)


def aws(operation, fault, *times):
    return lambda world: world.front.misbehave(operation, fault, *times)


def nothing(world):
    """The content is the fault."""


def in_an_hour():
    return int(time.time() * 1000) + 3_600_000


def silence_everywhere(world):
    world.proxy.toxic("timeout", timeout=0)
    world.front.misbehave(PUT, silence)
    world.front.misbehave(COUNT, silence)


FAULTS = [
    Fault("Redis answers 50 ms late", toxic("latency", latency=50)),
    Fault("Redis answers 500 ms late", toxic("latency", latency=500)),
    Fault("Redis answers 1 s late", toxic("latency", latency=1_000), within=4),
    Fault("Redis answers 5 s late", toxic("latency", latency=5_000), ONLY_WORKERS, "gave no answer within 2 s", 6),
    Fault("Redis answers in pieces", toxic("slicer", average_size=20, size_variation=10, delay=100)),
    Fault("Redis resets connections", toxic("reset_peer", timeout=0), ONLY_WORKERS, "failed to answer"),
    Fault("Redis answers only in part", toxic("limit_data", bytes=30), ONLY_WORKERS, "failed to answer"),
    Fault("Redis accepts and never answers", toxic("timeout", timeout=0), ONLY_WORKERS, "gave no answer within 2 s", 6),
    Fault("Redis closed the kept connection", lambda world: world.redis.cli("CLIENT", "KILL", "TYPE", "normal")),
    Fault("Redis refuses connections", lambda world: world.proxy.refuse(), ONLY_WORKERS, "could not be reached"),
    Fault(
        "Redis disappears from the network",
        World.packets_vanish, ONLY_WORKERS, "timed out after 1000 ms", 5, World.packets_arrive,
    ),
    Fault("Redis is frozen", World.pause, ONLY_WORKERS, "gave no answer within 2 s", 6, World.unpause),
    Fault("Redis is busy for 3 s", World.sleep, within=5),
    Fault("Redis is silent while the publisher starts", World.start_at_silence, ONLY_WORKERS, "gave no answer within 2 s", 15),
    Fault("Redis has no memory left", World.run_out_of_memory, heal=World.have_memory),
    Fault("Redis was restarted", World.restart),
    Fault("Redis is loading", World.load, ONLY_WORKERS, "LOADING", 6, heal=World.finish_loading),
    Fault("a sender's clock is an hour ahead", nothing, fill=lambda world: world.fill(oldest_sent=in_an_hour())),
    Fault("CloudWatch fails once", aws(PUT, INTERNAL_ERROR, 1)),
    Fault("CloudWatch fails", aws(PUT, INTERNAL_ERROR), NOTHING, "11 datums not published", 5),
    Fault("CloudWatch throttles once", aws(PUT, THROTTLED, 1)),
    Fault("CloudWatch throttles", aws(PUT, THROTTLED), NOTHING, "11 datums not published", 6),
    Fault("CloudWatch resets connections once", aws(PUT, reset, 1)),
    Fault("CloudWatch resets connections", aws(PUT, reset), NOTHING, "11 datums not published", 5),
    Fault("CloudWatch answers 1 s late", aws(PUT, delay(1))),
    Fault("CloudWatch does not answer", aws(PUT, silence), NOTHING, "11 datums not published", 7),
    Fault("CloudWatch denies access", aws(PUT, DENIED), NOTHING, "11 datums not published"),
    Fault("ECS fails once", aws(COUNT, INTERNAL_ERROR, 1)),
    Fault("ECS fails", aws(COUNT, INTERNAL_ERROR), ALL_BUT_WORKERS, "workers of service", 5),
    Fault("ECS denies access", aws(COUNT, DENIED), ALL_BUT_WORKERS, "workers of service"),
    Fault("ECS does not answer", aws(COUNT, silence), ALL_BUT_WORKERS, "workers of service", 7),
    Fault("Redis, ECS and CloudWatch do not answer", silence_everywhere, NOTHING, "gave no answer within 2 s", 15),
    Fault(
        "Redis loses its primary, a replica takes over",
        World.lose_the_primary, ONLY_WORKERS, "failed to answer", 4, World.promote_the_replica,
    ),
]  # fmt: skip


# Of these CloudWatch itself is asked.
TWICE = Fault("a tick is delivered twice", nothing)
UNHEARD = Fault("CloudWatch answers 3 s late", aws(PUT, delay(3)), EVERYTHING, "11 datums not published", 7)


# And here the callers' answers count as well.
CALLERS = 200
LOAD = Fault(f"{CALLERS} queries at once", nothing, within=8)


def dashed(fault):
    return fault.name.replace(" ", "-")


@pytest.fixture(scope="module")
def world(network, aws, target_group):
    with contextlib.closing(World(network, aws)) as made:
        yield made


@pytest.fixture(scope="module")
def seen():
    """The rows, in the order in which they were seen; printed as a table at the end."""
    rows = []
    yield rows
    print("\n" + table(rows))


@pytest.mark.parametrize("fault", FAULTS, ids=dashed)
def test_no_wrong_number_is_published_and_the_next_tick_is_right(world, seen, fault):
    assert world.tick().published == EVERYTHING
    content = fault.fill(world)
    fault.strike(world)
    try:
        during = world.tick(content)
    finally:
        fault.heal(world)
        world.heal()
    as_told(world, seen, fault, during)


def as_told(world, seen, fault, during):
    """:raises AssertionError: if this tick or the next, with the fault healed, is not what the fault tells"""
    after = world.tick()
    seen.append(row(fault, during, after))
    assert (during.published, during.errors) == (fault.published, int(bool(fault.says))), during
    assert fault.says in (during.error or "")
    assert during.seconds <= fault.within
    assert (after.published, after.error) == (EVERYTHING, None)


def seen_in_cloudwatch(content, tick, averages):
    """:raises AssertionError: if an average is not the truth"""
    now = time.time() * 1000
    for metric, (average, _) in averages.items():
        if metric == "DramatiqOldestJobAge":
            assert 0 < average < content.truth(now, WORKERS)[metric]
        else:
            assert average == content.truth(now, WORKERS)[metric], metric
    return Seen(frozenset(averages), tick.error, int(bool(tick.error)), tick.ended - tick.began)


@pytest.mark.parametrize("fault", [TWICE, UNHEARD], ids=dashed)
def test_what_cloudwatch_was_told_twice_leaves_every_average_right(world, seen, fault):
    namespace = f"Faults/{dashed(fault)}"
    try:
        content, tick = world.tick_twice(namespace, fault.strike)
        until("CloudWatch has each metric twice", lambda: all(count >= 2 for _, count in world.averages(namespace).values()))
        during = seen_in_cloudwatch(content, tick, world.averages(namespace))
    finally:
        world.heal()
    as_told(world, seen, fault, during)


def test_a_load_of_queries_leaves_ticks_right_and_is_shared_among_few_reads(world, seen):
    assert world.tick().published == EVERYTHING
    contents = [world.fill()]
    statuses, ticks = [], []
    connections, reads = world.redis_saw()
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(world.query, statuses) for _ in range(CALLERS)]
        while not ticks or concurrent.futures.wait(callers, timeout=1).not_done:
            contents.append(world.fill())
            ticks.append(world.tick(contents[-1]))
        bodies = [caller.result() for caller in callers]
    seconds = time.monotonic() - started
    more_connections, more_reads = (now - then for now, then in zip(world.redis_saw(), (connections, reads), strict=True))
    slowest = max(ticks, key=lambda tick: tick.seconds)
    as_told(world, seen, LOAD, slowest)
    print(f"{CALLERS} queries in {seconds:.1f} s: {Counter(statuses)}, {len(ticks)} ticks, {more_reads} reads of Redis")

    assert {tick.published for tick in ticks} == {EVERYTHING}
    assert {tick.error for tick in ticks} == {None}
    # Lambda refuses what is more than the reserved instances; everybody has an answer in the end.
    assert set(statuses) <= {200, 429}
    assert {body["queue_depth"] for body in bodies} <= {content.waiting for content in contents}
    # Each instance keeps one connection, and reads once a second at most. The rest are redis-cli's, which fills and looks.
    assert more_connections <= INSTANCES + len(contents) + 2
    # One more for each, while it starts.
    assert more_reads <= INSTANCES * (seconds + 2) + len(ticks)


def test_the_page_has_the_rows_that_were_seen(seen):
    if os.environ.get("REHEARSAL_WRITE"):
        assert len(seen) == len(FAULTS) + 3, "expected every fault to have run before the table is written"
        write(seen)
    assert seen, "expected at least one fault to have run: pick test_faults as a whole"
    assert [row for row in seen if row not in rows_of_the_page()] == []


def test_the_page_has_every_fault_once():
    assert [name_of(row) for row in rows_of_the_page()] == [fault.name for fault in (*FAULTS, TWICE, UNHEARD, LOAD)]
