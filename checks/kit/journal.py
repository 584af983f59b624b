"""What can be true at an instant, from what Dramatiq's side knew just before it and just after it."""

import dataclasses
import functools
import json
import math
import operator
import time
from collections import defaultdict

RECENT_SECONDS = 60  # the reader's "in the last 60 s", of heartbeats and of deaths
EVENTS = ("enqueuing", "enqueued", "started", "begun", "ended", "acking", "acked", "nacking", "nacked")
CLOCK_SECONDS = 0.002  # timestamps are cut to milliseconds


@dataclasses.dataclass(frozen=True)
class Range:
    low: float
    high: float

    def __contains__(self, number):
        return number is not None and self.low <= number <= self.high

    def __add__(self, other):
        return Range(self.low + other.low, self.high + other.high)

    @property
    def exact(self):
        return self.low == self.high


class Journal:
    """Reads on where it stopped; the file only grows."""

    def __init__(self, path):
        self.path, self.position, self.rest = path, 0, b""
        self.lines = []
        self.at = {event: {} for event in EVENTS}  # event: id: when
        self.queue, self.sent, self.starter = {}, {}, {}  # of each id; a process
        self.children, self.stopping = defaultdict(list), set()
        self.under_way = defaultdict(set)  # of each process, ids with a line before a command and none after it

    def read_on(self):
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self.position)
                new = file.read()
            self.position += len(new)
            *lines, self.rest = (self.rest + new).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
        return self

    def _take(self, line):
        event = line["event"]
        self.lines.append(line)
        if event == "booted":
            self.children[line["parent"]].append(line["pid"])
        elif event == "stopping":
            self.stopping.add(line["pid"])
        else:
            one = line["id"]
            self.at[event][one] = line["at"]
            self.queue[one], self.sent[one] = line["queue"], line["sent"] / 1000
            if event == "started":
                self.starter[one] = line["pid"]
            elif event.endswith("ing"):
                self.under_way[line["pid"]].add(one)
            elif event in ("enqueued", "acked", "nacked"):
                self.under_way[line["pid"]].discard(one)


class Look:
    """What Dramatiq's side knows at one instant. crews: as Crew.describe tells them."""

    def __init__(self, journal, memory, crews, senders, silent_for):
        """senders: when each producer last sent; silent_for: seconds after which Dramatiq may forget a broker."""
        journal.read_on()
        self.taken_at, self.senders, self.silent_for = time.time(), senders, silent_for
        self.at = {event: dict(ids) for event, ids in journal.at.items()}
        self.queue, self.sent = dict(journal.queue), dict(journal.sent)
        self.memory, self.crews = set(memory), crews
        alive = {pid for crew in crews if crew["left_at"] is None for pid in crew["pids"]}
        self.ended = self.at["acked"].keys() | self.at["nacked"].keys()
        self.running = {one for one in self.at["started"].keys() - self.ended if journal.starter[one] in alive}

    def of(self, queue, *events):
        return {one for event in events for one in self.at[event] if self.queue[one] == queue}


def possible(before, after, queues):
    """Whatever can be read at an instant between two looks: a Range for each number, of each queue and in total."""
    of_each = {queue: _of_queue(before, after, queue) for queue in queues}
    names = of_each[queues[0]].keys()
    totals = {name: functools.reduce(operator.add, (of[name] for of in of_each.values())) for name in names}
    return totals | {"active_brokers": _brokers(before, after)}, of_each


def _of_queue(before, after, queue):
    # An id has a payload in Redis from its enqueuing until it is acknowledged or given up.
    surely_kept = before.of(queue, "enqueued") - after.of(queue, "acking", "nacking")
    maybe_kept = after.of(queue, "enqueuing") - before.of(queue, "acked", "nacked")
    surely_fetched = surely_kept & (before.memory | (before.running & after.running))
    most_fetched = min(len(maybe_kept), _room(before, after, maybe_kept))
    delayed = queue + ".DQ"
    return {
        "waiting": Range(max(0, len(surely_kept) - most_fetched), len(maybe_kept - surely_fetched)),
        "in_flight": Range(len(surely_fetched), most_fetched),
        "delayed": Range(
            len(before.of(delayed, "enqueued") - after.of(delayed, "acking", "nacking")),
            len(after.of(delayed, "enqueuing") - before.of(delayed, "acked", "nacked")),
        ),
        "orphaned": Range(0, 0),
        "dead_letters": Range(len(before.of(queue, "nacked")), len(after.of(queue, "nacking"))),
        "new_dead_letters": _new_dead_letters(before, after, queue),
    }


def _room(before, after, kept):
    """How many of these messages the workers can have fetched; one that has left may not have given back all it had."""
    # What others had already fetched before is lost no more.
    room, elsewhere = 0, kept - before.memory - before.running
    for crew in after.crews:
        left_at = crew["left_at"] or math.inf
        lost = [one for one in elsewhere if after.at["enqueuing"][one] < left_at]
        room += crew["room"] if left_at == math.inf else min(crew["room"], len(lost))
    return room


def _new_dead_letters(before, after, queue):
    """A letter's time lies between the two lines about it."""
    since, until = before.taken_at - RECENT_SECONDS, after.taken_at - RECENT_SECONDS
    surely = [one for one in before.of(queue, "nacked") if before.at["nacking"][one] > until + CLOCK_SECONDS]
    maybe = [
        one for one in after.of(queue, "nacking")
        if after.at["nacked"].get(one, after.taken_at) >= since - CLOCK_SECONDS
    ]  # fmt: skip
    return Range(len(surely), len(maybe))


def _brokers(before, after):
    """A worker asks Redis at least once a second."""
    there = sum(crew["asked"] for crew in after.crews if crew["left_at"] is None)
    recent = before.taken_at - RECENT_SECONDS
    maybe_there = sum(crew["processes"] for crew in after.crews if (crew["left_at"] or after.taken_at) >= recent)
    known = after.taken_at - min(RECENT_SECONDS, after.silent_for) + 0.5  # a producer's command is before its answer
    senders = sum(sent_at > known for sent_at in after.senders)
    return Range(there + senders, maybe_there + sum(sent_at >= recent for sent_at in after.senders))


def when_waiting_were_sent(before, after, queue):
    """Of all messages that may wait at an instant between two looks."""
    fetched = before.memory | (before.running & after.running)
    kept = after.of(queue, "enqueuing") - before.of(queue, "acked", "nacked")
    return [after.sent[one] for one in kept - fetched]
