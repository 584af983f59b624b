"""From the start of the process to the first published metric or answered query, and what the time goes into."""

import os
import re
import subprocess

from bench import ON_DEMAND, OUT, QUERY, SNAP_START, TICK, median
from query_cost import FastApi
from servers import Monitor


def cold(bench, size):
    """
    Everything over TLS, by turns. "empty" is a Java handler that does nothing: the JVM and Lambda's runtime client.
    "restored" is what SnapStart leaves: the init is done, connections are dead, the first event comes.
    """
    archive = os.path.join(bench.work, "classes.jsa")
    archiving = bench.publisher("ours", True, flags=(f"-XX:ArchiveClassesAtExit={archive}",))
    archiving.invoke(TICK)
    archiving.end_in_order()
    kinds = {
        "tick": {"ours": lambda: published(bench, "ours"), "peer": lambda: published(bench, "peer"),
                 "restored": lambda: restored(bench, bench.publisher("ours", True, SNAP_START), TICK),
                 "class archive": lambda: published(bench, "ours", flags=(f"-XX:SharedArchiveFile={archive}",)),
                 "empty": lambda: answered(bench.java_function({}, "EmptyHandler"), TICK)},
        "query": {"ours": lambda: answered(bench.java_function(bench.environment(True), "QueryHandler"), QUERY),
                  "peer": lambda: answered(FastApi(bench, bench.environment(True)), QUERY),
                  "restored": lambda: restored(bench, bench.java_function(bench.environment(True, **SNAP_START), "QueryHandler"), QUERY)}}
    samples = {kind: {name: [] for name in starts} for kind, starts in kinds.items()}
    for _ in range(size["colds"]):
        for kind, starts in kinds.items():
            for name, start in starts.items():
                samples[kind][name].append(start())
    figures = {kind: {name: {key: median([sample[key] for sample in taken]) for key in taken[0]} for name, taken in starts.items()}
               for kind, starts in samples.items()}
    figures["phases"] = {who: phases(figures["tick"][who], figures["tick"]["empty"]["ready_ms"] if who == "ours" else 0) for who in ("ours", "peer")}
    figures["ratio"] = figures["tick"]["ours"]["done_ms"] / figures["tick"]["peer"]["done_ms"]
    return figures


def published(bench, who, **java):
    monitor = Monitor(bench.redis.port)
    function = bench.publisher(who, True, **java)
    try:
        ready_cpu = function.cpu()
        function.invoke(TICK)
        cloudwatch, ecs, started = function.cloudwatch.marks, function.ecs.marks, function.started_at
        script = min(at for command, at in monitor.marks.items() if command.startswith("EVAL"))
        return {name: 1e3 * seconds for name, seconds in {
            "ready_ms": function.ready_seconds, "redis_ms": script - started, "ecs_connected_ms": ecs["connected"] - started,
            "ecs_ms": ecs["asked"] - started, "cloudwatch_connected_ms": cloudwatch["connected"] - started,
            "done_ms": cloudwatch["asked"] - started, "ready_cpu_ms": ready_cpu, "cpu_ms": function.cpu()}.items()}
    finally:
        function.close()
        monitor.close()


def phases(marks, virtual_machine):
    """Milliseconds between one mark and the next, in the order in which they come."""
    names = {"ready_ms": "init: settings, clients, a tick rehearsed", "redis_ms": "Redis: connect, TLS, the script sent", "ecs_connected_ms": "Redis' answer read, to ECS",
             "ecs_ms": "ECS: TLS, request sent", "cloudwatch_connected_ms": "ECS' answer read, to CloudWatch", "done_ms": "CloudWatch: TLS, metrics sent"}
    spent, before = {}, 0
    if virtual_machine:
        spent, before = {"JVM and Lambda's runtime client": virtual_machine}, virtual_machine
    else:
        names["ready_ms"] = "Python, Lambda's runtime client, init"
    for mark in sorted(names, key=marks.get):
        spent[names[mark]] = marks[mark] - before
        before = marks[mark]
    return spent


def answered(function, event):
    try:
        ready_cpu = function.cpu()
        wall, _ = function.invoke(event)
        return {"ready_ms": 1e3 * function.ready_seconds, "done_ms": 1e3 * (function.ready_seconds + wall), "ready_cpu_ms": 1e3 * ready_cpu,
                "cpu_ms": 1e3 * function.cpu()}
    finally:
        function.close()


def restored(bench, function, event):
    try:
        cpu = function.cpu()
        wall = function.api.restore(event)
        return {"done_ms": 1e3 * wall, "cpu_ms": 1e3 * (function.cpu() - cpu)}
    finally:
        function.close()


def classes(bench, size):
    """Classes loaded up to the first published metric, by where they come from, and the CPU time that loading and linking them takes again."""
    log = os.path.join(bench.work, "classes.log")
    function = bench.publisher("ours", True, flags=(f"-Xlog:class+load:file={log}",))
    function.invoke(TICK)
    function.close()
    loaded = []
    with open(log) as lines:
        for line in lines:
            if (found := re.search(r"(\S+) source: (.*)", line)) and (room := library(*found.groups())):
                loaded.append((room, found[1]))
    again = [loaded_again(bench, loaded) for _ in range(size["colds"] // 3 + 1)]
    rooms = {room: {"classes": sum(other == room for other, _ in loaded), "cpu_ms": median([run.get(room, 0) for run in again])}
             for room in dict(loaded)}
    return dict(sorted(rooms.items(), key=lambda item: -item[1]["cpu_ms"]))


def library(name, source):
    if "0x" in name or "/" in name or source.startswith("__"):
        return "made at run time: lambdas and method handles"
    if source.startswith("shared"):
        return "the JDK, from its class archive"
    if source.startswith("jrt:"):
        return "the JDK, parsed: " + ("TLS and certificates" if re.match(r"sun\.security|javax\.net\.ssl|java\.security|javax\.crypto|com\.sun\.crypto", name) else "the rest")
    room = os.path.basename(source.strip().rstrip("/"))
    return "our own classes" if room == "ours" else room if room.endswith(".jar") else ""


def loaded_again(bench, loaded):
    where = os.path.join(OUT, "ours")
    command = bench.java_command(*ON_DEMAND, "-cp", f"{where}:{where}/lib/*:{OUT}/lib/ric/*", "so.suna.queuemetrics.LoadClasses")
    said = subprocess.run(command, input="\n".join("\t".join(each) for each in loaded), check=True, capture_output=True, text=True).stdout
    return {room: int(micros) / 1e3 for room, micros in (line.split("\t") for line in said.splitlines())}
