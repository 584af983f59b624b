"""The loop closed: the deployed function counts, the template's own policies decide, and real Dramatiq workers come and go."""

import contextlib
import json
import re

import pytest
from deployment import Deployment
from kit import charts
from kit.java import class_path, compile_trees
from kit.machine import ROOT, jdk25, run
from machine import docker
from redis_server import Redis
from scaled_fleet import CLUSTER, LEAST, SECONDS, SERVICE, THREADS, Loop, Policies, start_workers

MOST, TARGET = 6, 10
JOB_SECONDS = SECONDS  # a minute of the policies
QUEUE, IN_FLIGHT, FOLLOWED = "DramatiqQueueDepth", "DramatiqJobsInFlight", "DramatiqBacklogPerWorker"
BURST, LONG_JOBS = 320, 3


@pytest.fixture(scope="module")
def java(tmp_path_factory):
    """The command that runs a class of the simulator or the local run."""
    folder = tmp_path_factory.mktemp("java")
    path = class_path(folder / "jars")
    compile_trees(folder / "classes", path, "src/main", "src/local")
    return [jdk25() / "bin/java", "-cp", f"{folder / 'classes'}:{path}"]


class Predicted:
    """What the simulator says of the same burst: a list for each series, an item for each minute from the burst on."""

    def __init__(self, java, folder):
        minutes = [f"2026-01-01T00:{number:02}:00Z,{BURST if number == 0 else 0}" for number in range(30)]
        (folder / "load.csv").write_text("\n".join(minutes) + "\n")
        policy = f"{ROOT / 'template.yaml'} min={LEAST} max={MOST} prefetch=4 stop=120 protect"
        options = [f"-Dload={folder / 'load.csv'}", "-Djobs=constant 60s", f"-Dpolicy={policy}", f"-Dworkers={LEAST}"]
        run(*java, *options, "so.suna.queuemetrics.simulation.Simulate", cwd=folder)
        page = (folder / "target/simulation.html").read_text()
        data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])
        (row,) = data["comparisons"][0]["rows"]
        self.running = row["running"]
        self.backlog = [waiting + fetched for waiting, fetched in zip(row["waiting"], row["inFlight"], strict=True)]


@pytest.fixture(scope="module")
def predicted(java, tmp_path_factory):
    return Predicted(java, tmp_path_factory.mktemp("predicted"))


@pytest.fixture(scope="module")
def loop(network, aws, java):
    given = {"WorkerMinCapacity": LEAST, "WorkerMaxCapacity": MOST, "QueueTarget": TARGET}
    with Redis(network) as redis, contextlib.closing(Policies(java, given)) as policies:
        start_workers(aws, redis)
        place = {"ClusterName": CLUSTER, "WorkerServiceName": SERVICE, "RedisHost": redis.host}
        made = Loop(aws, redis, Deployment(aws, "loop", QueryAuthType="OFF", **place, **given), policies)
        play(made)
        yield made
        aws.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=0)


def play(loop):
    """What happens to the fleet."""
    for _ in range(3):
        loop.minute("at rest")
    loop.sender.send(BURST, JOB_SECONDS)
    loop.minutes_until("burst", lambda minute: minute.datums[FOLLOWED] == 0, most=30)
    # Runs of an agent that last beyond the first scale-in.
    loop.sender.send(LONG_JOBS, 32 * SECONDS)
    for _ in range(10):
        loop.minute("publisher silent", ticks=False)
    loop.minute("long jobs")
    docker("pause", loop.redis.name)
    for _ in range(2):
        loop.minute("Redis silent")
    docker("unpause", loop.redis.name)
    loop.minutes_until("long jobs", lambda minute: minute.datums[IN_FLIGHT] == 0, most=60)
    loop.minutes_until("scale-in", lambda minute: minute.running == LEAST, most=60)


def peak(loop):
    return max(minute.running for minute in loop.minutes)


def test_a_burst_brings_more_workers(loop):
    first = next(minute for minute in loop.of("burst") if minute.moves)
    assert first is loop.of("burst")[0], "the burst policy orders at the first tick that sees it"
    assert first.moves[0]["policy"] == "worker-queue-burst-scaling"
    assert peak(loop) == MOST


def test_the_queue_drains_sooner_than_the_workers_of_the_minimum_could(loop):
    assert len(loop.of("burst")) < BURST / (LEAST * THREADS)


def test_a_silent_publisher_holds_the_fleet(loop):
    assert {minute.desired for minute in loop.of("publisher silent")} == {MOST}
    assert not [minute for minute in loop.of("publisher silent") if minute.moves]


def test_a_silent_redis_publishes_no_number_of_it_and_holds_the_fleet(loop):
    for minute in loop.of("Redis silent"):
        assert set(minute.datums) == {"DramatiqRunningWorkers", "DramatiqDesiredWorkers"}
        assert not minute.moves


def test_the_numbers_are_right_again_at_the_first_tick_with_redis(loop):
    before, after = loop.of("long jobs")[:2]
    assert before.datums[IN_FLIGHT] == after.datums[IN_FLIGHT] == LONG_JOBS


def test_the_fleet_shrinks_to_its_minimum_and_no_further(loop):
    assert loop.minutes[-1].running == LEAST
    assert min(minute.desired for minute in loop.minutes) == LEAST


def test_workers_leave_while_others_work(loop):
    assert any(minute.moves and minute.moves[0]["to"] < minute.desired for minute in loop.of("long jobs"))


def test_every_job_begins_once_and_is_done_once(loop):
    everyone = list(range(BURST + LONG_JOBS))
    assert loop.sender.numbers("began") == everyone
    assert loop.sender.numbers("done") == everyone


def test_the_simulator_predicts_the_workers_and_the_backlog(loop, predicted, capsys):
    began = len(loop.of("at rest"))
    seen = [minute for minute in loop.minutes[began : began + 30] if minute.datums or minute.what == "publisher silent"]
    running = [LEAST, *(minute.running for minute in seen)]
    backlog = [BURST, *(minute.datums[QUEUE] + minute.datums[IN_FLIGHT] for minute in loop.of("burst"))]
    shown = {
        "Messages waiting or in flight": {"deployed": backlog, "simulated": predicted.backlog[1 : len(backlog) + 1]},
        "Running workers": {"deployed": running, "simulated": predicted.running[1 : len(running) + 1]},
    }
    # docs/scaling.md shows it.
    (ROOT / "target/rehearsal/closed-loop.svg").write_text(charts.lines(shown))
    off = {title: distance(*chart.values()) for title, chart in shown.items()}
    with capsys.disabled():
        print(f"\n{shown}\nmean distance of the two: {off}")
    assert off["Messages waiting or in flight"] <= 0.3 * BURST
    assert off["Running workers"] <= 1.5


def distance(one, other):
    """On average of the minutes."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=False)) / len(one)
