"""The experiment on what Application Auto Scaling multiplies by, in an account that knows one law or the other.

The rehearsal runs it against an emulator, which takes the calls but scales nothing.
"""

import json
import os
import subprocess
import sys

import pytest
from kit.machine import ROOT

SCRIPT = ROOT / "deploy/control-law.py"

# An aws command that notes each call, and scales by the law $LAW each time it is told the metric.
AWS = """\
#!{python}
import json, os, sys
from pathlib import Path

file = Path(os.environ["FAKE_AWS"])
state = json.loads(file.read_text())
service, action, *options = sys.argv[1:]
state["calls"].append(action)
refusal = state["refused"].get(action)
if action == "put-metric-data":
    state["minutes"] += 1
    if os.environ["LAW"] == "desired" and state["minutes"] >= 3:
        state["desired"] = min(2 * state["desired"], 16)
elif action == "describe-services":
    print(json.dumps({{"services": [{{"desiredCount": state["desired"], "runningCount": state["running"]}}]}}))
elif action == "describe-alarms":
    alarm = "ALARM" if state["minutes"] >= state["alarm after"] else "OK"
    print(json.dumps({{"MetricAlarms": [{{"StateValue": alarm}}]}}))
elif action == "describe-scaling-activities":
    reasons = [{{"Code": "AlreadyAtDesiredCapacity"}}]
    print(json.dumps({{"ScalingActivities": [{{"StartTime": "12:00", "NotScaledReasons": reasons}}]}}))
elif action == "list-task-definitions":
    print(json.dumps({{"taskDefinitionArns": ["arn:1"]}}))
file.write_text(json.dumps(state))
sys.exit(refusal)
"""

MADE = ["create-cluster", "register-task-definition", "create-service", "register-scalable-target", "put-scaling-policy"]
REMOVED = ["delete-scaling-policy", "deregister-scalable-target", "delete-service", "wait", "list-task-definitions"]
REMOVED += ["deregister-task-definition", "delete-cluster"]


class Account:
    def __init__(self, folder):
        self.folder = folder
        aws = folder / "aws"
        aws.write_text(AWS.format(python=sys.executable))
        aws.chmod(0o755)
        self.state = {"calls": [], "minutes": 0, "desired": 2, "running": 0, "alarm after": 3, "refused": {}}

    def run(self, *options, law="desired"):
        file = self.folder / "account.json"
        file.write_text(json.dumps(self.state))
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "FAKE_AWS": str(file), "LAW": law}
        options = options or ("--subnets", "subnet-1,subnet-2", "--minutes", "6", "--interval", "0")
        done = subprocess.run([sys.executable, SCRIPT, *options], env=environment, capture_output=True, text=True, check=False)
        self.calls = json.loads(file.read_text())["calls"]
        return done


@pytest.fixture
def account(tmp_path):
    return Account(tmp_path)


def last_line(text):
    return text.strip().splitlines()[-1]


def test_a_service_that_doubles_though_nothing_runs_is_multiplied_by_its_desired_tasks(account):
    done = account.run()
    assert last_line(done.stdout) == (
        "Application Auto Scaling multiplies by desired tasks: at twice the target, the service went 2 4 8 16 though nothing ran"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_service_that_stays_is_multiplied_by_its_running_tasks(account):
    done = account.run(law="running")
    assert last_line(done.stdout) == (
        "Application Auto Scaling multiplies by running tasks: at twice the target, a service of which nothing runs was "
        "not scaled out"
    )
    assert "12:00   AlreadyAtDesiredCapacity" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("odd", [{"alarm after": 99}, {"running": 1}], ids=str)
def test_a_service_that_stays_for_another_reason_tells_nothing(account, odd):
    account.state |= odd
    done = account.run(law="running")
    assert (done.returncode, last_line(done.stdout)) == (1, "no answer: see what happened above")


def test_everything_that_it_makes_is_removed_in_the_end(account):
    account.run()
    made_by_every_minute = {"put-metric-data", "describe-services", "describe-alarms", "describe-scaling-activities"}
    assert [call for call in account.calls if call not in made_by_every_minute] == MADE + REMOVED


@pytest.mark.parametrize("refused", [*MADE, "put-metric-data", "describe-services", "describe-scaling-activities"])
def test_what_was_made_before_a_failure_is_removed_too(account, refused):
    account.state["refused"] = {refused: "AccessDenied"}
    done = account.run()
    assert account.calls[-len(REMOVED) :] == REMOVED
    assert "AccessDenied" in done.stderr


def test_what_is_gone_already_counts_as_removed(account):
    account.state["refused"] = {"delete-service": "ServiceNotFoundException", "wait": "MISSING"}
    done = account.run("--clean-up", "control-law-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert account.calls == REMOVED


def test_what_cannot_be_removed_is_named_with_the_command_that_tries_again(account):
    account.state["refused"] = {"delete-cluster": "ClusterContainsTasksException"}
    done = account.run("--clean-up", "control-law-1")
    assert done.returncode == 1
    assert "ClusterContainsTasksException" in done.stderr
    assert last_line(done.stderr) == ("not everything was removed; try again: deploy/control-law.py --clean-up control-law-1")
    assert account.calls == REMOVED


def test_a_dry_run_prints_the_calls_and_makes_none(account):
    done = account.run("--subnets", "subnet-1", "--dry-run")
    assert (done.returncode, account.calls) == (0, [])
    printed = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("aws ")]
    assert printed == [*MADE, "put-metric-data", *REMOVED]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dry-run"], "expected --subnets SUBNET,… or --clean-up NAME"),
        (["--subnets", "s", "--minutes", "0"], "--minutes must be 1 or more, was 0"),
    ],
)
def test_wrong_arguments_are_refused(account, options, said):
    done = account.run(*options)
    assert (done.returncode, account.calls) == (2, [])
    assert said in done.stderr
