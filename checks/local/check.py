#!/usr/bin/env python3
"""Runs `./mvnw -q -Plocal` as a user would, and looks at it from outside, at its page too. Ends what it started.

check.py              the checks; they change nothing
check.py --picture    makes the README's picture, docs/local-run.png
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import browser
from kit import metrics
from kit.machine import free_port

ROW = re.compile(
    r"\d\d:\d\d:\d\d +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +[\d.]+ s +0 +3 +2 +2 +[\d.]+ +"
    rf"{len(metrics.units())} +\d+ ms  -$"
)
SECONDS_TO_START = 300
# The first rows are not yet those of a steady load.
MOST_ROWS = 40


def start(port, **environment):
    return subprocess.Popen(
        ["./mvnw", "-q", "-B", "-Plocal", "-Dtick=1", f"-Dport={port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, **environment},
    )


def ended_at_the_latest(run):
    """A timer that ends the run, so that reading from it cannot wait for ever."""
    timer = threading.Timer(SECONDS_TO_START, os.killpg, (run.pid, signal.SIGKILL))
    timer.start()
    return timer


def rows(run, wanted):
    """The first `wanted` right lines of the table; fewer where the run ends before."""
    found, seen = [], 0
    for line in run.stdout:
        print("  " + line.rstrip())
        seen += bool(re.match(r"\d\d:\d\d:\d\d ", line))
        if ROW.match(line):
            found.append(line)
        if len(found) == wanted or seen == MOST_ROWS:
            break
    return found


def left_running(group):
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(group) and not line.split()[1].startswith("Z")]


def check_that_it_runs(failures):
    port = free_port()
    started = time.monotonic()
    run = start(port)
    timer = ended_at_the_latest(run)
    try:
        shown = len(rows(run, 3)) == 3
        print(f"   three ticks after {time.monotonic() - started:.0f} s, compiling included")
        if not shown:
            failures.append(
                "three of the first ticks must have no orphans, 3 brokers, 2 workers of 2, "
                f"{len(metrics.units())} datums and no decision"
            )
            return
        timer.cancel()
        check_the_answer(failures, port)
        browser.check_that_it_scales(port, failures)
        check_that_it_only_looks(failures, redis_port(run.pid))
        os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C in a terminal: to the whole group
        run.communicate(timeout=15)
        check_that_nothing_is_left(failures, run.pid, "Ctrl-C")
    except subprocess.TimeoutExpired:
        failures.append("Ctrl-C must end the run within 15 s")
    finally:
        timer.cancel()
        end(run)


def redis_port(group):
    """Where the Redis of that run listens."""
    return re.search(r"redis-server\S* \S*:(\d+)", "\n".join(left_running(group)))[1]


def check_that_it_only_looks(failures, redis):
    """A run at somebody's own Redis. Then only Maven's process ends, as it may where a machine runs out of memory."""
    port = free_port()
    run = start(port, REDIS_HOST="127.0.0.1", REDIS_PORT=redis, REDIS_TLS="false")
    timer = ended_at_the_latest(run)
    try:
        for line in run.stdout:
            print("  " + line.rstrip())
            if line.startswith("http://"):
                break
        browser.check_that_it_only_looks(port, failures)
        os.kill(run.pid, signal.SIGKILL)
        check_that_nothing_is_left(failures, run.pid, "Maven's end")
    finally:
        timer.cancel()
        end(run)


def check_that_nothing_is_left(failures, group, ending):
    deadline = time.monotonic() + 15  # Maven may end before what it started
    while left_running(group) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left_running(group):
        failures.append(f"{ending} must end everything, left {left_running(group)}")


def check_the_answer(failures, port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/metrics/queue", timeout=10) as answer:
        body = json.load(answer)
    print("  ", body)
    expected = [
        "queue_depth",
        "delay_queue_depth",
        "dead_letter_depth",
        "timestamp",
        "in_flight",
        "oldest_job_age_seconds",
        "new_dead_letters",
        "orphaned",
        "active_brokers",
        "queues",
    ]
    if list(body) != expected:
        failures.append(f"/api/metrics/queue must have the fields {expected}, had {list(body)}")
    if body["active_brokers"] != 3 or not isinstance(body["in_flight"], int):
        failures.append(f"/api/metrics/queue must tell 3 active brokers and the messages in flight, was {body}")


def end(run):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)


def check_that_it_stops(failures, sentence, port=None, **environment):
    run = start(port or free_port(), **environment)
    try:
        output, _ = run.communicate(timeout=SECONDS_TO_START)
    finally:
        end(run)
    print("  " + output.rstrip())
    if run.returncode == 0 or not re.fullmatch(sentence + "\n", output):
        failures.append(f"must exit non-zero saying only {sentence!r}, exited {run.returncode} saying {output!r}")


def make_the_picture(failures):
    port = free_port()
    run = start(port)
    timer = ended_at_the_latest(run)
    try:
        rows(run, 3)
        browser.take_the_readme_picture(port, "docs/local-run.png", failures)
    finally:
        timer.cancel()
        end(run)


def check(failures):
    check_that_it_runs(failures)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        check_that_it_stops(failures, rf"127\.0\.0\.1:{port} \(-Dport\) cannot be listened on: Address already in use", port)
    nobody = free_port()
    check_that_it_stops(
        failures,
        rf"Redis 127\.0\.0\.1:{nobody} \(REDIS_HOST, REDIS_PORT\) could not be reached: 127\.0\.0\.1: Connection refused",
        REDIS_HOST="127.0.0.1",
        REDIS_PORT=str(nobody),
        REDIS_TLS="false",
    )
    check_that_it_stops(
        failures,
        r"bad settings: REDIS_PORT must be 1 to 65535, was 637900; PER_QUEUE_METRICS must be true or false, was yes",
        REDIS_HOST="127.0.0.1",
        REDIS_PORT="637900",
        PER_QUEUE_METRICS="yes",
    )


def main(arguments):
    if arguments not in ([], ["--picture"]):
        print(f"expected nothing or --picture, got {' '.join(arguments)}", file=sys.stderr)
        return 64
    failures = []
    if arguments == ["--picture"]:
        make_the_picture(failures)
    else:
        check(failures)
    for failure in failures:
        print("FAILED: " + failure)
    print(f"{'local run: FAILED' if failures else 'local run: ok'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
