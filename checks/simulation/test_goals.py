"""The goals for the recommended settings and the burst policy, on what the simulator prints now."""

import goals
import pytest

SCENARIOS = ("steady", "burst", "step", "batch")
OF_SEED = {"wait_p99_s": 100, "killed": 9, "task_hours": 20, "moves": 20}
GOOD = {
    goals.SEED: OF_SEED,
    goals.BEFORE: OF_SEED,
    goals.TEMPLATE: OF_SEED | {"wait_p99_s": 90},
    goals.RECOMMENDED: {"wait_p99_s": 20, "killed": 0, "task_hours": 20, "moves": 9},
}


def missed(*changes):
    """The names of the goals that good figures miss once some of them are changed, each for a policy and a scenario."""
    found = {policy: {scenario: dict(figures) for scenario in SCENARIOS} for policy, figures in GOOD.items()}
    for policy, scenario, changed in changes:
        found[policy][scenario] |= changed
    for scenarios in found.values():
        for figures in scenarios.values():
            figures |= {name: {"min": value, "mean": value, "max": value} for name, value in figures.items()}
    return [goal.name for goal in goals.goals_of_the_set(found) if not goal.met]


def test_figures_that_meet_every_goal_pass():
    assert missed() == []


@pytest.mark.parametrize(
    ("policy", "changed", "expected"),
    [
        (goals.RECOMMENDED, {"wait_p99_s": 111}, "p99 of burst to 1.05 x the seed's + 5 s"),
        (goals.RECOMMENDED, {"killed": 1}, "jobs killed"),
        (goals.RECOMMENDED, {"task_hours": 29}, "task-hours to the seed's (steady, burst, step, batch)"),
        (goals.RECOMMENDED, {"moves": 14}, "moves to the seed's"),
        (goals.TEMPLATE, {"wait_p99_s": 100}, "p99 of burst with BurstScaling to without"),
        (goals.TEMPLATE, {"task_hours": 25}, "task-hours with BurstScaling to without"),
    ],
    ids=str,
)
def test_a_goal_that_is_missed_is_named(policy, changed, expected):
    assert missed((policy, "burst", changed)) == [expected]


def test_a_p99_that_is_too_long_in_the_mean_is_missed_though_none_alone_is():
    changes = [(goals.RECOMMENDED, scenario, {"wait_p99_s": 61}) for scenario in SCENARIOS]
    assert missed(*changes) == ["p99 of the recommended settings to the seed's, geometric mean"]


def test_task_hours_count_where_the_seeds_fleet_was_big_enough():
    small = (goals.SEED, "steady", {"wait_p99_s": 50}), (goals.RECOMMENDED, "steady", {"task_hours": 23})
    assert missed(*small) == ["task-hours to the seed's (steady)"]


def test_the_simulator_meets_every_goal(capfd):
    met = goals.main()
    assert met == 0, capfd.readouterr().out
