"""The goals: what can be counted and must hold in every run, and what is measured."""

from bench import MEGABYTES

# A JVM makes some code of its own until late.
HEAP_TOLERANCE_KILOBYTES = 64
HELD = {"heap_kilobytes": "heap KiB", "threads": "threads", "descriptors": "descriptors", "redis_connections": "Redis connections"}


def counted(figures):
    """What must hold however busy the machine is; false if it does not."""
    redis, kept, tls = figures["redis"], figures["kept"]["ours"], figures["tls"]["ours"]
    return {
        "one Redis command for every 100 queues": all(sent["redis"] == -(-queues // 100) for queues, sent in redis["sent"].items()),
        "one CloudWatch and one ECS request a tick": all(sent["cloudwatch"] == sent["ecs"] == 1 for sent in redis["sent"].values())
        and all(each["cloudwatch_requests"] == each["ecs_requests"] == each["ticks"] for each in (kept, tls)),
        "nothing is published while a function starts": kept["published_at_start"] == tls["published_at_start"] == 0,
        "a script calls the same commands whatever waits": len(
            {tuple(sorted(row["commands"].items())) for row in redis["by_backlog"].values()}
        )
        == 1,
        "kept connections are used again": connections(kept) == (1, 1, 1),
        "each TLS connection to AWS resumes a session, but for the first to each service": tls["resumed"]
        == tls["cloudwatch_connections"] + tls["ecs_connections"] - 2,
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

    def ratio(name, limit, of, base, unit):
        return name, f"at most {limit:g} × {unit}", f"{of / base:.2f} ×", of <= limit * base

    return [
        (
            "commands and requests a tick, up to 100 queues",
            "1 Redis, 1 CloudWatch, 1 ECS",
            "{}, {}, {}".format(*most),
            most == (1, 1, 1),
        ),
        (
            f"connections that {kept['ours']['ticks']:,} ticks open if nobody closes them",
            "1 Redis, 1 CloudWatch, 1 ECS",
            "{}, {}, {}".format(*connections(kept["ours"])),
            connections(kept["ours"]) == (1, 1, 1),
        ),
        ratio(
            f"script with {longest:,} messages waiting",
            1.5,
            redis["by_backlog"][longest]["median_us"],
            redis["by_backlog"][shortest]["median_us"],
            f"that with {shortest}",
        ),
        ratio("CPU of a warm tick over TLS", 0.2, figures["tls"]["ours"]["cpu_ms"], figures["tls"]["peer"]["cpu_ms"], "the peer"),
        (
            f"a month's cost at {MEGABYTES} MB",
            "at most the peer's at its cheapest size",
            f"${month:.3f}, the peer's ${cheapest:.3f}",
            month <= cheapest,
        ),
        (f"first query at {MEGABYTES} MB", "at most the peer's", f"{first:,.0f} ms, the peer's {peers:,.0f} ms", first <= peers),
        (
            "what a process holds after a day of ticks",
            "unchanged",
            ", ".join(f"{name} {growth['first'][key][0]:,.0f} → {growth['last'][key][0]:,.0f}" for key, name in HELD.items()),
            unchanged(growth),
        ),
        (
            "package",
            "at most 14 MB",
            f"{megabytes:.1f} MB, the peer's {figures['package']['peer_bytes'] / 1e6:.1f} MB",
            megabytes <= 14,
        ),
    ]
