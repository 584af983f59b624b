#!/usr/bin/env python3
"""Runs ./mvnw -Psimulate, about a minute: compares the policies on the scenario set, before and after, and checks what the
recommended settings promise. Exit status: 0 if every goal is met, else 1.
"""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
# The policy of the API containers, the template before it had a burst policy, the template, and what docs/scaling.md recommends.
SEED, BEFORE, TEMPLATE, RECOMMENDED = POLICIES = "seed", "template burst=false", "template", "recommended"
# In these the backlog is above the burst threshold at the next tick, whatever the phase.
BURSTS = ("batch", "short")
PHASES = 16


class Goal(NamedTuple):
    name: str
    found: float
    at_most: float

    @property
    def met(self):
        return self.found <= self.at_most

    def __str__(self):
        return f"{'met' if self.met else 'MISSED'}  {self.name}: {self.found:.2f}, at most {self.at_most:g}"


def simulate(*options):
    """The figures of each policy by scenario."""
    command = ["./mvnw", "-q", "-B", "-Psimulate", "-Dformat=json", f"-Dpolicy={'; '.join(POLICIES)}", *options]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {policy: {} for policy in POLICIES}
    for figures in map(json.loads, printed.splitlines()):
        found[figures["policy"]][figures["scenario"]] = figures
    return found


def mean(figures, name):
    return figures[name]["mean"]


def total(scenarios, name):
    return sum(mean(figures, name) for figures in scenarios.values())


def p99_ratio(policy, seed):
    """Geometric mean over the scenarios in which the seed's p99 is 5 s or more."""
    # A wait of a hundredth of a second is none.
    ratios = [
        max(0.01, mean(policy[name], "wait_p99_s")) / mean(figures, "wait_p99_s")
        for name, figures in seed.items()
        if mean(figures, "wait_p99_s") >= 5
    ]
    return math.prod(ratios) ** (1 / len(ratios))


def goals_of_the_set(found):
    """What the recommended settings promise against the seed's policy."""
    seed, recommended = found[SEED], found[RECOMMENDED]
    yield Goal("p99 of the recommended settings to the seed's, geometric mean", p99_ratio(recommended, seed), 0.6)
    for name, figures in seed.items():
        bound = 1.05 * mean(figures, "wait_p99_s") + 5
        yield Goal(f"p99 of {name} to 1.05 x the seed's + 5 s", mean(recommended[name], "wait_p99_s") / bound, 1)
    yield Goal("jobs killed", max(figures["killed"]["max"] for figures in recommended.values()), 0)
    # A fleet that was too small is no measure for what its work costs. Where all were, the whole set is.
    enough = {name: figures for name, figures in seed.items() if mean(figures, "wait_p99_s") <= 60} or seed
    hours = total({name: recommended[name] for name in enough}, "task_hours") / total(enough, "task_hours")
    yield Goal(f"task-hours to the seed's ({', '.join(enough)})", hours, 1.1)
    yield Goal("moves to the seed's", total(recommended, "moves") / total(seed, "moves"), 0.5)
    before, template = found[BEFORE], found[TEMPLATE]
    for name in ("burst", "step", "batch"):
        ratio = mean(template[name], "wait_p99_s") / mean(before[name], "wait_p99_s")
        yield Goal(f"p99 of {name} with BurstScaling to without", ratio, 0.999)
    hours = total(template, "task_hours") / total(before, "task_hours")
    yield Goal("task-hours with BurstScaling to without", hours, 1.05)


def goals_of_bursts(found):
    for policy in (TEMPLATE, RECOMMENDED):
        for name, figures in found[policy].items():
            request = figures["burst_to_request_s"]
            yield Goal(f"{policy}: seconds from {name} to the request, mean", request["mean"], 75)
            yield Goal(f"{policy}: seconds from {name} to the request, most", request["max"], 125)


def summary(found):
    seed = found[SEED]
    yield f"{'':22}  p99 to seed's    killed  task-hours   moves"
    for policy, scenarios in found.items():
        killed, hours, moves = (total(scenarios, name) for name in ("killed", "task_hours", "moves"))
        yield f"{policy:22}  {p99_ratio(scenarios, seed):13.2f}  {killed:8.0f}  {hours:10.0f}  {moves:6.0f}"


def requests(found):
    yield f"\n{'seconds to the request':22}  " + "  ".join(f"{name:>16}" for name in found[SEED])
    for policy, scenarios in found.items():
        ranges = [figures["burst_to_request_s"] for figures in scenarios.values()]
        yield f"{policy:22}  " + "  ".join(f"{r['min']:4.0f}–{r['mean']:4.0f}–{r['max']:4.0f}".rjust(16) for r in ranges)


def main():
    found, bursts = simulate("-Dscenario=all"), {policy: {} for policy in POLICIES}
    for name in BURSTS:
        for policy, scenarios in simulate(f"-Dscenario={name}", f"-Dphases={PHASES}").items():
            bursts[policy] |= scenarios
    goals = [*goals_of_the_set(found), *goals_of_bursts(bursts)]
    print(*summary(found), *requests(bursts), "", *goals, sep="\n")
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
