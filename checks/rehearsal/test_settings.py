"""The deployment settings, by the script and by the template, on real services of the local ECS."""

import json
import shlex
import sys

import images
import pytest
import suna
from kit.machine import ROOT, until
from localaws import REGION
from machine import LABEL, RUN, docker

SCRIPT = ROOT / "deploy/deployment-settings.py"
DELAY = "deregistration_delay.timeout_seconds"
TASKS_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def settings(aws, target_group):
    """What the script may change, and the deployments, which it must not."""

    def look():
        found = aws.client("ecs").describe_services(cluster=suna.CLUSTER, services=[suna.API, suna.WORKER])
        attributes = aws.client("elbv2").describe_target_group_attributes(TargetGroupArn=target_group)
        return {
            service["serviceName"]: (
                service["deploymentConfiguration"]["minimumHealthyPercent"],
                service["deploymentConfiguration"]["maximumPercent"],
                service.get("healthCheckGracePeriodSeconds") or 0,
                [deployment["id"] for deployment in service["deployments"]],
            )
            for service in found["services"]
        } | {each["Key"]: each["Value"] for each in attributes["Attributes"] if each["Key"] == DELAY}

    return look


def script(aws, *options, api=suna.API, worker=suna.WORKER):
    names = ["--api-service", api, "--worker-service", worker, "--region", REGION]
    # With the real AWS CLI.
    return aws.run(sys.executable, SCRIPT, *names, *options)


def without_deployments(settings):
    return {key: value[:3] if isinstance(value, tuple) else value for key, value in settings.items()}


def test_the_script_changes_the_services_and_its_commands_take_that_back(aws, settings):
    before = settings()
    assert without_deployments(before) == {suna.API: (100, 200, 0), suna.WORKER: (100, 200, 0), DELAY: "300"}

    said = script(aws)
    assert f"{suna.API}: minimumHealthyPercent (%) is 100, wanted 50" in said
    after = settings()
    assert without_deployments(after) == {suna.API: (50, 200, 60), suna.WORKER: (50, 200, 0), DELAY: "30"}
    # No new deployment was started.
    assert [after[name][3] for name in (suna.API, suna.WORKER)] == [before[name][3] for name in (suna.API, suna.WORKER)]
    assert suna.running(aws) == {suna.API: 2, suna.WORKER: 2}

    for line in said.splitlines():
        if line.startswith("undo: "):
            aws.run(*shlex.split(line.removeprefix("undo: ")))
    assert settings() == before


@pytest.fixture
def worker_image():
    """Whose `dramatiq` only stays until it is told to end: the command is what is looked at."""
    name = f"{RUN}-worker"
    stays = (
        """RUN printf '#!/bin/sh\\ntrap "exit 0" TERM\\nsleep 3600 &\\nwait\\n' >/usr/bin/dramatiq && chmod 755 /usr/bin/dramatiq"""
    )
    docker("build", "--quiet", "--label", LABEL, "--tag", name, "-", input=f"FROM {images.redis()}\n{stays}\nENTRYPOINT []\n")
    yield name
    docker("rmi", "--force", name)


@pytest.fixture
def listener(aws):
    elb = aws.client("elbv2")
    balancer = elb.create_load_balancer(Name="suna", Subnets=suna.subnets(aws))["LoadBalancers"][0]
    nothing = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    made = elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=nothing)
    return made["Listeners"][0]["ListenerArn"]


def test_the_template_makes_services_that_the_script_would_leave_as_they_are(aws, target_group, listener, worker_image):
    iam = aws.client("iam")
    role = iam.create_role(RoleName="workers", AssumeRolePolicyDocument=json.dumps(TASKS_MAY_ASSUME))["Role"]["Arn"]
    aws.client("logs").create_log_group(logGroupName="workers")
    parameters = {
        "VpcId": suna.vpc(aws),
        "SubnetIds": ",".join(suna.subnets(aws)),
        "SecurityGroupIds": aws.client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"],
        "ListenerArn": listener,
        "ApiTaskDefinition": "api:1",
        "WorkerImage": worker_image,
        "WorkerLogGroupName": "workers",
        "ExecutionRoleArn": role,
        "TaskRoleArn": role,
    }
    given = [f"{name}={value}" for name, value in parameters.items()]
    template = ROOT / "deploy/deployment-settings.yaml"
    aws.run(
        *["aws", "cloudformation", "deploy", "--template-file", template, "--stack-name", "suna-services"],
        *["--parameter-overrides", *given, "--region", REGION, "--capabilities", "CAPABILITY_IAM"],
    )
    (stack,) = aws.client("cloudformation").describe_stacks(StackName="suna-services")["Stacks"]
    made = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    names = {"api": made["ApiServiceName"], "worker": made["WorkerServiceName"]}
    # The emulator's CloudFormation leaves out the grace period of a new service; all else is as the script wants it.
    grace = f"{made['ApiServiceName']}: healthCheckGracePeriodSeconds is 0, wanted 60"
    assert script(aws, "--dry-run", **names) == grace

    task = f"arn:aws:ecs:{REGION}:{role.split(':')[4]}:task"
    assert allowed(iam, role, f"{task}/{suna.CLUSTER}/0123456789abcdef")
    assert not allowed(iam, role, f"{task}/other/0123456789abcdef")

    wanted = "dramatiq --processes 4 --threads 4 run_agent_background"
    until("a worker runs with four processes of four threads", lambda: wanted in commands_on(aws))
    aws.client("cloudformation").delete_stack(StackName="suna-services")
    until("the worker is gone", lambda: wanted not in commands_on(aws))


def allowed(iam, role, task):
    """Whether the role may protect the task."""
    result = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=["ecs:UpdateTaskProtection"], ResourceArns=[task])[
        "EvaluationResults"
    ]
    return [each["EvalDecision"] for each in result] == ["allowed"]


def commands_on(aws):
    """The commands of the containers that run on the network."""
    return [
        line.strip('"')
        for line in docker("ps", "--no-trunc", "--filter", f"network={aws.network.name}", "--format", "{{.Command}}").splitlines()
    ]
