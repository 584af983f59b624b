"""Runs all measurements, prints every figure and whether each goal is met, and renews docs/performance.md where asked."""

import json
import os
import platform
import re
import ssl
import sys
import time
from pathlib import Path

import page
from bench import OUT, Bench
from cold_start import classes, cold
from function_size import memory, package
from goals import counted, goals
from query_cost import query
from redis_cost import redis_cost
from warm_tick import allocation, growth, ticks

FULL = {"redis_ticks": 150, "queues": [1, 10, 100, 1_000, 10_000], "backlogs": [10, 1_000, 30_000, 1_000_000], "first_ticks": 60,
        "warm_up": 300, "ticks": 2_000, "colds": 9, "day": 1_440, "megabytes": [128, 192, 256, 512, 1_024, 1_769], "share_ticks": 30}
SMOKE = {"redis_ticks": 3, "queues": [1, 100, 250], "backlogs": [10, 10_000], "first_ticks": 4, "warm_up": 4, "ticks": 20, "colds": 1,
         "day": 360, "megabytes": [1_769], "share_ticks": 3}


def measured(bench, size):
    figures = {}
    for name, section in (
            ("machine", lambda: machine(bench.java)), ("redis", lambda: redis_cost(bench, size)), ("kept", lambda: ticks(bench, size, False)), ("tls", lambda: ticks(bench, size, True)),
            ("allocation", lambda: allocation(bench, size)), ("cold", lambda: cold(bench, size)), ("classes", lambda: classes(bench, size)),
            ("query", lambda: query(bench, size)), ("memory", lambda: memory(bench, size)), ("growth", lambda: growth(bench, size)),
            ("package", package)):
        started = time.monotonic()
        figures[name] = section()
        print(f"\n== {name}, in {time.monotonic() - started:.0f} s")
        print(json.dumps(figures[name], indent=1, ensure_ascii=False), flush=True)
    return figures


def machine(java_home):
    with open("/proc/cpuinfo") as processors:
        model = next((line.split(":")[1].strip() for line in processors if line.startswith("model name")), platform.machine())
    return {"processors": os.cpu_count(), "model": model, "load_at_the_start": os.getloadavg()[0], "python": platform.python_version(),
            "openssl": ssl.OPENSSL_VERSION, "java": re.search(r'JAVA_RUNTIME_VERSION="(.*)"', Path(java_home, "release").read_text())[1],
            "day": time.strftime("%Y-%m-%d")}


def main():
    bench = Bench(os.environ["JAVA_HOME"])
    try:
        figures = measured(bench, SMOKE if "--smoke" in sys.argv else FULL)
    finally:
        bench.close()
    figures["counted"], figures["goals"] = counted(figures), goals(figures)
    print("\n== counted")
    for name, holds in figures["counted"].items():
        print(f"{'holds ' if holds else 'BROKEN'}  {name}")
    print("\n== goals" + (" (in a smoke run the times say nothing)" if "--smoke" in sys.argv else ""))
    for figure, goal, value, met in figures["goals"]:
        print(f"{'met   ' if met else 'MISSED'}  {figure}: {value} (goal: {goal})")
    with open(os.path.join(OUT, "smoke.json" if "--smoke" in sys.argv else "results.json"), "w") as file:
        json.dump(figures, file, indent=1, ensure_ascii=False)
    sound = all(figures["counted"].values())
    page.renew(figures, write=sound and "--page" in sys.argv)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
