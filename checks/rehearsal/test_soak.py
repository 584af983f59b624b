"""
Some minutes of random work in a fleet that is being upgraded: no reading is ever impossible, no tick ever fails.

Longer, and other work: checks/run rehearsal -k soak --soak-seconds=600 --soak-seed=7
"""

import itertools
import random
import time

import pytest
from kit.fleet import VERSIONS, Fleet
from kit.journal import possible
from kit.machine import until
from reader import Reader, as_held, read
from redis_server import Redis
from suna import QUEUES

PHASE_SECONDS = 20
TURN_SECONDS = 0.5  # more of them would only take the CPU from what runs beside
HOUR_MS = 3_600_000
PROCESSES, THREADS = 2, 2
CREWS = 3


@pytest.fixture
def soaked(network, aws, target_group):
    with (
        Redis(network) as redis,
        # A worker that was silent for 12 s is taken for dead, and every 20th command looks for such.
        Fleet(f"redis://{redis.address}:6379/0", QUEUES, heartbeat_timeout=12_000, maintenance_chance=50_000) as fleet,
    ):
        yield redis, fleet, Reader(aws, "soak", redis.host)


class Soak:
    def __init__(self, redis, fleet, reader, seed):
        self.redis, self.fleet, self.chance = redis, fleet, random.Random(seed)
        self.producers = [fleet.producer(version) for version in VERSIONS]
        self.versions = itertools.cycle(VERSIONS)
        # An answer may be a second old, so they are asked for more rarely.
        self.asks = itertools.cycle([reader.read_by_tick] * 4 + [reader.read_by_query])
        self.far, self.undone = set(), set()  # ids: delayed for an hour; sent and not ended
        self.readings, self.exact, self.killed, self.shut_down = 0, 0, 0, 0

    def read(self):
        reading, before, after = read(self.fleet, next(self.asks))
        self.readings += 1
        totals, _ = possible(before, after, QUEUES)
        self.exact += all(totals[name].exact for name in ("waiting", "in_flight", "delayed", "orphaned", "dead_letters"))
        return reading

    def staff(self):
        """As many containers as wished, of either version in turn."""
        for _ in range(CREWS - sum(crew.steady for crew in self.fleet.crews)):
            self.fleet.begin_workers(next(self.versions), PROCESSES, THREADS)

    def all_work(self):
        return all(crew.all_asked() if crew.steady else crew.has_left() for crew in self.fleet.crews)

    def work(self):
        """A phase of sending, with one container lost at some time of it."""
        begun, loss = time.monotonic(), self.chance.uniform(2, PHASE_SECONDS / 2)
        due = begun
        while time.monotonic() < begun + PHASE_SECONDS:
            time.sleep(max(0, due - time.monotonic()))
            due = time.monotonic() + TURN_SECONDS
            self.send()
            if loss and time.monotonic() > begun + loss:
                loss = self.lose()
            self.staff()
            self.all_work()
            self.read()

    def send(self):
        chance, producer = self.chance, self.chance.choice(self.producers)
        actor = f"{chance.choice(QUEUES)}:{chance.choice((0, 10, 100))}"
        count = chance.randint(1, 8)
        match chance.choices(["now", "later", "far", "fail"], [6, 3, 1, 2])[0]:
            case "now":
                producer.send(count, actor, "sleep", chance.uniform(0, 0.4))
            case "later":
                producer.send(count, actor, "sleep", chance.uniform(0, 0.4), delay=chance.randint(500, 4000))
            case "far":
                self.far.update(producer.send(count, actor, delay=HOUR_MS))
            case "fail":
                backoff = {"min_backoff": 1000, "max_backoff": 2000}
                producer.send(count, actor, "fail", max_retries=chance.randint(0, 2), **backoff)

    def lose(self):
        """One that is killed and one that is stopped, in turn."""
        crew = self.chance.choice([crew for crew in self.fleet.crews if crew.steady])
        if self.killed <= self.shut_down:
            crew.freeze()
            crew.kill()
            self.killed += 1
        else:
            crew.begin_shutdown()
            self.shut_down += 1

    def drained(self):
        """Nothing is left but what is delayed for an hour."""
        self.read()
        at = self.fleet.look().at
        self.undone = at["enqueued"].keys() - at["acked"].keys() - at["nacked"].keys()
        return self.undone == self.far and self.all_work()

    def stand_still(self):
        """Every thread waits at the gate, every consumer has fetched ahead all it may, and more waits."""
        threads = CREWS * PROCESSES * THREADS
        each = 2 * threads + self.chance.randint(1, 20)
        for queue in QUEUES:
            self.producers[0].send(each, f"{queue}:0")
        self.fleet.settle(running=threads, in_memory=(2 * len(QUEUES) - 1) * threads + len(self.far))
        before = self.exact
        for _ in range(5):
            reading = self.read()
            as_held(self.redis, reading)
        assert self.exact == before + 5
        assert all(each > 0 for each in (reading.totals["waiting"], reading.totals["in_flight"]))
        self.fleet.gate.let_through(each * len(QUEUES))


def test_every_reading_is_within_what_is_possible_at_its_instant(soaked, pytestconfig, capsys):
    seconds, seed = pytestconfig.getoption("soak_seconds"), pytestconfig.getoption("soak_seed")
    _, fleet, _ = soaked
    soak = Soak(*soaked, seed)
    begun = time.monotonic()
    try:
        soak.staff()
        until("all work", soak.all_work)
        while time.monotonic() < begun + seconds or not (soak.killed and soak.shut_down):
            soak.work()
            until("all is done", soak.drained, seconds=90, pause=TURN_SECONDS)
            soak.stand_still()
            until("all is done", soak.drained, seconds=90, pause=TURN_SECONDS)
    finally:
        at = fleet.look().at
        sent, dead = len(at["enqueued"]), len(at["nacked"])
        with capsys.disabled():
            print(
                f"\nseed {seed}, {time.monotonic() - begun:.0f} s: {sent} messages (a retry and a due one count again),"
                f" {dead} given up, {soak.killed} containers killed, {soak.shut_down} shut down;"
                f" {soak.readings} readings, {soak.exact} of them exact"
            )
            for one in soak.undone - soak.far:
                print("undone:", fleet.journal.queue[one], {event: ids[one] for event, ids in at.items() if one in ids})
    assert fleet.look().at["nacked"], "some were given up"
