"""What our functions say of the queues: the datums of a tick, its log line, and the answer to a query."""

import dataclasses
import datetime
import json
import time

from deployment import Deployment
from faults import OF_WORKERS, end_of_the_minute_before, in_seconds
from kit import metrics
from kit.journal import possible, when_waiting_were_sent
from kit.machine import ROOT, until
from suna import QUEUES

QUEUE_METRICS = (ROOT / "events/queue-metrics.json").read_text()

PUBLISHED = {
    "DramatiqQueueDepth": "waiting",
    "DramatiqJobsInFlight": "in_flight",
    "DramatiqJobsDelayed": "delayed",
    "DramatiqOrphanedMessages": "orphaned",
    "DramatiqDeadLetters": "dead_letters",
    "DramatiqNewDeadLetters": "new_dead_letters",
    "DramatiqOldestJobAge": "oldest_age",
    "DramatiqActiveBrokers": "active_brokers",
}
ANSWERED = {
    "queue_depth": "waiting",
    "in_flight": "in_flight",
    "delay_queue_depth": "delayed",
    "orphaned": "orphaned",
    "dead_letter_depth": "dead_letters",
    "new_dead_letters": "new_dead_letters",
    "oldest_job_age_seconds": "oldest_age",
    "active_brokers": "active_brokers",
}
UNITS = metrics.units()
MILLISECOND = 0.0011  # both of an age's ends are cut to milliseconds


@dataclasses.dataclass(frozen=True)
class Reading:
    """What is unknown is not in it. `began` and `ended` are the same where it says when Redis was read."""

    began: float
    ended: float
    totals: dict
    queues: dict


class Reader(Deployment):
    """A stack whose two functions read the same Redis."""

    def __init__(self, aws, name, redis_host):
        super().__init__(aws, name, RedisHost=redis_host, QueueNames=",".join(QUEUES), PerQueueMetrics="true")
        self.ticks = 0

    def lines(self):
        """What each tick logged."""
        _, log = self.instance("PublishFunction")
        return [json.loads(line) for line in log.splitlines() if line.startswith('{"event":"tick"')]

    def ticked(self):
        """The tick, and what it published of Redis: None for nothing."""
        tick = self.tick()
        self.ticks += 1
        # The log may lag behind the answer.
        line = until("the tick is logged", lambda: len(lines := self.lines()) == self.ticks and lines[-1])
        if not line["published"]:
            return tick, None
        put, *again = [call.input["MetricData"] for call in tick.calls]
        # A local AWS that is slow to answer is asked again.
        assert all(each == put for each in again)
        reading = published(put, tick.began, tick.ended)
        logged = {name: line[metric] for metric, name in PUBLISHED.items() if line[metric] is not None}
        assert logged == reading.totals, "the log line must tell what was published"
        return tick, reading if reading.totals else None

    def read_by_tick(self):
        tick, reading = self.ticked()
        assert tick.error is None, f"a tick failed: {tick.error}"
        return reading

    def read_by_query(self):
        """An answer that was read from now on: one may be a second old, as a burst of queries shares a read."""
        since = time.time()
        return until("an answer is new", lambda: (answer := self.answered()).began >= since and answer)

    def asked(self):
        return self.invoke("QueryFunction", QUEUE_METRICS).payload

    def answered(self):
        answer = self.asked()
        assert answer["statusCode"] == 200, answer
        body = json.loads(answer["body"])
        at = datetime.datetime.fromisoformat(body["timestamp"]).timestamp()
        return Reading(at, at, known(body), {queue: known(numbers) for queue, numbers in body["queues"].items()})


def known(answered):
    return {name: answered[key] for key, name in ANSWERED.items() if answered.get(key) is not None}


def published(datums, began, ended):
    totals, queues, stamps = {}, {}, set()
    for datum in datums:
        dimensions = {each["Name"]: each["Value"] for each in datum["Dimensions"]}
        assert dimensions.pop("Service") == "worker"
        of = queues.setdefault(dimensions["Queue"], {}) if dimensions else totals
        if datum["MetricName"] not in OF_WORKERS:
            of[PUBLISHED[datum["MetricName"]]] = datum["Value"]
        assert datum["Unit"] == UNITS[datum["MetricName"]]
        stamps.add(in_seconds(datum["Timestamp"]))
    (stamp,) = stamps
    assert stamp in {end_of_the_minute_before(began), end_of_the_minute_before(ended)}
    return Reading(began, ended, totals, queues)


def read(fleet, ask):
    """
    A reading and the looks before and after it.

    :raises AssertionError: where it tells what cannot have been so at any instant between them
    """
    before = fleet.look()
    reading = ask()
    after = fleet.look()
    if reading.began == reading.ended:
        assert before.taken_at - MILLISECOND <= reading.began <= after.taken_at, "it must be timestamped with the read"
    totals, queues = possible(before, after, list(reading.queues))
    told = [("total", reading.totals, totals), *((queue, reading.queues[queue], queues[queue]) for queue in queues)]
    wrong = [
        f"{where}: {name} {said.get(name)}, possible {can_be.low} to {can_be.high}"
        for where, said, ranges in told
        for name, can_be in ranges.items()
        if said.get(name) not in can_be
    ]
    for queue, said in reading.queues.items():
        sent = when_waiting_were_sent(before, after, queue) if said["waiting"] else []
        youngest = max(0, reading.began - max(sent)) if sent else 0
        oldest = max(0, reading.ended - min(sent)) if sent else 0
        if not youngest - MILLISECOND <= said["oldest_age"] <= oldest + MILLISECOND:
            wrong.append(f"{queue}: oldest_age {said['oldest_age']}, possible {youngest:.3f} to {oldest:.3f}")
    oldest_of_all = max(said["oldest_age"] for said in reading.queues.values())
    if reading.totals["oldest_age"] != oldest_of_all:
        wrong.append(f"total: oldest_age {reading.totals['oldest_age']}, of the queues {oldest_of_all}")
    assert not wrong, "\n".join(wrong)
    return reading, before, after


# Whatever broker they are of, where the functions add up those of the brokers that they know.
HELD = """
local held = {}
local function add(queue, ids)
  held[queue] = (held[queue] or 0) + ids
end
for _, key in ipairs(redis.call('KEYS', 'dramatiq:__acks__.*')) do
  add(key:match('^dramatiq:__acks__%.[^.]+%.(.+)$'), redis.call('SCARD', key))
end
for _, key in ipairs(redis.call('KEYS', 'dramatiq:*.DQ')) do
  if redis.call('TYPE', key).ok == 'list' then
    add(key:match('^dramatiq:(.+)$'), redis.call('LLEN', key))
  end
end
return cjson.encode(held)
"""


def as_held(redis, reading):
    """:raises AssertionError: if Redis has another number of ids in ack sets and delayed lists, where nothing moves"""
    held = json.loads(redis.cli("EVAL", HELD, "0"))
    for queue, numbers in reading.queues.items():
        assert (numbers["in_flight"], numbers["delayed"]) == (held.get(queue, 0), held.get(queue + ".DQ", 0)), held
