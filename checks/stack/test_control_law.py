"""The experiment on what Application Auto Scaling multiplies by, in an account that knows one law or the other.

The rehearsal runs it against an emulator, which takes the calls but scales nothing.
"""

import pytest
from conftest import Refusal
from kit.machine import ROOT

SCRIPT = ROOT / "deploy/control-law.py"

MADE = ["create-cluster", "register-task-definition", "create-service", "register-scalable-target", "put-scaling-policy"]
REMOVED = ["delete-scaling-policy", "deregister-scalable-target", "delete-service", "wait", "list-task-definitions"]
REMOVED += ["deregister-task-definition", "delete-cluster"]


class Account:
    """Scales by the law each time it is told the metric, and notes each call."""

    def __init__(self, script):
        self.script = script
        self.law, self.calls, self.refused = "desired", [], {}
        self.minutes, self.desired, self.running, self.alarm_after = 0, 2, 0, 3

    def run(self, *options):
        options = options or ("--subnets", "subnet-1,subnet-2", "--minutes", "6", "--interval", "0")
        return self.script(SCRIPT, self.aws, *options)

    def aws(self, service, action, *_):
        self.calls.append(action)
        if action in self.refused:
            raise Refusal(self.refused[action])
        match action:
            case "put-metric-data":
                self.minutes += 1
                if self.law == "desired" and self.minutes >= 3:
                    self.desired = min(2 * self.desired, 16)
            case "describe-services":
                return {"services": [{"desiredCount": self.desired, "runningCount": self.running}]}
            case "describe-alarms":
                return {"MetricAlarms": [{"StateValue": "ALARM" if self.minutes >= self.alarm_after else "OK"}]}
            case "describe-scaling-activities":
                reasons = [{"Code": "AlreadyAtDesiredCapacity"}]
                return {"ScalingActivities": [{"StartTime": "12:00", "NotScaledReasons": reasons}]}
            case "list-task-definitions":
                return {"taskDefinitionArns": ["arn:1"]}
        return None


@pytest.fixture
def account(script):
    return Account(script)


def last_line(text):
    return text.strip().splitlines()[-1]


def test_a_service_that_doubles_though_nothing_runs_is_multiplied_by_its_desired_tasks(account):
    done = account.run()
    assert last_line(done.stdout) == (
        "Application Auto Scaling multiplies by desired tasks: at twice the target, the service went 2 4 8 16 though nothing ran"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_service_that_stays_is_multiplied_by_its_running_tasks(account):
    account.law = "running"
    done = account.run()
    assert last_line(done.stdout) == (
        "Application Auto Scaling multiplies by running tasks: at twice the target, a service of which nothing runs was "
        "not scaled out"
    )
    assert "12:00   AlreadyAtDesiredCapacity" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(("what", "odd"), [("alarm_after", 99), ("running", 1)])
def test_a_service_that_stays_for_another_reason_tells_nothing(account, what, odd):
    account.law = "running"
    setattr(account, what, odd)
    done = account.run()
    assert (done.returncode, last_line(done.stdout)) == (1, "no answer: see what happened above")


def test_everything_that_it_makes_is_removed_in_the_end(account):
    account.run()
    made_by_every_minute = {"put-metric-data", "describe-services", "describe-alarms", "describe-scaling-activities"}
    assert [call for call in account.calls if call not in made_by_every_minute] == MADE + REMOVED


@pytest.mark.parametrize("refused", [*MADE, "put-metric-data", "describe-services", "describe-scaling-activities"])
def test_what_was_made_before_a_failure_is_removed_too(account, refused):
    account.refused = {refused: "AccessDenied"}
    done = account.run()
    assert account.calls[-len(REMOVED) :] == REMOVED
    assert "AccessDenied" in done.stderr


def test_what_is_gone_already_counts_as_removed(account):
    account.refused = {"delete-service": "ServiceNotFoundException", "wait": "MISSING"}
    done = account.run("--clean-up", "control-law-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert account.calls == REMOVED


def test_what_cannot_be_removed_is_named_with_the_command_that_tries_again(account):
    account.refused = {"delete-cluster": "ClusterContainsTasksException"}
    done = account.run("--clean-up", "control-law-1")
    assert done.returncode == 1
    assert "ClusterContainsTasksException" in done.stderr
    assert last_line(done.stderr) == "not everything was removed; try again: deploy/control-law.py --clean-up control-law-1"
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
