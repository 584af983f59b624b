"""Measures, prints every figure and whether each goal is met, and renews docs/performance.md if asked; or compares two builds."""

import argparse
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
from cold_start import starts
from compare import compared
from function_size import memory, package
from goals import counted, goals
from query_cost import query
from redis_cost import redis_cost
from warm_tick import certificates_cpu_ms, growth, ticks

# In full, and in a smoke run.
SIZES = {
    "scripts": (150, 5),
    "queues": ([1, 10, 100], [1, 100]),
    "brokers": ([1, 20, 100], [1, 20]),
    "backlogs": ([10, 1_000, 30_000, 1_000_000], [10, 10_000]),
    "first_ticks": (60, 4),
    "warm_up": (300, 4),
    "ticks": (1_000, 20),
    "starts": (9, 1),
    "day": (1_440, 360),
    "megabytes": ([128, 256, 512, 1_024], [512]),
    "share_ticks": (30, 3),
}
SIDES = "ours", "peer"


def measured(bench, size):
    sections = {
        "machine": lambda: machine(bench),
        "redis": lambda: redis_cost(bench, size),
        "kept": lambda: ticks(bench, size, False, SIDES),
        "tls": lambda: ticks(bench, size, True, SIDES),
        "starts": lambda: starts(bench, size, SIDES),
        "query": lambda: query(bench, size, SIDES),
        "memory": lambda: memory(bench, size),
        "growth": lambda: growth(bench, size),
        "package": package,
    }
    figures = {}
    for name, section in sections.items():
        started = time.monotonic()
        figures[name] = section()
        print(f"\n== {name}, in {time.monotonic() - started:.0f} s")
        print(json.dumps(figures[name], indent=1, ensure_ascii=False), flush=True)
    return figures


def machine(bench):
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processors": os.cpu_count(),
        "model": (models or [platform.machine()])[0],
        "load_at_the_start": os.getloadavg()[0],
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "java": re.search(r'JAVA_RUNTIME_VERSION="(.*)"', Path(bench.java, "release").read_text())[1],
        "day": time.strftime("%Y-%m-%d"),
        "certificates_cpu_ms": certificates_cpu_ms(bench.authority.python_store),
    }


def judged(figures, smoke):
    figures["counted"], figures["goals"] = counted(figures), goals(figures)
    print("\n== counted")
    for name, holds in figures["counted"].items():
        print(f"{'holds ' if holds else 'BROKEN'}  {name}")
    print("\n== goals" + (" (in a smoke run the times mean nothing)" if smoke else ""))
    for figure, goal, value, met in figures["goals"]:
        print(f"{'met   ' if met else 'MISSED'}  {figure}: {value} (goal: {goal})")
    return all(figures["counted"].values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--before")
    asked = parser.parse_args()
    size = {name: smoke if asked.smoke else full for name, (full, smoke) in SIZES.items()}
    bench = Bench(os.environ["JAVA_HOME"], holding=not asked.smoke)
    try:
        if asked.before:
            print("\n".join(compared(bench, size, asked.before)))
            return 0
        figures = measured(bench, size)
    finally:
        bench.close()
    sound = judged(figures, asked.smoke)
    (OUT / ("smoke.json" if asked.smoke else "results.json")).write_text(json.dumps(figures, indent=1, ensure_ascii=False))
    page.renew(figures, write=sound and asked.page)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
