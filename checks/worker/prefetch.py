"""Measures what a second worker gets to do while the first is busy and has fetched ahead.

Prints a row of the table in deploy/worker/README.md for each prefetch. `run --page` calls it for both versions.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import dramatiq
from workers import Container, Jobs, Redis

PROCESSES, THREADS, SECONDS = 4, 4, 10


@dataclass(frozen=True)
class Seen:
    waited: int  # messages that the first worker had not fetched when the second came
    taken: int  # by the second worker before the first was done with its first
    seconds_to_first: float | None  # from the second worker's start
    seconds_to_last: float  # from the sending until all were done


def second_worker(redis, folder, prefetch, processes, threads, seconds):
    """Twice as many jobs as the first worker has threads; then a second worker of the same size starts."""
    jobs, started = Jobs(redis), []

    def start():
        started.append(Container(redis, folder, None, processes, threads, protected=False, prefetch=prefetch))
        started[-1].wait_until_ready()

    try:
        start()
        at_once = processes * threads
        sent = time.time()
        jobs.send(*[seconds] * (2 * at_once))
        first = {line["job"] for line in jobs.begun(at_once)}
        time.sleep(1)  # Nothing tells that a worker fetches no more.
        waited = jobs.waiting
        came = time.time()
        start()
        jobs.ended(2 * at_once)
    finally:
        for each in started:
            each.kill()
    first_done = min(line["at"] for line in jobs.journal("ended") if line["job"] in first)
    taken = [line["at"] for line in jobs.journal("begun") if line["job"] not in first and line["at"] < first_done]
    last = max(line["at"] for line in jobs.journal("ended"))
    return Seen(waited, len(taken), min(taken) - came if taken else None, last - sent)


def main():
    with tempfile.TemporaryDirectory() as folder, Redis() as redis:
        for prefetch in (0, THREADS):
            seen = second_worker(redis, Path(folder), prefetch, PROCESSES, THREADS, SECONDS)
            started = "none" if seen.seconds_to_first is None else f"{seen.seconds_to_first:.1f} s"
            name = f"{THREADS}, as many as threads" if prefetch else f"{2 * THREADS}, Dramatiq's default"
            print(
                f"| {dramatiq.__version__} | {name} | {seen.waited} | {seen.taken} | {started} | {seen.seconds_to_last:.0f} s |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
