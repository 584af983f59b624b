"""Warm ticks, and what a day of them leaves behind."""

import ssl
import time

from bench import TICK, in_turn, median

# Ours replaces its connection to Redis after 5 minutes, so at every 5th tick.
RECONNECTING = 5
TWO_HOURS, LOOKING = 120, 15
# What outlives a tick, but not a real minute: the SDK's timers of calls that have ended, for 5 s; connections that AWS has
# closed, which the JDK looks for every 5 s and closes if they were idle for 5 s.
AFTERLIFE_SECONDS = 11


def ticks(bench, size, tls, sides):
    """
    Over TLS as production has it: AWS has closed its connection in the minute between two ticks, and Redis' is replaced
    every 5th. The peer keeps its connection to Redis.
    """
    figures, done = {}, dict.fromkeys(sides, 0)

    def prepare(side):
        done[side] += 1
        if tls and side != "peer" and done[side] % RECONNECTING == 0:
            bench.end_redis_connections(functions[side])

    with bench.all_sides(bench.publisher, sides, tls) as functions:
        for function in functions.values():
            function.invoke(TICK)
        published = {side: function.cloudwatch.metric_names() for side, function in functions.items()}
        assert "peer" not in published or published["ours"] == published["peer"], (
            f"the peer must publish what we do, was {published}"
        )
        for name, calls in (("first", size["first_ticks"]), ("warm_up", size["warm_up"]), ("warm", size["ticks"])):
            of_side = {side: max(1, calls // 4) if tls and side == "peer" else calls for side in sides}
            figures[name] = in_turn(functions, TICK, of_side, prepare=prepare)
        return {
            side: {
                **figures["warm"][side],
                "first_cpu_ms": figures["first"][side]["cpu_ms"],
                "peak_megabytes": function.peak_megabytes(),
                "ticks": 1 + done[side],
                "published_at_start": function.requests_at_start[0],
                "cloudwatch_requests": len(function.cloudwatch.requests),
                "ecs_requests": len(function.ecs.requests) - function.requests_at_start[1],
                "redis_connections": len(bench.redis_connections(function)),
                "cloudwatch_connections": function.cloudwatch.connections,
                "ecs_connections": function.ecs.connections,
                "resumed": function.cloudwatch.resumed + function.ecs.resumed,
            }
            for side, function in functions.items()
        }


def certificates_cpu_ms(file):
    """What it takes Python to read a list of trusted certificates, as botocore does for each connection."""
    taken = []
    for _ in range(20):
        started = time.process_time()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        taken.append(1e3 * (time.process_time() - started))
    return median(taken)


def growth(bench, size):
    """
    A day's ticks in one process, as production has them: what it holds in the first two hours and in the last two, at
    several looks. Two, because the JDK's TLS sessions come and go with that period.
    """
    looks = {"first": [], "last": []}
    with bench.publisher("ours", True) as function:
        for number in range(1, size["day"] + 1):
            if number % RECONNECTING == 0:
                bench.end_redis_connections(function)
            function.invoke(TICK)
            if number in (TWO_HOURS, size["day"]):
                time.sleep(AFTERLIFE_SECONDS)
            if number % LOOKING == 0 and (number <= TWO_HOURS or number > size["day"] - TWO_HOURS):
                looks["first" if number <= TWO_HOURS else "last"].append(held(bench, function))
    ranges = {
        when: {name: [least(look[name] for look in taken) for least in (min, max)] for name in taken[0]}
        for when, taken in looks.items()
    }
    return {"ticks": size["day"]} | ranges


def held(bench, function):
    live = bench.jcmd(function, "GC.class_histogram").splitlines()[-1].split()
    return {
        "heap_kilobytes": int(live[2]) / 1024,
        "threads": function.process.num_threads(),
        "descriptors": function.process.num_fds(),
        "redis_connections": len(bench.redis_connections(function)),
    }
