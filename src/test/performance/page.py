"""Puts the figures into docs/performance.md: each table and picture stands between <!-- name --> and <!-- /name -->."""

import os
import re

import charts
from bench import MEGABYTES, ROOT

PAGE = os.path.join(ROOT, "docs/performance.md")


def renew(figures, write):
    """Everything is rendered in any case, so that a run without --page shows that it can be."""
    with open(PAGE) as file:
        page = file.read()
    blocks = {name: render(figures) for name, render in BLOCKS.items()}
    standing = re.findall(r"^<!-- (\w+) -->$", page, re.MULTILINE)
    if sorted(standing) != sorted(blocks):
        raise ValueError(f"docs/performance.md must have a place for each of {sorted(blocks)}, has {sorted(standing)}")
    for name, lines in blocks.items():
        page = re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda found: found[1] + "\n".join(lines) + "\n" + found[2], page, flags=re.DOTALL)
    pictures = {"docs/cold-start.svg": cold_picture(figures), "docs/warm-tick.svg": warm_picture(figures)}
    if write:
        for path, content in {PAGE: page, **pictures}.items():
            with open(os.path.join(ROOT, path), "w") as file:
                file.write(content)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def table(*rows):
    head, *body = ([cell if isinstance(cell, str) else number(cell) for cell in row] for row in rows)
    align = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(row) + " |" for row in (head, align, *body)]


def machine(figures):
    of = figures["machine"]
    return [f"The figures are of {of['day']}, from {of['processors']} shared processors ({of['model']}) with a load of {of['load_at_the_start']:.1f} at the "
            f"start, Java {of['java']}, Python {of['python']} with {of['openssl']}. From run to run they vary with what else the machine does: compare within one."]


def goals(figures):
    rows = [(figure, goal, value, "met" if met else "**missed**") for figure, goal, value, met in figures["goals"]]
    lines = table(("figure", "goal", "measured", ""), *rows)
    return [lines[0], "|---|---|---|---|", *lines[2:]]


def cold(figures):
    tick, query = figures["cold"]["tick"], figures["cold"]["query"]

    def row(name, of):
        return name, *(of.get(key, "") for key in ("ready_ms", "done_ms", "cpu_ms"))

    return table(
        ("ms, median", "ready", "done", "CPU"),
        row("empty Java handler", tick["empty"]), row("first tick published: Java", tick["ours"]), row("— Python", tick["peer"]),
        row("— Java, restored by SnapStart", tick["restored"]), row("— Java with a class archive of its own", tick["class archive"]),
        row("first query answered: Java", query["ours"]), row("— Python, FastAPI", query["peer"]), row("— Java, restored by SnapStart", query["restored"]))


def phases(figures):
    ours, peer = (figures["cold"]["phases"][who] for who in ("ours", "peer"))
    return table(("ms, median", "Java", "Python"), *((name, ours.get(name, ""), peer.get(name, ""))
                                                     for name in dict.fromkeys([*ours, *peer])))


def classes(figures, most=14):
    rooms = list(figures["classes"].items())
    rest = [each for _, each in rooms[most:]]
    others = [(f"{len(rest)} more", sum(each["classes"] for each in rest), sum(each["cpu_ms"] for each in rest))] if rest else []
    total = "together", sum(each["classes"] for _, each in rooms), sum(each["cpu_ms"] for _, each in rooms)
    return table(("", "classes", "CPU ms to load and link"),
                 *((name, f"{of}", cpu) for name, of, cpu in [*((name, each["classes"], each["cpu_ms"]) for name, each in rooms[:most]), *others, total]))


def warm(figures):
    rows = [(f"{mode}: {name}", of["cpu_ms"], of["first_cpu_ms"], of["median_ms"], of["p99_ms"], f"{of['calls']:,}", of["peak_megabytes"])
            for mode, key in (("connections kept", "kept"), ("TLS, AWS closing", "tls"))
            for name, of in (("Java", figures[key]["ours"]), ("Python", figures[key]["peer"]))]
    allocated = figures["allocation"]
    return [*table(("a tick, ms", "CPU", "CPU, first hour", "median", "p99", "ticks", "peak MB"), *rows), "",
            f"A Java tick allocates {number(allocated['kept']['kilobytes_a_tick'])} KB with connections kept, "
            f"{number(allocated['tls']['kilobytes_a_tick'])} KB over TLS.", "",
            "Over TLS most of Python's time is botocore's, which reads its list of trusted certificates for each of the two connections: "
            f"{number(figures['tls']['certificates_cpu_ms'])} ms each."]


def query(figures):
    of, burst = figures["query"], figures["query"]["burst"]
    names = {"read": "Java, a Redis read each", "shared": "Java, sharing a read", "empty": "empty Java handler", "peer": "FastAPI, a Redis read each"}
    return [*table(("a query, ms", "CPU", "median", "p99"), *((name, *(of[key][column] for column in ("cpu_ms", "median_ms", "p99_ms"))) for key, name in names.items())), "",
            *table(("a burst, queries", "at once", "a second", "a CPU second"), *((name, f"{burst[key]['at_once']}", burst[key]["per_second"], burst[key]["per_cpu_second"])
                                                                                 for key, name in (("read", "Java, one instance, a Redis read each"), ("shared", "Java, one instance, sharing a read"),
                                                                                                   ("peer", "FastAPI, one process, a Redis read each"))))]


def redis(figures):
    columns = (("commands", "commands"), ("server_cpu_us", "server CPU, µs"), ("script_median_us", "script, µs"), ("script_p99_us", "p99"),
               ("bytes_in", "bytes in"), ("bytes_out", "bytes out"))
    of = figures["redis"]
    return [*table(("queues", "round trips", *(title for _, title in columns), "tick, ms"),
                   *((f"{queues:,}", f"{row['round_trips']}", *(row[key] for key, _ in columns), row["tick_median_ms"]) for queues, row in of["by_queues"].items())), "",
            *table(("waiting", *(title for _, title in columns)), *((f"{waiting:,}", *(row[key] for key, _ in columns)) for waiting, row in of["by_backlog"].items())), "",
            f"The original's three commands, each set after a tick: {number(of['original']['server_cpu_us'])} µs of server CPU in 3 round trips."]


def memory(figures):
    of = figures["memory"]
    rows = [(f"**{size}**" if int(size) == MEGABYTES else str(size), *(row[key] for key in ("first_tick_ms", "later_tick_ms", "peak_megabytes")),
             f"${row['dollars_a_month']:.3f}", of["peer"][size]["first_tick_ms"], of["peer"][size]["later_tick_ms"], f"${of['peer'][size]['dollars_a_month']:.3f}")
            for size, row in of["ours"].items()]
    return table(("MB", "Java: first tick, ms", "later", "peak MB", "a month", "Python: first tick", "later", "a month"), *rows)


def growth(figures):
    of = figures["growth"]
    names = {"heap_kilobytes": "live heap, KiB", "threads": "threads", "descriptors": "descriptors", "redis_connections": "connections to Redis"}
    return table(("the least at any look", "in the first 120 ticks", f"in the last 120 of {of['ticks']:,}"),
                 *((name, f"{of['first'][key]:,.0f}", f"{of['last'][key]:,.0f}") for key, name in names.items()))


def package(figures, most=10):
    of = figures["package"]
    rooms = list(of["rooms"].items())
    rest = [("the rest, and the zip's own lists", of["bytes"] - sum(size for _, size in rooms[:most]))]
    return table(("zipped", "KB"), *((name, size / 1e3) for name, size in [*rooms[:most], *rest, ("**together**", of["bytes"]), ("the Python peer's", of["peer_bytes"])]))


def cold_picture(figures):
    of, tick = figures["cold"]["phases"], figures["cold"]["tick"]
    return charts.stacked("To the first published metric, over TLS, ms: from nothing, or from what SnapStart restored", {
        "Java": of["ours"], "Python": of["peer"], "Java, SnapStart": {"the first tick after SnapStart's restore": tick["restored"]["done_ms"]}})


def warm_picture(figures):
    return charts.stacked("CPU of a warm tick, ms", {
        f"{mode}: {name}": {name: figures[key][who]["cpu_ms"]} for mode, key in (("kept", "kept"), ("TLS, closing", "tls"))
        for name, who in (("Java", "ours"), ("Python", "peer"))})


BLOCKS = {render.__name__: render for render in (machine, goals, cold, phases, classes, warm, query, redis, memory, growth, package)}
