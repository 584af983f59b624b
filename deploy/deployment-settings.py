#!/usr/bin/env python3
"""Sets the deployment settings of two ECS services that another tool created.

Changes the deployment configuration and the grace period of both services and the deregistration delay of the API's
target groups, through the aws CLI and its credentials. It starts no deployment. It first prints the settings that
differ, changes only those, and prints the commands that undo each change. With --dry-run it only prints.

The task definition of the workers belongs to the other tool, so this script compares its processes, threads, prefetch
and stop timeout but does not change them.

Exit status: 0 if all settings are right or with --dry-run, 1 if any is not, 2 for wrong arguments.
"""

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass

# Per cent of the desired tasks, for both services.
DEPLOYMENT = {"minimumHealthyPercent": 50, "maximumPercent": 200}
API_GRACE_PERIOD_SECONDS = 60
WORKER_GRACE_PERIOD_SECONDS = 0
DEREGISTRATION_DELAY = "deregistration_delay.timeout_seconds"
DEREGISTRATION_DELAY_SECONDS = 30
CONCURRENCY = {"--processes": 4, "--threads": 4}
SHORT = {"-p": "--processes", "-t": "--threads"}
PREFETCH = "dramatiq_queue_prefetch"
STOP_TIMEOUT_SECONDS = 120


class Failure(Exception):
    """A setting or service that stops the script."""


@dataclass(frozen=True)
class Difference:
    where: str
    setting: str
    found: object
    wanted: object

    def __str__(self):
        return f"{self.where}: {self.setting} is {self.found}, wanted {self.wanted}"


@dataclass(frozen=True)
class Change:
    """The call that corrects some differences, and the call that undoes it."""

    differences: list
    call: list
    undo: list


class Aws:
    def __init__(self, region):
        self.options = ["--region", region] if region else []

    def command(self, *arguments):
        return ["aws", *arguments, *self.options]

    def __call__(self, *arguments):
        command = [*self.command(*arguments), "--output", "json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise Failure("the aws command was not found; install the AWS CLI") from None
        if done.returncode != 0:
            raise Failure(f"{shlex.join(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout or "{}")


def service_named(aws, cluster, name):
    answer = aws("ecs", "describe-services", "--cluster", cluster, "--services", name)
    for service in answer["services"]:
        if service["status"] == "ACTIVE":
            return service
    found = [service["status"] for service in answer["services"]] + [failure["reason"] for failure in answer["failures"]]
    raise Failure(f"service {name} in cluster {cluster} must be ACTIVE, was {', '.join(found)}")


def service_changes(aws, cluster, service, grace_period):
    name = service["serviceName"]
    # A service with an external deployment controller has none.
    found = service.get("deploymentConfiguration", {})
    # Without a load balancer ECS has no grace period and rejects one, which has the effect of 0.
    found_grace = service.get("healthCheckGracePeriodSeconds") or 0
    if grace_period and not service.get("loadBalancers"):
        raise Failure(f"service {name} must have a load balancer for a grace period of {grace_period} s, has none")

    differences = [
        Difference(name, f"{setting} (%)", found.get(setting, "not set"), wanted)
        for setting, wanted in DEPLOYMENT.items()
        if found.get(setting) != wanted
    ]
    grace = []
    if found_grace != grace_period:
        differences.append(Difference(name, "healthCheckGracePeriodSeconds", found_grace, grace_period))
        grace = ["--health-check-grace-period-seconds"]
    if not differences:
        return []

    def update(deployment, seconds):
        # Sends the whole configuration, so that its circuit breaker and alarms stay the same.
        arguments = ["--deployment-configuration", json.dumps(deployment)]
        return ["ecs", "update-service", "--cluster", cluster, "--service", name, *arguments] + [
            *grace,
            *([str(seconds)] if grace else []),
        ]

    return [Change(differences, update(found | DEPLOYMENT, grace_period), update(found, found_grace))]


def target_group_changes(aws, service):
    groups = [lb["targetGroupArn"] for lb in service.get("loadBalancers", []) if "targetGroupArn" in lb]
    if not groups:
        raise Failure(f"service {service['serviceName']} must have a target group, has none")
    return [change for group in groups for change in one_target_group_changes(aws, group)]


def one_target_group_changes(aws, group):
    answer = aws("elbv2", "describe-target-group-attributes", "--target-group-arn", group)
    found = {attribute["Key"]: attribute["Value"] for attribute in answer["Attributes"]}[DEREGISTRATION_DELAY]
    wanted = str(DEREGISTRATION_DELAY_SECONDS)
    if found == wanted:
        return []

    def modify(seconds):
        attribute = f"Key={DEREGISTRATION_DELAY},Value={seconds}"
        return ["elbv2", "modify-target-group-attributes", "--target-group-arn", group, "--attributes", attribute]

    return [Change([Difference(group.split(":")[-1], DEREGISTRATION_DELAY, found, wanted)], modify(wanted), modify(found))]


def task_differences(aws, service):
    definition = service["taskDefinition"]
    answer = aws("ecs", "describe-task-definition", "--task-definition", definition)
    containers = workers_of(answer["taskDefinition"]["containerDefinitions"])
    where = f"task definition {definition.split('/')[-1]}"
    found = concurrency(containers)
    # As many as the threads that run, even if their number should be another.
    threads = found["--threads"] if found["--threads"].isdecimal() else str(CONCURRENCY["--threads"])
    variables = [each for container in containers for each in container.get("environment") or []]
    prefetch = {each["name"]: each["value"] for each in variables}.get(PREFETCH, "not set")
    timeouts = [container.get("stopTimeout", "not set") for container in containers]
    return [
        Difference(where, setting, value, wanted)
        for setting, value, wanted in [
            *((option, found[option], str(wanted)) for option, wanted in CONCURRENCY.items()),
            (PREFETCH, prefetch, threads),
            *(("stopTimeout (s)", timeout, STOP_TIMEOUT_SECONDS) for timeout in timeouts),
        ]
        if value != wanted
    ]


def workers_of(containers):
    """The containers that start Dramatiq, or all if a script starts it."""
    named = [each for each in containers if any(word.split("/")[-1] == "dramatiq" for word in container_words(each))]
    return named or containers


def concurrency(containers):
    words = [word for container in containers for word in container_words(container)]
    found = dict.fromkeys(CONCURRENCY, "not in its command")
    for word, following in zip(words, [*words[1:], ""]):  # noqa: B905 - Python 3.9 knows no strict
        option, _, value = word.partition("=")
        option = SHORT.get(option, option)
        if option in CONCURRENCY:
            found[option] = value or following
    return found


def container_words(container):
    # The command of a shell is one argument with several words.
    for argument in [*(container.get("entryPoint") or []), *(container.get("command") or [])]:
        yield from argument.split()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0], epilog=__doc__.rpartition("\n\n")[2].strip())
    parser.add_argument("--cluster", default="suna-ecs", help="ECS cluster (default: %(default)s)")
    parser.add_argument("--api-service", required=True, help="name of the API's service")
    parser.add_argument("--worker-service", required=True, help="name of the workers' service")
    parser.add_argument("--region", help="AWS region (default: the region of the aws CLI)")
    parser.add_argument("--dry-run", action="store_true", help="print what differs and change nothing")
    return parser.parse_args()


def compare(aws, options):
    """The changes to make, and the differences that only the owner of the task definition can correct."""
    api = service_named(aws, options.cluster, options.api_service)
    worker = service_named(aws, options.cluster, options.worker_service)
    changes = [
        *service_changes(aws, options.cluster, api, API_GRACE_PERIOD_SECONDS),
        *service_changes(aws, options.cluster, worker, WORKER_GRACE_PERIOD_SECONDS),
        *target_group_changes(aws, api),
    ]
    return changes, task_differences(aws, worker)


def run(options):
    aws = Aws(options.region)
    changes, elsewhere = compare(aws, options)
    for change in changes:
        for difference in change.differences:
            print(difference)
    for difference in elsewhere:
        print(f"{difference}; not changed here: correct it where the task definition is made")
    if not changes:
        print("nothing to change")
    if options.dry_run:
        return 0

    for change in changes:
        aws(*change.call)
        print(f"done: {shlex.join(aws.command(*change.call))}")
        print(f"undo: {shlex.join(aws.command(*change.undo))}")
    if changes and compare(aws, options)[0]:
        raise Failure("AWS accepted the settings but still shows others; run this script again with --dry-run")
    return 1 if elsewhere else 0


def main():
    try:
        return run(arguments())
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
