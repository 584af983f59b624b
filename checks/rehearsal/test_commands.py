"""The commands that people have in their history run as written against the deployed stack, and print what they expect."""

import json
import re
import subprocess

import boto3
import pytest
import suna
from botocore.exceptions import EndpointConnectionError
from deployed import QUEUES
from faults import OF_REDIS, OF_WORKERS
from kit import template
from kit.machine import ROOT, block, free_port, programs, run, until
from localaws import REGION

PAGE = "docs/deploying.md"


def command(text, stack):
    """The command of the page that holds the text, as it stands but for the stack's name."""
    paragraphs = re.split(r"\n\n|^# .*\n", block(PAGE, "bash", text), flags=re.MULTILINE)
    (found,) = [each for each in paragraphs if text in each]
    return found.replace("STACK", stack.name)


@pytest.fixture(scope="module")
def shell(account, account_over_tls, scaling):
    def answer(line):
        # Each service's own variable goes before the general one.
        environment = account_over_tls | {"AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": scaling.url}
        return json.loads(run("bash", "-ec", line, env=environment))

    return answer


class Scaling:
    """Application Auto Scaling in moto, since MiniStack has none."""

    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
        program = [
            programs("rehearsal/requirements-tests.txt") / "moto_server",
            "-H",
            "127.0.0.1",
            "-p",
            self.url.rpartition(":")[2],
        ]
        self.process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def make(self, evaluated):
        """What CloudFormation would make of the scaling resources of the template."""
        # moto looks for the services in its own ECS.
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName=suna.CLUSTER)
        ecs.register_task_definition(family="any", containerDefinitions=[{"name": "any", "image": "any", "memory": 512}])
        for service in (suna.API, suna.WORKER):
            ecs.create_service(cluster=suna.CLUSTER, serviceName=service, taskDefinition="any", desiredCount=2)
        autoscaling = self.client("application-autoscaling")
        targets = evaluated.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
        for target in targets.values():
            autoscaling.register_scalable_target(**_numbers(target))
        for policy in evaluated.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values():
            target = targets[policy.pop("ScalingTargetId").strip("<>")]
            scaled = {key: target[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
            autoscaling.put_scaling_policy(**scaled, **_numbers(policy))


def _numbers(value):
    """With numbers where CloudFormation takes a parameter's text for one."""
    if isinstance(value, dict):
        return {key: _numbers(child) for key, child in value.items()}
    return int(value) if isinstance(value, str) and value.isdigit() else value


@pytest.fixture(scope="module")
def scaling():
    made = Scaling()
    try:
        until("moto answers", lambda: _answers(made), seconds=60)
        made.make(template.deploy(ApiServiceName=suna.API, WorkerServiceName=suna.WORKER))
        yield made
    finally:
        made.process.terminate()
        made.process.wait()


def _answers(made):
    assert made.process.poll() is None, "moto_server has ended"
    try:
        return made.client("ecs").list_clusters()
    except EndpointConnectionError:
        return False


def test_the_current_queue_depth(shell, stack, known_at_the_url):
    body = shell(f"{command('url=', stack)}\n{command('aws-sigv4', stack)}")
    assert list(body)[:4] == ["queue_depth", "delay_queue_depth", "dead_letter_depth", "timestamp"]
    assert (body["queue_depth"], body["delay_queue_depth"]) == (known_at_the_url["waiting"], known_at_the_url["delayed"])
    assert body["dead_letter_depth"] == known_at_the_url["dead_letters"]


@pytest.fixture
def known_at_the_url(broker):
    return broker.fill()["knows"]


def test_the_metrics_are_listed(shell, stack):
    assert stack.tick() is None
    listed = shell(command("list-metrics", stack))["Metrics"]
    service = {"Name": "Service", "Value": "worker"}
    assert {"Namespace": "Kortix", "MetricName": "DramatiqQueueDepth", "Dimensions": [service]} in listed
    assert {each["MetricName"] for each in listed} == set(OF_REDIS + OF_WORKERS)
    # All brokers serve all queues.
    assert len(listed) == len(OF_REDIS + OF_WORKERS) + (len(OF_REDIS) - 1) * len(QUEUES)


def test_the_scaling_policies_of_the_workers(shell, stack):
    policies = {each["PolicyName"]: each for each in shell(command("describe-scaling-policies", stack))["ScalingPolicies"]}
    assert policies.keys() == {
        "worker-cpu-scaling",
        "worker-memory-scaling",
        "worker-queue-burst-scaling",
        "worker-queue-depth-scaling",
    }
    followed = policies["worker-queue-depth-scaling"]
    assert followed["PolicyType"] == "TargetTrackingScaling"
    assert followed["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 10,
        "ScaleOutCooldown": 30,
        "ScaleInCooldown": 300,
        "CustomizedMetricSpecification": {
            "Namespace": "Kortix",
            "MetricName": "DramatiqBacklogPerWorker",
            "Dimensions": [{"Name": "Service", "Value": "worker"}],
            "Statistic": "Average",
            "Unit": "Count",
        },
    }


def test_the_bounds_of_both_services(scaling):
    found = scaling.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    bounds = {each["ResourceId"]: (each["MinCapacity"], each["MaxCapacity"]) for each in found["ScalableTargets"]}
    assert bounds == {f"service/suna-ecs/{suna.API}": (2, 12), f"service/suna-ecs/{suna.WORKER}": (2, 20)}


def test_the_status_of_the_services(shell, stack):
    assert shell(command("describe-services", stack)) == [
        {"name": suna.API, "desired": 2, "running": 2},
        {"name": suna.WORKER, "desired": 2, "running": 2},
    ]


def test_what_the_last_ticks_counted(account_over_tls, stack):
    assert stack.tick() is None
    line = command("filter-log-events", stack)
    said = run("bash", "-ec", line, env=account_over_tls)
    # The emulator pays no heed to the pattern, and gives the log's other lines too.
    ticks = [json.loads(each) for each in re.split(r"[\t\n]", said) if each.startswith('{"event":"tick"')]
    assert ticks[-1]["published"] is True


def test_the_experiment_on_the_control_law_makes_and_removes_everything(scaling):
    ec2 = scaling.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    # AWS takes the VPC's default group if none is named.
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    bin_folder = programs("rehearsal/requirements-tests.txt")
    environment = {
        "PATH": f"{bin_folder}:/usr/bin:/bin",
        "AWS_ENDPOINT_URL": scaling.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
    }
    experiment = [bin_folder / "python", ROOT / "deploy/control-law.py"]
    options = ["--subnets", subnet, "--security-groups", group, "--minutes", "2", "--interval", "0"]
    done = subprocess.run([*experiment, *options], env=environment, capture_output=True, text=True, check=False)
    # moto scales nothing, and does not know describe-scaling-activities.
    assert done.stdout.count("desired 2, running 0, high alarm") == 2
    assert (done.stdout.splitlines()[-1], done.returncode) == ("no answer: see what happened above", 1)
    assert "not everything was removed" not in done.stderr
    name = re.match(r"control-law-\d+-\d+", done.stdout)[0]
    ecs, autoscaling = scaling.client("ecs"), scaling.client("application-autoscaling")
    assert ecs.describe_clusters(clusters=[name])["clusters"][0]["status"] == "INACTIVE"
    assert ecs.list_task_definitions(familyPrefix=name)["taskDefinitionArns"] == []
    alarms = scaling.client("cloudwatch").describe_alarms()["MetricAlarms"]
    targets = autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert [made for made in [*alarms, *targets] if name in str(made)] == []
