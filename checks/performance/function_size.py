"""What a month costs at each memory size of the function, and how large the package is."""

from bench import OUT, TICK, median
from kit.machine import ROOT
from warm_tick import RECONNECTING

MINUTES_OF_A_MONTH = 43_800
# https://aws.amazon.com/lambda/pricing/, Arm, us-west-2, without the free tier
DOLLARS_A_GIGABYTE_SECOND, DOLLARS_A_REQUEST = 0.0000133334, 0.0000002


def memory(bench, size):
    """
    First and later ticks over TLS at the CPU share of a size, after a start at full speed. A month is priced by the later
    ticks, those of an instance's first hour: Lambda replaces an instance every few hours. The start, which is billed too, is left out.
    """
    return {
        side: {megabytes: ticks_at(bench, side, megabytes, size["share_ticks"]) for megabytes in size["megabytes"]}
        for side in ("ours", "peer")
    }


def ticks_at(bench, side, megabytes, ticks):
    walls = []
    with bench.publisher(side, True, megabytes=megabytes) as function:
        with bench.at_size(function, megabytes):
            for number in range(1 + ticks // 3 + ticks):
                if side != "peer" and number % RECONNECTING == RECONNECTING - 1:
                    bench.end_redis_connections(function)
                walls.append(function.invoke(TICK)[0])
        peak = function.peak_megabytes()
    # Every started millisecond is billed.
    seconds = sum(int(1e3 * wall) + 1 for wall in walls[-ticks:]) / 1e3 / ticks * MINUTES_OF_A_MONTH
    return {
        "first_tick_ms": 1e3 * walls[0],
        "later_tick_ms": 1e3 * median(walls[-ticks:]),
        "peak_megabytes": peak,
        "dollars_a_month": seconds * megabytes / 1024 * DOLLARS_A_GIGABYTE_SECOND + MINUTES_OF_A_MONTH * DOLLARS_A_REQUEST,
    }


def package():
    return {
        "bytes": (ROOT / "target/lambda.zip").stat().st_size,
        "peer_bytes": (OUT / "peer.zip").stat().st_size,
    }
