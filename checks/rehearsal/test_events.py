"""`sam local invoke` by the commands of the README, against servers of this machine."""

import json
import platform
import re
import types

import images
import pytest
import suna
from faults import OF_REDIS, OF_WORKERS
from kit.machine import block, run
from redis_server import Redis

COMMANDS = block("README.md", "bash", "sam local invoke")
SETUP, INVOKE = COMMANDS[: COMMANDS.index("sam local")], COMMANDS[COMMANDS.index("sam local") :].strip()
README_ADDRESS = "172.17.0.1"

# Docker's own network, on which sam starts the function.
BRIDGE = types.SimpleNamespace(name="bridge")


@pytest.fixture(scope="module")
def redis_of_this_machine():
    with Redis(BRIDGE) as made:
        yield made


@pytest.fixture(scope="module")
def environment_file(aws, source):
    """With the address of this run's AWS in place of the README's example."""
    run("bash", "-ec", SETUP.replace(f"http://{README_ADDRESS}:4566", aws.front.url), cwd=source)


@pytest.fixture
def invoke(aws, source, environment_file, redis_of_this_machine):
    def answer(event, line=INVOKE):
        function = "PublishFunction" if event == "scheduled-tick.json" else "QueryFunction"
        line = line.replace("PublishFunction", function).replace("scheduled-tick.json", event)
        line = line.replace(README_ADDRESS, redis_of_this_machine.address)
        given = {"RedisTls": "false", "WorkerServiceName": suna.WORKER}
        if platform.machine() == "x86_64":
            given["Architecture"] = "x86_64"
        words = [f"{name}={value}" for name, value in given.items()]
        # The stand-in can be pulled from nowhere.
        words += ["--skip-pull-image"] if images.is_stand_in(images.lambda_java()) else []
        said = aws.run("bash", "-ec", " ".join([line, *words]), cwd=source)
        return json.loads(said.splitlines()[-1])

    return answer


def test_a_query_is_answered(invoke):
    assert invoke("queue-metrics.json")["statusCode"] == 200


def calls_of(front, before):
    return [(call.operation, call.status) for call in front.calls[before:]]


def test_a_tick_reaches_the_servers_of_this_machine_and_no_others(invoke, front, target_group):
    before = len(front.calls)
    assert (invoke("scheduled-tick.json") or {}).get("errorMessage") is None
    # It succeeded, so all that it called was answered; and this was all. The first count is the start's.
    assert calls_of(front, before) == [("DescribeServices", 200)] * 2 + [("PutMetricData", 200)]
    assert {datum["MetricName"] for datum in front.calls[-1].input["MetricData"]} == set(OF_REDIS + OF_WORKERS)


def test_a_tick_without_the_addresses_calls_nobody(invoke, front):
    before = len(front.calls)
    line = re.sub(r"--env-vars \S+", "", INVOKE)
    assert line != INVOKE
    # It does not even start: there is no address of AWS to call.
    assert "endpointOverride must not be null" in (invoke("scheduled-tick.json", line) or {}).get("errorMessage", "")
    assert calls_of(front, before) == []
