"""What a tick costs Redis, by the number of queues and by what waits, and what the three commands of the original cost."""

import re
import time

from bench import TICK, median, percentile
from relay import Relay

IN_THE_SCRIPT = ("llen", "lindex", "hlen", "hget", "zcard", "zcount")
# What the server still does after its answer has been read.
SETTLING_SECONDS = 0.002


def redis_cost(bench, size):
    client, by_queues, by_backlog = bench.redis.client, {}, {}
    for number in size["queues"]:
        names = [f"q{i}" for i in range(number)]
        client.flushall()
        for name in names:
            bench.redis.fill(name, 2)
        by_queues[number] = tick_cost(bench, names, max(3, min(size["redis_ticks"], 50_000 // number))) | {"round_trips": round_trips(bench, names)}
    client.flushall()
    already = 0
    for backlog in size["backlogs"]:
        bench.redis.fill("default", backlog, already)
        already = backlog
        by_backlog[backlog] = tick_cost(bench, ["default"], size["redis_ticks"])
    client.flushall()
    bench.redis.fill("default", 100)
    return {"by_queues": by_queues, "by_backlog": by_backlog, "original": original(bench, size["redis_ticks"])}


def tick_cost(bench, queues, ticks):
    function = bench.publisher("ours", False, {"QUEUE_NAMES": ",".join(queues)})
    client = bench.redis.client
    try:
        for _ in range(2):
            function.invoke(TICK)
        client.config_resetstat()
        asked = len(function.cloudwatch.requests), len(function.ecs.requests)
        cpu, walls = bench.redis.cpu(), [function.invoke(TICK)[0] for _ in range(ticks)]
        cpu = bench.redis.cpu() - cpu
        stats, net = client.info("commandstats"), client.info("stats")

        def calls(*commands):
            return sum(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"] for command in commands) / ticks

        row = {
            "ticks": ticks, "commands": calls("eval_ro", "evalsha_ro"), "commands_in_scripts": calls(*IN_THE_SCRIPT),
            "server_us": sum(stats.get(f"cmdstat_{name}", {"usec": 0})["usec"] for name in ("eval_ro", "evalsha_ro")) / ticks,
            "server_cpu_us": 1e6 * cpu / ticks, "bytes_in": net["total_net_input_bytes"] / ticks, "bytes_out": net["total_net_output_bytes"] / ticks,
            "tick_median_ms": 1e3 * median(walls),
            "cloudwatch_calls": (len(function.cloudwatch.requests) - asked[0]) / ticks, "ecs_calls": (len(function.ecs.requests) - asked[1]) / ticks}
        return row | script_times(client, function, queues, ticks)
    finally:
        function.close()


def script_times(client, function, queues, ticks):
    """Each run of the script by the server's own clock; apart from the rest, since writing them down costs the server time."""
    # Longer than what most commands inside the script take, since these would be written down too and push others out.
    client.config_set("slowlog-log-slower-than", 10)
    client.slowlog_reset()
    for _ in range(ticks):
        function.invoke(TICK)
    client.config_set("slowlog-log-slower-than", -1)
    durations = [entry["duration"] for entry in client.slowlog_get(10_000) if re.match(rb"EVAL", entry["command"])]
    scripts = ticks * -(-len(queues) // 100)
    assert len(durations) == scripts, f"expected the durations of {scripts} scripts, Redis wrote down {len(durations)} of 10 µs and more"
    return {"script_median_us": median(durations), "script_p99_us": percentile(durations, 0.99)}


def round_trips(bench, queues):
    """How often a tick waits for Redis: the fewest of three, as a pause of the machine can only add one."""
    relay = Relay(bench.redis.port)
    function = bench.publisher("ours", False, {"QUEUE_NAMES": ",".join(queues), "REDIS_PORT": str(relay.port)})
    try:
        function.invoke(TICK)
        counts = []
        for _ in range(3):
            relay.waits = 0
            function.invoke(TICK)
            counts.append(relay.waits)
        return min(counts)
    finally:
        function.close()
        relay.close()


def original(bench, ticks):
    """The three commands that the original sends a minute, each after a tick, so that the server is as far from its caches as for ours."""
    function, client, spent = bench.publisher("ours", False), bench.redis.client, 0
    try:
        for _ in range(ticks):
            function.invoke(TICK)
            time.sleep(SETTLING_SECONDS)
            started = bench.redis.cpu()
            client.llen("dramatiq:default")
            client.llen("dramatiq:default.DQ")
            client.zcard("dramatiq:default.XQ")
            time.sleep(SETTLING_SECONDS)
            spent += bench.redis.cpu() - started
        return {"round_trips": 3, "server_cpu_us": 1e6 * spent / ticks}
    finally:
        function.close()
