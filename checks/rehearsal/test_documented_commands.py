"""The commands that people have in their history run as written against the deployed stack, and print what they expect."""

import json
import re
import subprocess

import pytest
import suna
from faults import OF_REDIS, OF_WORKERS
from kit import template
from kit.machine import ROOT, block, programs, run
from localaws import REGION
from scaling import Scaling
from suna import QUEUES

PAGE = "docs/deploying.md"


def command(text, stack):
    """The command of the page that holds the text, as it stands but for the stack's name."""
    paragraphs = re.split(r"\n\n|^# .*\n", block(PAGE, "bash", text), flags=re.MULTILINE)
    (found,) = [each for each in paragraphs if text in each]
    return found.replace("STACK", stack.name)


@pytest.fixture(scope="module")
def shell(over_tls, scaling, stack):
    stack.tick_no_more()

    def answer(line):
        # Each service's own variable goes before the general one.
        environment = over_tls | {"AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": scaling.url}
        return json.loads(run("bash", "-ec", line, env=environment))

    return answer


@pytest.fixture(scope="module")
def scaling():
    with Scaling() as made:
        made.make(template.deploy(ApiServiceName=suna.API, WorkerServiceName=suna.WORKER))
        yield made


def test_the_current_queue_depth(shell, stack, broker):
    content = broker.fill()
    body = shell(f"{command('url=', stack)}\n{command('aws-sigv4', stack)}")
    found = (body["queue_depth"], body["delay_queue_depth"], body["dead_letter_depth"])
    assert found == (content.waiting, content.delayed, content.dead_letters)


def test_the_metrics_are_listed(shell, stack):
    assert stack.tick().error is None
    listed = shell(command("list-metrics", stack))["Metrics"]
    found = {(each["MetricName"], *sorted((d["Name"], d["Value"]) for d in each["Dimensions"])) for each in listed}
    # All brokers serve all queues.
    of_queues = {(metric, ("Queue", queue)) for metric in OF_REDIS if metric != "DramatiqActiveBrokers" for queue in QUEUES}
    expected = {(metric,) for metric in OF_REDIS + OF_WORKERS} | of_queues
    assert found == {(*each, ("Service", "worker")) for each in expected}
    assert {each["Namespace"] for each in listed} == {"Kortix"}


def test_the_scaling_policies_of_the_workers(shell, stack):
    followed = [
        (policy["PolicyName"], policy["PolicyType"])
        for policy in shell(command("describe-scaling-policies", stack))["ScalingPolicies"]
    ]
    assert sorted(followed) == [
        ("worker-cpu-scaling", "TargetTrackingScaling"),
        ("worker-memory-scaling", "TargetTrackingScaling"),
        ("worker-queue-burst-scaling", "StepScaling"),
        ("worker-queue-depth-scaling", "TargetTrackingScaling"),
    ]


def test_the_status_of_the_services(shell, stack):
    assert shell(command("describe-services", stack)) == [
        {"name": suna.API, "desired": 2, "running": 2},
        {"name": suna.WORKER, "desired": 2, "running": 2},
    ]


def test_what_the_last_ticks_counted(over_tls, stack):
    assert stack.tick().error is None
    line = command("filter-log-events", stack)
    said = run("bash", "-ec", line, env=over_tls)
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
    options = ["--subnets", subnet, "--security-groups", group, "--minutes", "1", "--interval", "0"]
    done = subprocess.run([*experiment, *options], env=environment, capture_output=True, text=True, check=False)
    # moto scales nothing, and does not know describe-scaling-activities.
    assert done.stdout.count("desired 2, running 0, high alarm") == 1
    assert (done.stdout.splitlines()[-1], done.returncode) == ("no answer: see what happened above", 1)
    assert "not everything was removed" not in done.stderr
    name = re.match(r"control-law-\d+-\d+", done.stdout)[0]
    ecs, autoscaling = scaling.client("ecs"), scaling.client("application-autoscaling")
    assert ecs.describe_clusters(clusters=[name])["clusters"][0]["status"] == "INACTIVE"
    assert ecs.list_task_definitions(familyPrefix=name)["taskDefinitionArns"] == []
    alarms = scaling.client("cloudwatch").describe_alarms()["MetricAlarms"]
    targets = autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert [made for made in [*alarms, *targets] if name in str(made)] == []
