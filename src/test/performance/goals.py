"""The goals: what can be counted exactly and must hold in every run, and what is measured."""


def counted(figures):
    """What holds however busy the machine is; false where it does not."""
    redis, growth = figures["redis"], figures["growth"]
    rows = [*redis["by_queues"].values(), *redis["by_backlog"].values()]
    kept, tls = figures["kept"]["ours"], figures["tls"]["ours"]
    hour, day = growth["after_hour"], growth["after_day"]
    return {
        "one Redis round trip for every 100 queues": all(1 <= row["round_trips"] <= -(-queues // 100) for queues, row in redis["by_queues"].items()),
        "one CloudWatch and one ECS request a tick": all(row["cloudwatch_calls"] == row["ecs_calls"] == 1 for row in rows),
        "the same Redis commands whatever waits": len({(row["commands"], row["commands_in_scripts"]) for row in redis["by_backlog"].values()}) == 1,
        "kept connections are used again": kept["cloudwatch_connections"] == kept["ecs_connections"] == 1,
        "every warm tick asked CloudWatch and ECS once": all(each["cloudwatch_calls"] == each["ecs_calls"] == each["ticks"] for each in (kept, tls)),
        "TLS sessions are resumed": tls["resumed"] >= 2 * tls["ticks"] - 2,
        "no more threads, descriptors or connections after the day": all(day[name] <= hour[name] for name in ("threads", "descriptors", "redis_connections")),
        "no more heap after the day, within 64 KiB": day["heap_kilobytes"] <= hour["heap_kilobytes"] + 64,
    }


def goals(figures):
    """Figure, goal, measured, and whether it is met."""
    redis, query = figures["redis"], figures["query"]
    holds = counted(figures)
    few = [row for queues, row in redis["by_queues"].items() if queues <= 100]
    trips = max(row["round_trips"] for row in few), max(row["cloudwatch_calls"] for row in few), max(row["ecs_calls"] for row in few)
    waiting = [row["server_cpu_us"] for row in redis["by_backlog"].values()]
    most = max(redis["by_queues"])
    longest = max(row["script_median_us"] for row in redis["by_queues"].values())
    hour, day = figures["growth"]["after_hour"], figures["growth"]["after_day"]

    def at_most(name, goal, value, limit, unit):
        return name, goal, (f"{value:.2f}" if limit < 10 else f"{value:,.0f}") + unit, value <= limit

    return [
        ("round trips a tick up to 100 queues", "1 Redis, 1 CloudWatch, 1 ECS", "{:g}, {:g}, {:g}".format(*trips), trips == (1, 1, 1)),
        ("Redis server CPU a tick, whatever waits", f"flat, at most the original's {redis['original']['server_cpu_us']:.0f} µs",
         f"{min(waiting):.0f} to {max(waiting):.0f} µs", max(waiting) <= redis["original"]["server_cpu_us"]),
        at_most(f"a tick of {most:,} queues", "at most 1,000 ms", redis["by_queues"][most]["tick_median_ms"], 1_000, " ms"),
        at_most("longest Redis command at any number of queues, median", "at most 1,000 µs", longest, 1_000, " µs"),
        at_most("warm tick, CPU, connections kept", "at most 0.5 × the peer", figures["kept"]["cpu_ratio"], 0.5, " ×"),
        at_most("warm tick, CPU, TLS and AWS closing", "at most 0.2 × the peer", figures["tls"]["cpu_ratio"], 0.2, " ×"),
        at_most("warm query, CPU, with a Redis read", "at most 0.5 × the peer", query["read_cpu_ratio"], 0.5, " ×"),
        at_most("warm query, CPU, from the shared read", "at most 1.3 × an empty Java handler", query["shared_cpu_ratio"], 1.3, " ×"),
        at_most("cold start to the first published metric, over TLS", "no slower than the peer", figures["cold"]["ratio"], 1, " ×"),
        ("package", "at most 10 MB", f"{figures['package']['bytes'] / 1e6:.1f} MB", figures["package"]["bytes"] <= 10_000_000),
        ("heap, threads, descriptors, connections after a day of ticks", "unchanged",
         ", ".join(f"{name} {hour[key]:,.0f} → {day[key]:,.0f}" for name, key in (
             ("heap KiB", "heap_kilobytes"), ("threads", "threads"), ("descriptors", "descriptors"), ("connections", "redis_connections"))),
         holds["no more threads, descriptors or connections after the day"] and holds["no more heap after the day, within 64 KiB"])]
