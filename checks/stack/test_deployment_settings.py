"""The script that sets the deployment settings of services that another tool made."""

import copy
import json
import os
import shlex
import subprocess
import sys

import pytest
from kit.machine import ROOT
from scripts import Refusal

SCRIPT = ROOT / "deploy/deployment-settings.py"
API, WORKER = "suna-api-svc-5643fd4", "suna-worker-svc-8b51da8"
GROUP = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/api/0123456789abcdef"
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}

# What ECS and the load balancer start with.
AS_MADE = {
    "services": [
        {
            "serviceName": API,
            "status": "ACTIVE",
            "taskDefinition": "arn:aws:ecs:us-west-2:123456789012:task-definition/api:3",
            "loadBalancers": [{"targetGroupArn": GROUP}],
            "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200} | BREAKER,
            "healthCheckGracePeriodSeconds": 0,
        },
        {
            "serviceName": WORKER,
            "status": "ACTIVE",
            "taskDefinition": "arn:aws:ecs:us-west-2:123456789012:task-definition/worker:7",
            "loadBalancers": [],
            "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 150},
        },
    ],
    "attributes": {"deregistration_delay.timeout_seconds": "300", "stickiness.enabled": "false"},
    "containers": [
        {
            "command": ["uv", "run", "dramatiq", "--processes", "4", "--threads", "4", "run_agent_background"],
            "environment": [{"name": "dramatiq_queue_prefetch", "value": "4"}],
            "stopTimeout": 120,
        },
        {"command": ["collector", "--threads", "1"]},
    ],
}

CHANGES = [["update-service", API], ["update-service", WORKER], ["modify-target-group-attributes", GROUP]]

DIFFERENCES = f"""\
{API}: minimumHealthyPercent (%) is 100, wanted 50
{API}: healthCheckGracePeriodSeconds is 0, wanted 60
{WORKER}: minimumHealthyPercent (%) is 100, wanted 50
{WORKER}: maximumPercent (%) is 150, wanted 200
targetgroup/api/0123456789abcdef: deregistration_delay.timeout_seconds is 300, wanted 30
"""


class Account:
    """What `aws` shows and changes, and whom it changed."""

    def __init__(self, script):
        self.script = script
        self.state = copy.deepcopy(AS_MADE)
        self.api, self.worker = self.state["services"]
        self.denied, self.changes = [], []

    def run(self, *options):
        names = ["--api-service", API, "--worker-service", WORKER, "--region", "us-west-2"]
        return self.script(SCRIPT, self.aws, *names, *options)

    def aws(self, service, action, *words):
        options = dict(zip(words[::2], words[1::2], strict=True))
        assert options["--region"] == "us-west-2"
        if action in self.denied:
            raise Refusal(f"An error occurred (AccessDeniedException) when calling {action}")
        match action:
            case "describe-services":
                found = [each for each in self.state["services"] if each["serviceName"] == options["--services"]]
                return {"services": found, "failures": [] if found else [{"reason": "MISSING"}]}
            case "describe-task-definition":
                return {"taskDefinition": {"containerDefinitions": self.state["containers"]}}
            case "describe-target-group-attributes":
                return {"Attributes": [{"Key": key, "Value": value} for key, value in self.state["attributes"].items()]}
            case "update-service":
                (changed,) = [each for each in self.state["services"] if each["serviceName"] == options["--service"]]
                changed["deploymentConfiguration"] = json.loads(options["--deployment-configuration"])
                if "--health-check-grace-period-seconds" in options:
                    assert changed["loadBalancers"], "ECS refuses a grace period without load balancer"
                    changed["healthCheckGracePeriodSeconds"] = int(options["--health-check-grace-period-seconds"])
                self.changes.append([action, options["--service"]])
            case "modify-target-group-attributes":
                key, value = [part.partition("=")[2] for part in options["--attributes"].split(",")]
                self.state["attributes"][key] = value
                self.changes.append([action, options["--target-group-arn"]])
        return None


@pytest.fixture
def account(script):
    return Account(script)


def test_a_dry_run_shows_what_differs_and_changes_nothing(account):
    done = account.run("--dry-run")
    assert (done.returncode, done.stdout, done.stderr) == (0, DIFFERENCES, "")
    assert account.state == AS_MADE


def test_a_run_shows_what_differs_before_it_changes_it(account):
    done = account.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(DIFFERENCES + "done: aws ecs update-service ")
    assert account.changes == CHANGES


def test_a_run_sets_the_values_of_the_seed_and_leaves_the_others(account):
    account.run()
    assert account.api["deploymentConfiguration"] == {"minimumHealthyPercent": 50, "maximumPercent": 200} | BREAKER
    assert account.api["healthCheckGracePeriodSeconds"] == 60
    assert account.worker["deploymentConfiguration"] == {"minimumHealthyPercent": 50, "maximumPercent": 200}
    assert "healthCheckGracePeriodSeconds" not in account.worker
    assert account.state["attributes"] == {"deregistration_delay.timeout_seconds": "30", "stickiness.enabled": "false"}


def test_a_second_run_changes_nothing(account):
    account.run()
    after_first = copy.deepcopy(account.state)
    done = account.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing to change\n", "")
    assert account.state == after_first


def test_the_printed_commands_take_everything_back(account):
    printed = account.run().stdout.splitlines()
    for command in [line.removeprefix("undo: ") for line in printed if line.startswith("undo: ")]:
        account.aws(*shlex.split(command)[1:])
    assert account.state == AS_MADE


def test_a_grace_period_of_workers_behind_a_load_balancer_is_set_to_0(account):
    account.worker |= {"loadBalancers": [{"targetGroupArn": GROUP}], "healthCheckGracePeriodSeconds": 90}
    account.run()
    assert account.worker["healthCheckGracePeriodSeconds"] == 0


def workers(**changed):
    """The workers' container, with what is changed in it; None leaves it out."""
    container = AS_MADE["containers"][0] | changed
    return {name: value for name, value in container.items() if value is not None}


def task_lines(account):
    return [line for line in account.run("--dry-run").stdout.splitlines() if line.startswith("task definition")]


REST = "; not changed here: correct it where the task definition is made"


@pytest.mark.parametrize(
    ("command", "processes", "threads"),
    [
        (["dramatiq", "--processes", "8", "--threads", "4", "m"], "8", None),
        (["dramatiq", "-p", "4", "-t", "2", "m"], None, "2"),
        (["sh", "-c", "exec dramatiq --processes=2 --threads=2 m"], "2", "2"),
        (["worker.sh"], "not in its command", "not in its command"),
        (None, "not in its command", "not in its command"),
    ],
)
def test_other_processes_and_threads_are_shown_and_are_a_failure_but_not_of_a_dry_run(account, command, processes, threads):
    prefetch = threads if threads == "2" else "4"
    environment = [{"name": "dramatiq_queue_prefetch", "value": prefetch}]
    account.state["containers"] = [workers(command=command, environment=environment)]
    expected = [
        f"task definition worker:7: {option} is {found}, wanted 4{REST}"
        for option, found in (("--processes", processes), ("--threads", threads))
        if found
    ]
    assert task_lines(account) == expected
    assert account.run("--dry-run").returncode == 0
    assert account.run().returncode == 1
    assert account.changes == CHANGES


@pytest.mark.parametrize(
    "command", [["dramatiq", "-p", "4", "-t", "4"], ["sh", "-c", "/usr/bin/dramatiq --processes=4 --threads 4"]]
)
def test_4_processes_of_4_threads_are_found_however_they_are_written(account, command):
    account.state["containers"] = [{"command": ["proxy"]}, workers(command=command)]
    assert task_lines(account) == []


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        (None, "not set"),
        ([{"name": "REDIS_HOST", "value": "r"}], "not set"),
        ([{"name": "dramatiq_queue_prefetch", "value": "8"}], "8"),
    ],
)
def test_a_prefetch_other_than_the_threads_is_shown(account, environment, found):
    account.state["containers"] = [workers(environment=environment)]
    assert task_lines(account) == [f"task definition worker:7: dramatiq_queue_prefetch is {found}, wanted 4{REST}"]
    assert account.run().returncode == 1


def test_the_wanted_prefetch_is_the_number_of_threads_that_run(account):
    account.state["containers"] = [workers(command=["dramatiq", "-p", "4", "-t", "16"])]
    assert task_lines(account) == [
        f"task definition worker:7: --threads is 16, wanted 4{REST}",
        f"task definition worker:7: dramatiq_queue_prefetch is 4, wanted 16{REST}",
    ]


@pytest.mark.parametrize(("timeout", "found"), [(None, "not set"), (30, "30")])
def test_another_stop_timeout_of_the_workers_container_is_shown(account, timeout, found):
    account.state["containers"] = [workers(stopTimeout=timeout), {"command": ["proxy"]}]
    assert task_lines(account) == [f"task definition worker:7: stopTimeout (s) is {found}, wanted 120{REST}"]
    assert account.run().returncode == 1


def failure(account, *options):
    done = account.run(*options)
    assert account.changes == []
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_a_service_that_is_not_there_stops_it(account):
    account.state["services"].remove(account.worker)
    assert failure(account) == f"service {WORKER} in cluster suna-ecs must be ACTIVE, was MISSING\n"


def test_a_service_that_is_being_removed_stops_it(account):
    account.api["status"] = "DRAINING"
    assert failure(account) == f"service {API} in cluster suna-ecs must be ACTIVE, was DRAINING\n"


def test_an_api_without_load_balancer_stops_it(account):
    account.api["loadBalancers"] = []
    assert failure(account) == f"service {API} must have a load balancer for a grace period of 60 s, has none\n"


def test_a_change_that_aws_refuses_stops_it_with_aws_words(account):
    account.denied = ["update-service"]
    done = account.run()
    assert done.returncode == 1
    assert done.stderr.endswith(": An error occurred (AccessDeniedException) when calling update-service\n")
    assert account.changes == []


def test_without_the_aws_cli_it_says_so():
    started = [sys.executable, SCRIPT, "--api-service", API, "--worker-service", WORKER]
    done = subprocess.run(started, env={"PATH": "/nonexistent"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "the aws command was not found; install the AWS CLI\n")


def test_the_script_can_be_started_by_its_name():
    assert os.access(SCRIPT, os.X_OK)
