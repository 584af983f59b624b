"""Memory sizes of the function, with the CPU share that Lambda gives each, and what takes the room in the package."""

import os
import zipfile
from contextlib import nullcontext

from bench import OUT, ROOT, TICK, median
from warm_tick import RECONNECTING

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEGABYTES_OF_ONE_CPU = 1_769
MINUTES_OF_A_MONTH = 43_800
# https://aws.amazon.com/lambda/pricing/, Arm, us-west-2, without the free tier
DOLLARS_A_GIGABYTE_SECOND, DOLLARS_A_REQUEST = 0.0000133334, 0.0000002


def memory(bench, size):
    """
    First and later ticks over TLS at the CPU share of a size, after an init at full speed. A month is priced by the later
    ticks, those of the instance's first hour: Lambda replaces an instance every few hours. The init, which is billed too, is left out.
    """
    rows = {"ours": {}, "peer": {}}
    for megabytes in size["megabytes"]:
        for who, row in rows.items():
            row[megabytes] = tick_at(bench, who, megabytes, size["share_ticks"])
    cheapest = min(size["megabytes"], key=lambda megabytes: rows["ours"][megabytes]["dollars_a_month"])
    return {**rows, "cheapest_megabytes": cheapest}


def tick_at(bench, who, megabytes, ticks):
    java = {"megabytes": megabytes} if who == "ours" else {}
    function = bench.publisher(who, True, **java)
    ticks_done = 0

    def tick():
        nonlocal ticks_done
        ticks_done += 1
        if who == "ours" and ticks_done % RECONNECTING == 0:
            bench.end_redis_connections(function)
        return function.invoke(TICK)[0]

    try:
        with CpuShare(function.pid, megabytes / MEGABYTES_OF_ONE_CPU) if megabytes < MEGABYTES_OF_ONE_CPU else nullcontext():
            first = tick()
            for _ in range(ticks // 3):
                tick()
            walls = [tick() for _ in range(ticks)]
        # Every started millisecond is billed.
        seconds = sum(int(1e3 * wall) + 1 for wall in walls) / 1e3 / ticks * MINUTES_OF_A_MONTH
        return {"first_tick_ms": 1e3 * first, "later_tick_ms": 1e3 * median(walls), "peak_megabytes": function.peak_megabytes(),
                "dollars_a_month": seconds * megabytes / 1024 * DOLLARS_A_GIGABYTE_SECOND + MINUTES_OF_A_MONTH * DOLLARS_A_REQUEST}
    finally:
        function.close()


class CpuShare:
    """Holds a process to a share of one CPU, by a control group of its own, in Lambda's periods of 20 ms; needs root."""

    PERIOD = 20_000

    def __init__(self, pid, share):
        first_version = os.path.isdir("/sys/fs/cgroup/cpu")
        self.parent, self.pid = "/sys/fs/cgroup" + ("/cpu" if first_version else ""), pid
        self.group = os.path.join(self.parent, f"performance-{pid}")
        os.mkdir(self.group)
        quota = max(1_000, int(self.PERIOD * share))
        if first_version:
            self.write("cpu.cfs_period_us", self.PERIOD)
            self.write("cpu.cfs_quota_us", quota)
        else:
            self.write("cpu.max", f"{quota} {self.PERIOD}")
        self.write("cgroup.procs", pid)

    def write(self, name, value):
        with open(os.path.join(self.group, name), "w") as file:
            file.write(str(value))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with open(os.path.join(self.parent, "cgroup.procs"), "w") as parent:
            parent.write(str(self.pid))
        os.rmdir(self.group)


def package():
    """Zipped bytes by library, largest first."""
    rooms = {}
    ours = os.path.join(ROOT, "target/lambda.zip")
    with zipfile.ZipFile(ours) as whole:
        for entry in whole.infolist():
            room = entry.filename.removeprefix("lib/") if entry.filename.startswith("lib/") else "our own classes"
            rooms[room] = rooms.get(room, 0) + entry.compress_size
    rooms = {name: size for name, size in sorted(rooms.items(), key=lambda item: -item[1]) if size}
    return {"bytes": os.path.getsize(ours), "peer_bytes": os.path.getsize(os.path.join(OUT, "peer.zip")), "rooms": rooms}
