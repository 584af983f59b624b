"""What scale-in and a deployment do to jobs that run: with the middleware, and without it."""

import pytest
from ecs import Service
from kit.machine import until

# Longer than the stop timeout.
LONG_SECONDS = 8
QUICK = {"IDLE_SECONDS": 1, "TICK_SECONDS": 0.1}


@pytest.fixture
def service(container, agent):
    return lambda desired, **options: Service(lambda name: container(name, threads=2, **options), agent, desired)


def each_ran_once(jobs):
    return sorted(line["id"] for line in jobs.noted("begun")) == sorted({line["id"] for line in jobs.noted("ended")})


def test_scale_in_while_jobs_run_loses_none(service, jobs):
    workers = service(3, **QUICK)
    jobs.send(*[LONG_SECONDS] * 3)
    jobs.begun(3)
    workers.desired = 1
    # Whatever else comes is short enough for the stop timeout.
    assert not workers.is_settled()
    jobs.send(*[0.2] * 6)
    until("one task is left", workers.is_settled)
    jobs.ended(9)
    assert workers.killed == 0
    assert each_ran_once(jobs)


def test_a_deployment_while_jobs_run_loses_none_and_ends(service, jobs):
    workers = service(2, **QUICK)
    jobs.send(*[LONG_SECONDS] * 4)
    jobs.begun(4)
    old = list(workers.tasks)
    workers.deploy()
    assert not workers.is_settled()
    # The new tasks take work at once.
    jobs.send(0.2, 0.2)
    jobs.ended(2)
    assert [task.container.has_left() for task in old] == [False, False]
    until("the old tasks are gone", workers.is_settled)
    assert [task.container.has_left() for task in old] == [True, True]
    jobs.ended(6)
    assert workers.killed == 0
    assert each_ran_once(jobs)


def test_without_the_middleware_scale_in_kills_jobs(service, jobs):
    workers = service(2, protected=False)
    jobs.send(*[LONG_SECONDS] * 4)
    jobs.begun(4)
    workers.desired = 1
    until("one task is left", workers.is_settled)
    jobs.ended(2)
    assert workers.killed == 1
    assert len(jobs.noted("begun")) - len(jobs.noted("ended")) == 2


def test_without_the_middleware_a_deployment_kills_jobs(service, jobs):
    workers = service(1, protected=False)
    jobs.send(60, 60)
    jobs.begun(2)
    workers.deploy()
    until("the old task is gone", workers.is_settled)
    assert workers.killed == 1
    assert jobs.noted("ended") == []
