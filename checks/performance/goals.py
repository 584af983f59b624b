"""The goals: what can be counted and must hold in every run, and what is measured."""

from bench import MEGABYTES

# A JVM makes some code of its own until late.
HEAP_TOLERANCE_KILOBYTES = 64
HELD = {"heap_kilobytes": "heap KiB", "threads": "threads", "descriptors": "descriptors", "redis_connections": "Redis connections"}


def counted(figures):
    """What must hold however busy the machine is; false if it does not."""
    redis, kept, tls = figures["redis"], figures["kept"]["ours"], figures["tls"]["ours"]
    sent, by_backlog = redis["sent"], redis["by_backlog"].values()
    # In each of these there is one for each tick.
    ticks = [(each["ticks"], each[f"{service}_requests"]) for each in (kept, tls) for service in ("cloudwatch", "ecs")]
    ticks += [(1, each[service]) for each in sent.values() for service in ("cloudwatch", "ecs")]
    reconnections = tls["cloudwatch_connections"] + tls["ecs_connections"] - 2
    return {
        "one Redis command for every 100 queues": all(each["redis"] == -(-queues // 100) for queues, each in sent.items()),
        "one CloudWatch and one ECS request a tick": all(many == requests for many, requests in ticks),
        "nothing is published while a function starts": kept["published_at_start"] == tls["published_at_start"] == 0,
        "a script calls the same commands whatever waits": all(
            row["commands"] == next(iter(by_backlog))["commands"] for row in by_backlog
        ),
        "kept connections are used again": connections(kept) == (1, 1, 1),
        "each TLS connection to AWS resumes a session, but for the first to each service": tls["resumed"] == reconnections,
        "no more heap, threads, descriptors or connections after the day": unchanged(figures["growth"]),
    }


def connections(side):
    return side["redis_connections"], side["cloudwatch_connections"], side["ecs_connections"]


def unchanged(growth):
    """The least of the last two hours is no more than the most of the first two: the JVM itself starts and ends a thread now and then."""
    return all(
        growth["last"][name][0] <= growth["first"][name][1] + (HEAP_TOLERANCE_KILOBYTES if name == "heap_kilobytes" else 0)
        for name in HELD
    )


def goals(figures):
    """Figure, goal, measured, and whether it is met."""
    redis, kept, growth, memory, starts = (figures[name] for name in ("redis", "kept", "growth", "memory", "starts"))
    few = [sent for queues, sent in redis["sent"].items() if queues <= 100]
    most = tuple(max(sent[name] for sent in few) for name in ("redis", "cloudwatch", "ecs"))
    shortest, longest = min(redis["by_backlog"]), max(redis["by_backlog"])
    month, cheapest = memory["ours"][MEGABYTES]["dollars_a_month"], min(row["dollars_a_month"] for row in memory["peer"].values())
    first, peers = (starts["query"][side]["first_at_size_ms"] for side in ("ours", "peer"))
    megabytes = figures["package"]["bytes"] / 1e6

    def at_most(name, limit, of, base, unit):
        return name, f"at most {limit:g} × {unit}", f"{of / base:.2f} ×", of <= limit * base

    backlogs, tls = redis["by_backlog"], figures["tls"]
    script = f"script with {longest:,} messages waiting"
    held = ", ".join(f"{name} {growth['first'][key][0]:,.0f} → {growth['last'][key][0]:,.0f}" for key, name in HELD.items())
    peer_megabytes = figures["package"]["peer_bytes"] / 1e6
    opened = f"connections that {kept['ours']['ticks']:,} ticks open if nobody closes them"
    one_each = "1 Redis, 1 CloudWatch, 1 ECS"
    cost = f"${month:.3f}, the peer's ${cheapest:.3f}"
    return [
        ("commands and requests a tick, up to 100 queues", one_each, "{}, {}, {}".format(*most), most == (1, 1, 1)),
        (opened, one_each, "{}, {}, {}".format(*connections(kept["ours"])), connections(kept["ours"]) == (1, 1, 1)),
        at_most(script, 1.5, backlogs[longest]["median_us"], backlogs[shortest]["median_us"], f"that with {shortest}"),
        at_most("CPU of a warm tick over TLS", 0.2, tls["ours"]["cpu_ms"], tls["peer"]["cpu_ms"], "the peer"),
        (f"a month's cost at {MEGABYTES} MB", "at most the peer's at its cheapest size", cost, month <= cheapest),
        (f"first query at {MEGABYTES} MB", "at most the peer's", f"{first:,.0f} ms, the peer's {peers:,.0f} ms", first <= peers),
        ("what a process holds after a day of ticks", "unchanged", held, unchanged(growth)),
        ("package", "at most 14 MB", f"{megabytes:.1f} MB, the peer's {peer_megabytes:.1f} MB", megabytes <= 14),
    ]
