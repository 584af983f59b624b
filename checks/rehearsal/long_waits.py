"""What takes minutes to come true: begun when the session begins, looked at by its last tests."""

import contextlib
import re
import time

import pytest
from failover import Group
from fleet import VERSIONS, Fleet
from kit.machine import ROOT, until
from reader import QUEUES, Reader
from redis_server import Redis

READ_ONLY_REDIS = ROOT / "src/main/java/so/suna/queuemetrics/redis/ReadOnlyRedis.java"
KEPT_FOR_SECONDS = 60 * int(re.search(r"KEPT_FOR = Duration.ofMinutes\((\d+)\)", READ_ONLY_REDIS.read_text())[1])


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: bool(WAITS & set(item.fixturenames)))


@pytest.fixture(scope="session", autouse=True)
def _begun(request):
    for name in sorted(WAITS & {name for item in request.session.items for name in item.fixturenames}):
        request.getfixturevalue(name)


@pytest.fixture(scope="session")
def forsaken(network, package, front, aws):
    """For each version: a fleet whose workers were killed and that sends nothing more, its reader, and since when."""
    with contextlib.ExitStack() as stack:
        made = {}
        for version in VERSIONS:
            redis = stack.enter_context(Redis(network))
            reader = stack.enter_context(Reader(network, package, front, REDIS_HOST=redis.host))
            fleet = stack.enter_context(Fleet(version, redis, QUEUES))
            crew = fleet.workers(processes=2, threads=1)
            fleet.send(1, what="fail", max_retries=0)
            until("it is given up", lambda fleet=fleet: fleet.look().at["nacked"])
            fleet.send(6)
            fleet.settle(running=2, in_memory=2)
            crew.kill()
            made[version] = fleet, reader, time.time()
        yield made


@pytest.fixture(scope="session")
def demoted(network, package, front, aws):
    """A primary that lost its place and does not know, its reader, and since when that is connected to it."""
    with contextlib.ExitStack() as stack:
        group = Group(stack, network, package, front)
        assert group.reader.tick().totals["waiting"] == 5
        connected_at = time.time()
        group.promote()
        stack.enter_context(Fleet("2.2.0", group.new, QUEUES)).send(2)
        # The weakness that the limit is for: it still tells what it held when it lost its place.
        assert group.reader.tick().totals["waiting"] == 5
        yield group, connected_at


WAITS = {"demoted", "forsaken"}
