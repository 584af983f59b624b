"""From the start of a process to the answer to its first event."""

from bench import MEGABYTES, MEGABYTES_OF_ONE_CPU, QUERY, TICK, median


def starts(bench, size, sides):
    """
    Everything over TLS, by turns. "ready" is when the runtime asks for its first event. Lambda starts a function at full
    speed whatever its size, and then gives it the CPU share of the size: so the first event is measured at both.
    """
    kinds = {"tick": (lambda side: bench.publisher(side, True), TICK), "query": (lambda side: bench.query(side, True), QUERY)}
    samples = {kind: {side: [] for side in sides} for kind in kinds}
    empty = []
    for _ in range(size["starts"]):
        for kind, (start, event) in kinds.items():
            for side in sides:
                full, held = (first_event(bench, start(side), event, megabytes) for megabytes in (MEGABYTES_OF_ONE_CPU, MEGABYTES))
                samples[kind][side].append({**full, "first_at_size_ms": held["first_ms"]})
        empty.append(first_event(bench, bench.java_function("empty", "EmptyHandler", {}), TICK, MEGABYTES_OF_ONE_CPU))
    return {"empty": medians(empty), **{kind: {side: medians(taken) for side, taken in of.items()} for kind, of in samples.items()}}


def first_event(bench, function, event, megabytes):
    with function:
        with bench.at_size(function, megabytes):
            wall, _ = function.invoke(event)
        return {"ready_ms": 1e3 * function.ready_seconds, "first_ms": 1e3 * wall, "cpu_ms": 1e3 * function.cpu()}


def medians(taken):
    return {key: median([each[key] for each in taken]) for key in taken[0]}
