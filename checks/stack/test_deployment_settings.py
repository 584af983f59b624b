"""The script that sets the deployment settings of services that another tool made."""

import copy
import json
import os
import shlex
import subprocess
import sys

import pytest
from conftest import Refusal
from kit.machine import ROOT

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
    assert account.run("--dry-run") == (0, DIFFERENCES, "")
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
    assert account.run() == (0, "nothing to change\n", "")
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


def dramatiq(*options):
    return {"command": ["dramatiq", *options, "m"]}


def shell(command):
    return {"command": ["sh", "-c", command]}


def prefetch(value):
    return {"environment": [{"name": "dramatiq_queue_prefetch", "value": value}]}


UNSAID = {"--processes": ("not in its command", 4), "--threads": ("not in its command", 4)}


@pytest.mark.parametrize(
    ("changed", "differences"),
    [
        (dramatiq("-p", "4", "-t", "4"), {}),
        (shell("/usr/bin/dramatiq --processes=4 --threads 4"), {}),
        (dramatiq("--processes", "8", "--threads", "4"), {"--processes": ("8", 4)}),
        (dramatiq("-p", "4", "-t", "2") | prefetch("2"), {"--threads": ("2", 4)}),
        (shell("exec dramatiq --processes=2 --threads=2 m") | prefetch("2"), {"--processes": ("2", 4), "--threads": ("2", 4)}),
        ({"command": ["worker.sh"]}, UNSAID),
        ({"command": None}, UNSAID),
        # The wanted prefetch is the number of threads that run.
        (dramatiq("-p", "4", "-t", "16"), {"--threads": ("16", 4), "dramatiq_queue_prefetch": ("4", 16)}),
        ({"environment": None}, {"dramatiq_queue_prefetch": ("not set", 4)}),
        ({"environment": [{"name": "REDIS_HOST", "value": "r"}]}, {"dramatiq_queue_prefetch": ("not set", 4)}),
        (prefetch("8"), {"dramatiq_queue_prefetch": ("8", 4)}),
        ({"stopTimeout": None}, {"stopTimeout (s)": ("not set", 120)}),
        ({"stopTimeout": 30}, {"stopTimeout (s)": ("30", 120)}),
    ],
    ids=str,
)
def test_a_task_definition_that_differs_is_shown_and_is_a_failure_but_not_of_a_dry_run(account, changed, differences):
    container = AS_MADE["containers"][0] | changed
    workers = {name: value for name, value in container.items() if value is not None}
    # A container whose command does not say dramatiq is only known if it is alone.
    others = [] if differences is UNSAID else [{"command": ["proxy"]}]
    account.state["containers"] = [*others, workers, *others]
    done = account.run("--dry-run")
    assert [line for line in done.stdout.splitlines() if line.startswith("task definition")] == [
        f"task definition worker:7: {what} is {found}, wanted {wanted}; not changed here: correct it where the task definition is made"
        for what, (found, wanted) in differences.items()
    ]
    assert done.returncode == 0
    assert account.run().returncode == (1 if differences else 0)
    assert account.changes == CHANGES


ECS = "in cluster suna-ecs must be ACTIVE, was"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda account: account.state["services"].remove(account.worker), f"service {WORKER} {ECS} MISSING"),
        (lambda account: account.api.update(status="DRAINING"), f"service {API} {ECS} DRAINING"),
        (
            lambda account: account.api.update(loadBalancers=[]),
            f"service {API} must have a load balancer for a grace period of 60 s, has none",
        ),
    ],
    ids=["missing", "being removed", "without load balancer"],
)
def test_a_service_that_cannot_take_the_settings_stops_it(account, spoil, said):
    spoil(account)
    assert account.run() == (1, "", said + "\n")
    assert account.changes == []


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
