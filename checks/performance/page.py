"""Puts the figures into docs/performance.md, each table between <!-- name --> and <!-- /name -->, and draws docs/cold-start.svg."""

import re

from bench import MEGABYTES
from goals import HELD
from kit import charts
from kit.machine import ROOT

PAGE = ROOT / "docs/performance.md"


def renew(figures, write):
    """Renders everything even if it writes nothing, so that each run shows that it can be rendered."""
    page = PAGE.read_text()
    blocks = {name: render(figures) for name, render in BLOCKS.items()}
    standing = re.findall(r"^<!-- (\w+) -->$", page, re.MULTILINE)
    if sorted(standing) != sorted(blocks):
        raise ValueError(f"docs/performance.md must have a place for each of {sorted(blocks)}, has {sorted(standing)}")
    for name, lines in blocks.items():
        before, _, rest = page.partition(f"<!-- {name} -->\n")
        _, mark, after = rest.partition(f"<!-- /{name} -->")
        page = "".join([before, f"<!-- {name} -->\n", *(line + "\n" for line in lines), mark, after])
    picture = cold_picture(figures)
    if write:
        PAGE.write_text(page)
        (ROOT / "docs/cold-start.svg").write_text(picture)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def table(*rows):
    head, *body = ([cell if isinstance(cell, str) else number(cell) for cell in row] for row in rows)
    align = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(row) + " |" for row in (head, align, *body)]


def machine(figures):
    of = figures["machine"]
    return [
        f"Measured on {of['day']} on {of['processors']} shared processors ({of['model']}) with a load of {of['load_at_the_start']:.1f} at the start, "
        f"Java {of['java']}, Python {of['python']} with {of['openssl']}. Times vary from run to run: compare figures of one run only."
    ]


def goals(figures):
    rows = [(figure, goal, value, "met" if met else "**missed**") for figure, goal, value, met in figures["goals"]]
    lines = table(("figure", "goal", "measured", ""), *rows)
    return [lines[0], "|---|---|---|---|", *lines[2:]]


def starts(figures):
    of = figures["starts"]

    def row(name, side):
        return name, *(side.get(key, "") for key in ("ready_ms", "first_ms", "first_at_size_ms", "cpu_ms"))

    return table(
        ("ms, median", "ready", "first event", f"first event at {MEGABYTES} MB", "CPU"),
        row("an empty Java handler", of["empty"]),
        row("publisher: Java", of["tick"]["ours"]),
        row("— Python", of["tick"]["peer"]),
        row("query function: Java", of["query"]["ours"]),
        row("— Python, FastAPI", of["query"]["peer"]),
    )


def warm(figures):
    keys = ("cpu_ms", "first_cpu_ms", "median_ms", "p99_ms", "calls", "peak_megabytes")
    rows = [
        (f"{mode}: {name}", *(figures[key][side][column] for column in keys))
        for mode, key in (("connections kept", "kept"), ("TLS, AWS closing", "tls"))
        for name, side in (("Java", "ours"), ("Python", "peer"))
    ]
    return [
        *table(("a tick, ms", "CPU", "CPU, first hour", "median", "p99", "ticks", "peak MB"), *rows),
        "",
        "Over TLS Python spends most of its time in botocore, which reads its list of trusted certificates for each of the two connections: "
        f"{number(figures['machine']['certificates_cpu_ms'])} ms each.",
    ]


def query(figures):
    keys = ("cpu_ms", "median_ms", "p99_ms")
    rows = [(name, *(figures["query"][side][key] for key in keys)) for side, name in (("ours", "Java"), ("peer", "FastAPI"))]
    return table(("a query, ms", "CPU", "median", "p99"), *rows)


def redis(figures):
    of = figures["redis"]
    brokers = sorted({row["brokers"] for row in of["in_use"].values()})
    scripts = {"at rest, 20 brokers": [of["at_rest"][many] for many in sorted(of["at_rest"])]} | {
        f"in use by {many} broker{'s' * (many > 1)}": [row for row in of["in_use"].values() if row["brokers"] == many]
        for many in brokers
    }
    heads = [f"{many} queue{'s' * (many > 1)}" for many in sorted(of["at_rest"])]
    rows = [(name, *(f"{number(row['median_us'])} ({number(row['p99_us'])})" for row in rows)) for name, rows in scripts.items()]
    backlogs = [(f"{waiting:,}", row["median_us"], row["p99_us"]) for waiting, row in of["by_backlog"].items()]
    return [*table(("script, µs", *heads), *rows), "", *table(("messages waiting", "script, µs", "p99"), *backlogs)]


def memory(figures):
    ours, peers = figures["memory"]["ours"], figures["memory"]["peer"]

    def costs(row, *keys):
        return *(row[key] for key in keys), f"${row['dollars_a_month']:.3f}"

    rows = [
        (
            f"**{size}**" if size == MEGABYTES else str(size),
            *costs(ours[size], "first_tick_ms", "later_tick_ms", "peak_megabytes"),
            *costs(peers[size], "first_tick_ms", "later_tick_ms"),
        )
        for size in ours
    ]
    return table(("MB", "Java: first tick, ms", "later", "peak MB", "a month", "Python: first tick", "later", "a month"), *rows)


def growth(figures):
    of = figures["growth"]

    def between(looks):
        least, most = (f"{each:,.0f}" for each in looks)
        return least if least == most else f"{least} to {most}"

    return table(
        ("", "in the first 120 ticks", f"in the last 120 of {of['ticks']:,}"),
        *((name, between(of["first"][key]), between(of["last"][key])) for key, name in HELD.items()),
    )


def cold_picture(figures):
    of = figures["starts"]
    bars = {}
    for kind, name in (("tick", "publisher"), ("query", "query")):
        ours, peer = of[kind]["ours"], of[kind]["peer"]
        bars[f"{name}: Java"] = {
            "JVM and Lambda's runtime client": of["empty"]["ready_ms"],
            "clients, and one read": ours["ready_ms"] - of["empty"]["ready_ms"],
            "first event": ours["first_at_size_ms"],
        }
        bars[f"{name}: Python"] = {"Python, imports and clients": peer["ready_ms"], "first event": peer["first_at_size_ms"]}
    return charts.stacked(f"From nothing to the first answer at {MEGABYTES} MB, over TLS, ms", bars)


BLOCKS = {render.__name__: render for render in (machine, goals, starts, warm, query, redis, memory, growth)}
