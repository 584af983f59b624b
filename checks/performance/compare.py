"""Another build of the project beside this one, by turns."""

from pathlib import Path

from bench import MEGABYTES
from cold_start import starts
from kit.machine import ROOT
from page import table
from query_cost import query
from redis_cost import resting
from warm_tick import ticks

SIDES = "before", "ours"


def compared(bench, size, other):
    """A table of medians, and of CPU time a call, with the ratio of this build to the other."""
    rows = []

    def row(name, figures, key):
        rows.append((name, *(figures[side][key] for side in SIDES)))

    for queues in size["queues"]:
        row(f"script, {queues} queues at rest, µs", resting(bench, size, queues, SIDES), "median_us")
    bench.redis.fill(["default"], 100, 2)
    started = starts(bench, size, SIDES)
    for kind, name in (("tick", "publisher"), ("query", "query function")):
        for key, what in (
            ("ready_ms", "start until ready, ms"),
            ("first_ms", f"first {kind} at full speed, ms"),
            ("first_at_size_ms", f"first {kind} at {MEGABYTES} MB, ms"),
            ("cpu_ms", f"start and first {kind}, CPU ms"),
        ):
            row(f"{name}: {what}", started[kind], key)
    for name, figures in (("tick over TLS", ticks(bench, size, True, SIDES)), ("query", query(bench, size, SIDES))):
        row(f"warm {name}, ms", figures, "median_ms")
        row(f"warm {name}, CPU ms", figures, "cpu_ms")
    rows.append(("package, MB", *(path.stat().st_size / 1e6 for path in (Path(other), ROOT / "target/lambda.zip"))))
    return table(("", "before", "now", "ratio"), *((name, before, now, f"{now / before:.2f}") for name, before, now in rows))
