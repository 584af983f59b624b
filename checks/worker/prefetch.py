"""Measures what a second worker gets to do while the first is busy and has fetched ahead, for each version of Dramatiq.

Puts a row for each prefetch into the table of deploy/worker/README.md, in place of those there.
"""

import re
import time
from dataclasses import dataclass

from kit.fleet import VERSIONS
from kit.machine import ROOT
from kit.redis_server import RedisServer
from workers import Workers

PROCESSES, THREADS, SECONDS = 4, 4, 10
PAGE = ROOT / "deploy/worker/README.md"
TABLE = re.compile(r"(<!-- rows: checks/run worker --page -->\n\|.*\n\|.*\n)(?:\|.*\n)*(<!-- end -->\n)")


@dataclass(frozen=True)
class Seen:
    waited: int  # messages that the first worker had not fetched when the second came
    taken: int  # by the second worker before the first was done with its first
    seconds_to_first: float | None  # from the second worker's start
    seconds_to_last: float  # from the sending until all were done


def second_worker(workers, prefetch, processes, threads, seconds):
    """Twice as many jobs as the first worker has threads; then a second worker of the same size starts."""
    size = {"processes": processes, "threads": threads, "prefetch": prefetch, "protected": False}
    workers.start(**size)
    at_once = processes * threads
    sent = time.time()
    workers.send(*[seconds] * (2 * at_once))
    first = {line["id"] for line in workers.begun(at_once)}
    time.sleep(1)  # Nothing tells that a worker fetches no more.
    waited = workers.waiting
    came = time.time()
    workers.start(**size)
    ended = {line["id"]: line["at"] for line in workers.ended(2 * at_once)}
    first_done = min(ended[job] for job in first)
    taken = [line["at"] for line in workers.noted("begun") if line["id"] not in first and line["at"] < first_done]
    return Seen(waited, len(taken), min(taken) - came if taken else None, max(ended.values()) - sent)


def measured(version, prefetch):
    with RedisServer() as redis, Workers(redis, version) as workers:
        seen = second_worker(workers, prefetch, PROCESSES, THREADS, SECONDS)
    started = "none" if seen.seconds_to_first is None else f"{seen.seconds_to_first:.1f} s"
    name = f"{THREADS}, as many as threads" if prefetch else f"{2 * THREADS}, Dramatiq's default"
    return f"| {version} | {name} | {seen.waited} | {seen.taken} | {started} | {seen.seconds_to_last:.0f} s |\n"


if __name__ == "__main__":
    # One after the other, so that they do not slow each other down.
    rows = "".join(measured(version, prefetch) for version in VERSIONS for prefetch in (0, THREADS))
    text, found = TABLE.subn(lambda match: match[1] + rows + match[2], PAGE.read_text())
    assert found == 1, f"{PAGE} must have one table between its comments, has {found}"
    PAGE.write_text(text)
    print(rows, end="")
