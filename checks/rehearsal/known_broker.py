"""A broker in Redis of which everything is known: the truth with which what was published is compared."""

import json
import math
import time
from dataclasses import dataclass

NAMESPACE = "dramatiq"
QUEUE = "default"


@dataclass(frozen=True)
class Content:
    """Messages, and brokers with a heartbeat just now. `oldest_sent` in ms since the epoch."""

    waiting: int
    in_flight: int
    delayed: int
    orphaned: int
    dead_letters: int
    brokers: int
    oldest_sent: float

    def truth(self, read_at_ms, workers):
        """Each metric's only right value, for a read at that time."""
        return {
            "DramatiqQueueDepth": self.waiting,
            "DramatiqJobsInFlight": self.in_flight,
            "DramatiqJobsDelayed": self.delayed,
            "DramatiqOrphanedMessages": self.orphaned,
            "DramatiqDeadLetters": self.dead_letters,
            "DramatiqNewDeadLetters": self.dead_letters,
            "DramatiqOldestJobAge": max(0, read_at_ms - self.oldest_sent) / 1000,
            "DramatiqActiveBrokers": self.brokers,
            "DramatiqRunningWorkers": workers,
            "DramatiqDesiredWorkers": workers,
            "DramatiqBacklogPerWorker": (self.waiting + self.in_flight) / workers,
        }


EMPTY = Content(waiting=0, in_flight=0, delayed=0, orphaned=0, dead_letters=0, brokers=0, oldest_sent=math.inf)


def together(contents):
    """The truth of several queues that were put one after another: each put renews the heartbeats."""
    totals = {
        name: sum(getattr(each, name) for each in contents)
        for name in ("waiting", "in_flight", "delayed", "orphaned", "dead_letters")
    }
    return Content(**totals, brokers=contents[-1].brokers, oldest_sent=min(each.oldest_sent for each in contents))


def put(redis, number, oldest_sent=None, ahead_seconds=0, queue=QUEUE):
    """Writes a broker that differs from every other number's in each figure, so that an old one would be seen.

    :param ahead_seconds: so much longer than 60 s the dead letters are new and the brokers active
    """
    now = int(time.time() * 1000)
    recent = now + ahead_seconds * 1000
    content = Content(
        waiting=number + 10,
        in_flight=number + 20,
        delayed=number + 30,
        orphaned=number + 60,
        dead_letters=number + 40,
        brokers=number + 50,
        oldest_sent=oldest_sent or now - 100_000 - number * 1000,
    )
    key = f"{NAMESPACE}:{queue}"
    # Two of the brokers are workers.
    acks = [f"{NAMESPACE}:__acks__.b{worker}.{queue}" for worker in range(2)]
    keys = [key, f"{key}.msgs", f"{key}.DQ", f"{key}.DQ.msgs", f"{key}.XQ", f"{NAMESPACE}:__heartbeats__"]
    commands = ["MULTI", f"DEL {' '.join([*keys, *acks, *(each + '.DQ' for each in acks)])}"]
    for each in range(content.waiting + content.in_flight + content.orphaned // 2):
        # The oldest stands first; what is in flight or orphaned is older still, and must not count.
        sent = content.oldest_sent + each if each < content.waiting else 1
        commands.append(f"HSET {key}.msgs m{each} {quoted({'args': [], 'message_timestamp': sent})}")
        if each < content.waiting:
            commands.append(f"RPUSH {key} m{each}")
        elif each < content.waiting + content.in_flight:
            commands.append(f"SADD {acks[each % 2]} m{each}")
    for each in range(content.delayed + content.orphaned - content.orphaned // 2):
        commands.append(f"HSET {key}.DQ.msgs d{each} {{}}")
        if each < content.delayed // 2:
            commands.append(f"RPUSH {key}.DQ d{each}")
        elif each < content.delayed:
            commands.append(f"SADD {acks[each % 2]}.DQ d{each}")
    commands += [f"ZADD {key}.XQ {recent} x{each}" for each in range(content.dead_letters)]
    commands += [f"ZADD {NAMESPACE}:__heartbeats__ {recent} b{each}" for each in range(content.brokers)]
    said = redis.cli(input="\n".join([*commands, "EXEC"]))
    assert "ERR" not in said and "OOM" not in said, said
    return content


def quoted(message):
    return "'" + json.dumps(message, separators=(",", ":")) + "'"
