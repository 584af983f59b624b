#!/usr/bin/env python3
"""Finds out what Application Auto Scaling multiplies by: the running or the desired tasks of a service. For a sandbox.

AWS does not publish it. This makes a cluster with a service of two Fargate tasks whose image does not exist, so that two
tasks are desired and none ever runs, and a target tracking policy on a metric that it puts at twice the target every
minute. If desired tasks count, target tracking doubles the service; if running ones do, it stays as it is.

It takes half an hour and costs some cents. It removes what it made at the end, after Ctrl-C and after a failure too.
--clean-up NAME removes what a run left that was killed. --dry-run prints the calls and changes nothing. What stays: the
metric, which CloudWatch drops by itself, and the service-linked roles of ECS and Application Auto Scaling.

Exit status: 0 with an answer, 1 without one or if something could not be removed, 2 for wrong arguments.
"""

import argparse
import json
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NO_IMAGE = "public.ecr.aws/dramatiq-queue-metrics/there-is-no-such-image:none"
NAMESPACE, METRIC, POLICY = "ControlLaw", "Backlog", "control-law"
TARGET = 10
TASKS, MOST_TASKS = 2, 16
# What the calls say of a thing that is not there.
GONE = ("NotFound", "NotActive", "MISSING", "No scalable target found", "No scaling policy found")


class Failure(Exception):
    """A call that AWS refused."""


class Aws:
    """The aws CLI with its own region and credentials."""

    def __init__(self, dry_run):
        self.dry_run = dry_run

    def __call__(self, *arguments):
        command = ["aws", *arguments, "--output", "json"]
        if self.dry_run:
            print(shlex.join(command))
            return {}
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise Failure("the aws command was not found; install the AWS CLI") from None
        if done.returncode != 0:
            raise Failure(f"{shlex.join(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout or "{}")


@dataclass(frozen=True)
class Seen:
    at: str
    desired: int
    running: int
    alarm: str

    def __str__(self):
        return f"{self.at}  desired {self.desired}, running {self.running}, high alarm {self.alarm}"


class Experiment:
    """Cluster, service and task definition of one name, and what scales the service."""

    def __init__(self, aws, name):
        self.aws, self.name = aws, name
        self.service = ["--service-namespace", "ecs", "--scalable-dimension", "ecs:service:DesiredCount"]
        self.service += ["--resource-id", f"service/{name}/{name}"]

    def make(self, subnets, security_groups):
        aws, name = self.aws, self.name
        aws("ecs", "create-cluster", "--cluster-name", name)
        container = {"name": "none", "image": NO_IMAGE, "essential": True}
        aws(
            *["ecs", "register-task-definition", "--family", name, "--container-definitions", json.dumps([container])],
            *["--requires-compatibilities", "FARGATE", "--network-mode", "awsvpc", "--cpu", "256", "--memory", "512"],
        )
        network = {"subnets": subnets, "assignPublicIp": "ENABLED"}
        if security_groups:
            network["securityGroups"] = security_groups
        network = {"awsvpcConfiguration": network}
        aws(
            *["ecs", "create-service", "--cluster", name, "--service-name", name, "--task-definition", name],
            *["--launch-type", "FARGATE", "--desired-count", str(TASKS), "--network-configuration", json.dumps(network)],
        )
        bounds = ["--min-capacity", str(TASKS), "--max-capacity", str(MOST_TASKS)]
        aws("application-autoscaling", "register-scalable-target", *self.service, *bounds)
        tracking = {
            "TargetValue": TARGET,
            "ScaleOutCooldown": 30,
            "ScaleInCooldown": 300,
            "CustomizedMetricSpecification": {
                "Namespace": NAMESPACE,
                "MetricName": METRIC,
                "Dimensions": [{"Name": "Service", "Value": name}],
                "Statistic": "Average",
                "Unit": "Count",
            },
        }
        aws(
            *["application-autoscaling", "put-scaling-policy", *self.service, "--policy-name", POLICY],
            *["--policy-type", "TargetTrackingScaling"],
            *["--target-tracking-scaling-policy-configuration", json.dumps(tracking)],
        )

    def put(self, now):
        """Twice the target, for the minute that has ended, so that the alarm counts it at once."""
        stamp = now.replace(second=0, microsecond=0) - timedelta(milliseconds=1)
        self.aws(
            *["cloudwatch", "put-metric-data", "--namespace", NAMESPACE, "--metric-name", METRIC],
            *["--dimensions", f"Service={self.name}", "--value", str(2 * TARGET), "--unit", "Count"],
            *["--timestamp", stamp.isoformat(timespec="milliseconds")],
        )

    def look(self, now):
        answer = self.aws("ecs", "describe-services", "--cluster", self.name, "--services", self.name)
        (service,) = answer["services"]
        prefix = f"TargetTracking-service/{self.name}/{self.name}-AlarmHigh"
        alarms = self.aws("cloudwatch", "describe-alarms", "--alarm-name-prefix", prefix).get("MetricAlarms", [])
        state = alarms[0]["StateValue"] if alarms else "not found"
        return Seen(now.strftime("%H:%M:%S"), service["desiredCount"], service["runningCount"], state)

    def activities(self):
        """What Application Auto Scaling says of what it did and did not do."""
        answer = self.aws(
            "application-autoscaling", "describe-scaling-activities", *self.service, "--include-not-scaled-activities"
        )
        for activity in answer.get("ScalingActivities", []):
            reasons = [reason["Code"] for reason in activity.get("NotScaledReasons", [])]
            yield f"{activity['StartTime']}  {activity.get('Description', '')} {' '.join(reasons)}".rstrip()

    def clean_up(self):
        """Whether all of it is gone. Goes on after each failure, and may be repeated."""
        name = self.name
        removed = [
            # The policy first, since its alarms go with it.
            self._try("application-autoscaling", "delete-scaling-policy", *self.service, "--policy-name", POLICY),
            self._try("application-autoscaling", "deregister-scalable-target", *self.service),
            self._try("ecs", "delete-service", "--cluster", name, "--service", name, "--force"),
            # A cluster with a service that is still draining cannot be deleted.
            self._try("ecs", "wait", "services-inactive", "--cluster", name, "--services", name),
            *(self._try(*call) for call in self._task_definitions()),
            self._try("ecs", "delete-cluster", "--cluster", name),
        ]
        if not all(removed):
            print(f"not everything was removed; try again: deploy/control-law.py --clean-up {name}", file=sys.stderr)
        return all(removed)

    def _task_definitions(self):
        try:
            arns = self.aws("ecs", "list-task-definitions", "--family-prefix", self.name).get("taskDefinitionArns", [])
        except Failure as failure:
            print(failure, file=sys.stderr)
            return
        for arn in arns or ([f"{self.name}:1"] if self.aws.dry_run else []):
            yield "ecs", "deregister-task-definition", "--task-definition", arn

    def _try(self, *call):
        try:
            self.aws(*call)
            return True
        except Failure as failure:
            if any(word in str(failure) for word in GONE):
                return True
            print(failure, file=sys.stderr)
            return False


def answer(seen):
    """What the sequence of desired tasks tells; None if it tells nothing."""
    if not seen or any(each.running for each in seen):
        return None
    counts = [each.desired for each in seen]
    steps = [count for count, before in zip(counts, [0, *counts], strict=False) if count != before]
    # It never acts on an alarm that is not in ALARM.
    if steps == [TASKS] and seen[-1].alarm == "ALARM":
        return "running tasks: at twice the target, a service of which nothing runs was not scaled out"
    if len(steps) > 1 and all(after == min(2 * before, MOST_TASKS) for before, after in zip(steps, steps[1:], strict=False)):
        return f"desired tasks: at twice the target, the service went {' '.join(map(str, steps))} though nothing ran"
    return None


def observe(experiment, minutes, interval):
    seen = []
    for _ in range(minutes):
        experiment.put(datetime.now(UTC))
        time.sleep(interval)
        seen.append(experiment.look(datetime.now(UTC)))
        print(seen[-1], flush=True)
        # The bound is reached; more minutes tell nothing more.
        if seen[-1].desired >= MOST_TASKS:
            break
    return seen


def interrupted(_signal, _frame):
    raise KeyboardInterrupt


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0], epilog=__doc__.partition("\n\n")[2])
    parser.add_argument("--subnets", help="subnets for the tasks that never start, separated by commas")
    parser.add_argument("--security-groups", help="their security groups (default: the VPC's default group)")
    parser.add_argument("--minutes", type=int, default=30, help="minutes to look at it at most (default: %(default)s)")
    parser.add_argument("--interval", type=float, default=60, help="seconds of a minute (default: %(default)s)")
    parser.add_argument("--clean-up", metavar="NAME", help="only remove what the run of this name left")
    parser.add_argument("--dry-run", action="store_true", help="print the calls and change nothing")
    options = parser.parse_args()
    if not options.subnets and not options.clean_up:
        parser.error("expected --subnets SUBNET,… or --clean-up NAME")
    if options.minutes < 1:
        parser.error(f"--minutes must be 1 or more, was {options.minutes}")
    return options


def main():
    options = arguments()
    aws = Aws(options.dry_run)
    if options.clean_up:
        return 0 if Experiment(aws, options.clean_up).clean_up() else 1
    name = datetime.now(UTC).strftime("control-law-%Y%m%d-%H%M%S")
    experiment = Experiment(aws, name)
    signal.signal(signal.SIGTERM, interrupted)
    seen = []
    try:
        print(f"{name}: if this run is killed, remove what it made with deploy/control-law.py --clean-up {name}")
        experiment.make(*(given.split(",") if given else [] for given in (options.subnets, options.security_groups)))
        if options.dry_run:
            experiment.put(datetime.now(UTC))
        else:
            seen = observe(experiment, options.minutes, options.interval)
            print(*experiment.activities(), sep="\n")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    except Failure as failure:
        print(failure, file=sys.stderr)
    finally:
        # A second signal must not leave anything behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        gone = experiment.clean_up()
    if options.dry_run:
        return 0
    found = answer(seen)
    print(f"Application Auto Scaling multiplies by {found}" if found else "no answer: see what happened above")
    return 0 if found and gone else 1


if __name__ == "__main__":
    sys.exit(main())
