"""What a tick asks of Redis, and how long a script takes, in which Redis serves nobody else."""

import re
from collections import Counter

from bench import TICK, median, percentile

# Each queue in use has this many messages that wait.
WAITING = 2


def redis_cost(bench, size):
    """By brokers and queues, in use and at rest, and by what waits in one queue of one broker."""
    in_use, at_rest, by_backlog = {}, {}, {}
    for queues in size["queues"]:
        for brokers in size["brokers"]:
            bench.redis.fill(names(queues), WAITING, brokers)
            in_use[f"{brokers} x {queues}"] = {
                "brokers": brokers,
                "queues": queues,
                **script(bench, queues, size["scripts"])["ours"],
            }
        at_rest[queues] = resting(bench, size, queues, ["ours"])["ours"]
    for waiting in size["backlogs"]:
        bench.redis.fill(names(1), waiting, 1)
        by_backlog[waiting] = script(bench, 1, size["scripts"])["ours"]
    bench.redis.fill(["default"], 100, 2)
    return {
        "in_use": in_use,
        "at_rest": at_rest,
        "by_backlog": by_backlog,
        "sent": {queues: sent(bench, queues) for queues in (1, 100, 250)},
    }


def names(queues):
    return [f"q{number}" for number in range(queues)]


def resting(bench, size, queues, sides):
    """Queues in which nothing waits and nothing is in flight, of 20 brokers."""
    bench.redis.fill([], 0, 20)
    return script(bench, queues, size["scripts"], sides)


def script(bench, queues, calls, sides=("ours",), blocks=5):
    """Each run of a side's script by the server's own clock, in blocks by turns, and the commands that one run calls."""
    client, durations, figures = bench.redis.client, {side: [] for side in sides}, {}
    # Less than any script takes, and more than most commands inside one: these are written down too, and could push scripts out.
    threshold = max(5, queues)
    client.config_set("slowlog-log-slower-than", threshold)
    with bench.all_sides(bench.publisher, sides, False, {"QUEUE_NAMES": ",".join(names(queues))}) as functions:
        for function in functions.values():
            function.invoke(TICK)
        for _ in range(blocks):
            for side, function in functions.items():
                client.slowlog_reset()
                for _ in range(-(-calls // blocks)):
                    function.invoke(TICK)
                durations[side] += [
                    entry["duration"] for entry in client.slowlog_get(10_000) if re.match(rb"EVAL", entry["command"])
                ]
        for side, function in functions.items():
            expected = blocks * -(-calls // blocks) * -(-queues // 100)
            assert len(durations[side]) == expected, (
                f"expected the durations of {expected} scripts, Redis wrote down {len(durations[side])} above {threshold} µs"
            )
            figures[side] = {
                "median_us": median(durations[side]),
                "p99_us": percentile(durations[side], 0.99),
                "commands": Counter(bench.redis.commands(lambda: function.invoke(TICK))[1]),
            }
    client.config_set("slowlog-log-slower-than", -1)
    return figures


def sent(bench, queues):
    """How many commands, and so at most how many round trips, and how many requests to AWS a tick makes."""
    with bench.publisher("ours", False, {"QUEUE_NAMES": ",".join(names(queues))}) as function:
        function.invoke(TICK)
        aws = {"cloudwatch": function.cloudwatch.requests, "ecs": function.ecs.requests}
        before = {name: len(requests) for name, requests in aws.items()}
        commands, _ = bench.redis.commands(lambda: function.invoke(TICK))
        return {"redis": len(commands)} | {name: len(requests) - before[name] for name, requests in aws.items()}
