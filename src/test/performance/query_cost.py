"""A query, beside FastAPI's: with a Redis read each, sharing one, and a burst."""

import http.client
import os
import subprocess
import sys
import threading
import time

from bench import OUT, QUERY, in_turn
from servers import cpu, free_port

ASKING_AT_ONCE = 4
FEWEST_IN_A_BURST = 400  # a process's CPU time is counted in hundredths of a second


def query(bench, size):
    """"empty" is a Java handler that does nothing, under the same runtime client; FastAPI reads Redis each time, as the original does."""
    environment = bench.environment(False)
    functions = {"read": bench.java_function(environment, "UnsharedQueryHandler"), "shared": bench.java_function(environment, "QueryHandler"),
                 "empty": bench.java_function(environment, "EmptyHandler"), "peer": FastApi(bench, environment)}
    try:
        in_turn(functions, QUERY, size["warm_up"])
        figures = in_turn(functions, QUERY, size["ticks"])
        figures["burst"] = bursts({"read": (functions["read"], 1), "shared": (functions["shared"], 1), "peer": (functions["peer"], ASKING_AT_ONCE)},
                                 max(size["ticks"], FEWEST_IN_A_BURST))
        ratios = {"read_cpu_ratio": ("read", "peer"), "shared_cpu_ratio": ("shared", "empty"), "shared_to_peer_cpu_ratio": ("shared", "peer")}
        return figures | {name: figures[ours]["cpu_ms"] / figures[other]["cpu_ms"] for name, (ours, other) in ratios.items()}
    finally:
        for function in functions.values():
            function.close()


def bursts(asked, calls, blocks=10):
    """Queries without a pause, in blocks by turns: Lambda hands an instance one at a time, FastAPI takes several."""
    taken = {name: [] for name in asked}
    for _ in range(blocks):
        for name, (function, at_once) in asked.items():
            taken[name].append(burst(function, -(-calls // blocks), at_once))
    figures = {}
    for name, each in taken.items():
        done, seconds, cpu_seconds = (sum(column) for column in zip(*each, strict=True))
        figures[name] = {"at_once": asked[name][1], "per_second": done / seconds, "per_cpu_second": done / cpu_seconds}
    return figures


def burst(function, calls, at_once):
    """Queries answered, the seconds, the CPU seconds."""
    spent, started = function.cpu(), time.monotonic()
    asking = [threading.Thread(target=lambda: [function.invoke(QUERY) for _ in range(calls // at_once)]) for _ in range(at_once)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    done = calls // at_once * at_once
    return done, time.monotonic() - started, function.cpu() - spent


class FastApi:
    """The peer's endpoint under uvicorn, asked over one kept connection by each thread."""

    def __init__(self, bench, environment):
        self.port, self.local = free_port(), threading.local()
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "query:app", "--port", str(self.port), "--log-level", "warning", "--no-access-log"],
            cwd=os.path.join(OUT, "web"), env={**os.environ, **environment, **bench.python_environment()})
        while True:
            try:
                self.connection().connect()
                break
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > self.started_at + 30:
                    raise AssertionError("uvicorn does not start") from None
                time.sleep(0.002)
        self.ready_seconds = time.monotonic() - self.started_at

    def connection(self):
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port)
        return self.local.connection

    def invoke(self, _):
        started = time.monotonic()
        self.connection().request("GET", "/api/metrics/queue")
        answer = self.connection().getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return time.monotonic() - started, body

    def cpu(self):
        return cpu(self.process.pid)

    def close(self):
        self.process.kill()
        self.process.wait()
