"""Warm ticks, beside the peer's; what one allocates; and what a day of them leaves behind."""

import re
import ssl
import time

from bench import TICK, in_turn, median

NINE = sorted("Dramatiq" + name for name in (
    "QueueDepth", "JobsInFlight", "JobsDelayed", "DeadLetters", "NewDeadLetters", "OldestJobAge", "ActiveBrokers", "RunningWorkers", "BacklogPerWorker"))
# Ours replaces its connection to Redis after 5 minutes, so at every 5th tick.
RECONNECTING = 5
TWO_HOURS, LOOKING = 120, 15
# What outlives a tick, but not a real minute: the SDK's timers of calls that have ended, for 5 s; connections that AWS has
# closed, which the JDK looks for every 5 s and closes when they were idle for 5 s.
AFTERLIFE_SECONDS = 11


def ticks(bench, size, tls):
    """
    Over TLS as production has it: AWS has closed its connection in the minute between two ticks, and Redis' is replaced
    every 5th. The peer keeps its connection to Redis.
    """
    functions, figures, count = {}, {}, 0

    def before(who):
        nonlocal count
        count += tls and who == "ours"
        if who == "ours" and count % RECONNECTING == 1:
            bench.end_redis_connections(functions["ours"])

    try:
        for who in ("peer", "ours"):
            functions[who] = bench.publisher(who, tls)
            functions[who].invoke(TICK)
            assert functions[who].cloudwatch.metric_names() == NINE, functions[who].cloudwatch.metric_names()
        for name, calls in (("first", size["first_ticks"]), ("warm_up", size["warm_up"]), ("warm", size["ticks"])):
            share = {"ours": calls, "peer": max(1, calls // 4) if tls else calls}
            figures[name] = in_turn(functions, TICK, share, before=before)
        for who, function in functions.items():
            ticks = 1 + sum(figures[name][who]["calls"] for name in ("first", "warm_up", "warm"))
            figures[who] = {
                **figures["warm"][who], "first_cpu_ms": figures["first"][who]["cpu_ms"], "peak_megabytes": function.peak_megabytes(), "ticks": ticks,
                "resumed": function.cloudwatch.resumed + function.ecs.resumed,
                "cloudwatch_calls": len(function.cloudwatch.requests), "ecs_calls": len(function.ecs.requests),
                "cloudwatch_connections": function.cloudwatch.connections, "ecs_connections": function.ecs.connections}
        return {who: figures[who] for who in functions} | {
            "cpu_ratio": figures["ours"]["cpu_ms"] / figures["peer"]["cpu_ms"], "certificates_cpu_ms": certificates_cpu_ms(bench.authority.python_store)}
    finally:
        for function in functions.values():
            function.close()


def certificates_cpu_ms(file):
    """What it takes Python to read a list of trusted certificates, as botocore does for each connection."""
    taken = []
    for _ in range(20):
        started = time.process_time()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        taken.append(1e3 * (time.process_time() - started))
    return median(taken)


def allocation(bench, size):
    """Kilobytes that a warm tick allocates: what the heap grew by while nothing was collected."""
    return {mode: allocated(bench, size["first_ticks"], tls) for mode, tls in (("kept", False), ("tls", True))}


def allocated(bench, ticks, tls):
    function = bench.publisher("ours", tls, flags=("-Xmx900m", "-Xms900m", "-Xmn800m"))

    def used():
        return sum(int(kilobytes) for kilobytes in re.findall(r"total \d+K, used (\d+)K", bench.jcmd(function, "GC.heap_info")))

    try:
        for _ in range(ticks):
            function.invoke(TICK)
        bench.jcmd(function, "GC.run")
        before = used()
        for number in range(ticks):
            if tls and number % RECONNECTING == 0:
                bench.end_redis_connections(function)
            function.invoke(TICK)
        return {"kilobytes_a_tick": (used() - before) / ticks}
    finally:
        function.close()


def growth(bench, size):
    """
    A day's ticks in one process, as production has them: what it falls back to in the first two hours and in the last two,
    the least at any look. Two, because the JDK's TLS sessions come and go with that period.
    """
    function = bench.publisher("ours", True)

    def held():
        live = bench.jcmd(function, "GC.class_histogram").strip().splitlines()[-1].split()
        return {"heap_kilobytes": int(live[2]) / 1024, "threads": function.status("Threads"), "descriptors": function.descriptors(),
                "redis_connections": len(bench.redis_connections(function))}

    looks = {}
    try:
        for number in range(1, size["day"] + 1):
            if number % RECONNECTING == 0:
                bench.end_redis_connections(function)
            function.invoke(TICK)
            if number in (TWO_HOURS, size["day"]):
                time.sleep(AFTERLIFE_SECONDS)
            if number % LOOKING == 0 and (number <= TWO_HOURS or number > size["day"] - TWO_HOURS):
                looks[number] = held()
        return {"ticks": size["day"], "aws_connections_a_tick": (function.cloudwatch.connections + function.ecs.connections) / size["day"],
                "first": least(look for number, look in looks.items() if number <= TWO_HOURS),
                "last": least(look for number, look in looks.items() if number > TWO_HOURS)}
    finally:
        function.close()


def least(looks):
    """The smallest of each."""
    looks = list(looks)
    return {name: min(look[name] for look in looks) for name in looks[0]}
