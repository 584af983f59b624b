"""How the two services are scaled."""

import re

import pytest
from cfnlint.api import lint
from kit import metrics
from kit.machine import ROOT
from kit.pages import DOCS
from kit.template import deploy
from test_alarms import watched, without

API = {"ApiScalableTarget", "ApiCpuScaling", "ApiMemoryScaling"}
BURST = {"WorkerBurstScaling", "WorkerBurstAlarm"}
WORKER = {"WorkerScalableTarget", "WorkerCpuScaling", "WorkerMemoryScaling", "WorkerQueueScaling"} | BURST


def made(stack):
    scaling = {name for name, r in stack.resources.items() if r["Type"].startswith("AWS::ApplicationAutoScaling::")}
    return scaling | stack.resources.keys() & {"WorkerBurstAlarm"}


def configuration(stack, policy):
    return stack[policy]["TargetTrackingScalingPolicyConfiguration"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, API | WORKER),
        ({"ManageApiScaling": "false"}, WORKER),
        ({"ManageWorkerScaling": "false"}, API),
        ({"ManageApiScaling": "false", "ManageWorkerScaling": "false"}, set()),
        ({"BurstScaling": "false"}, API | WORKER - BURST),
    ],
)
def test_each_service_is_scaled_only_where_the_stack_is_to_do_it(given, expected):
    assert made(deploy(**given)) == expected


@pytest.mark.parametrize(
    ("service", "id_", "given", "least", "most"),
    [
        ("Api", "suna-api-svc-5643fd4", {}, "2", "12"),
        ("Api", "suna-api-svc-5643fd4", {"ApiMinCapacity": 3, "ApiMaxCapacity": 4}, "3", "4"),
        ("Worker", "suna-worker-svc-8b51da8", {}, "2", "20"),
        ("Worker", "suna-worker-svc-8b51da8", {"WorkerMinCapacity": 40, "WorkerMaxCapacity": 60}, "40", "60"),
    ],
)
def test_a_service_keeps_within_its_capacities(service, id_, given, least, most):
    assert deploy(**given)[f"{service}ScalableTarget"] == {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": f"service/suna-ecs/{id_}",
        "MinCapacity": least,
        "MaxCapacity": most,
    }


def target_tracking(name, service, **configuration):
    return {
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": f"<{service}ScalableTarget>",
        "TargetTrackingScalingPolicyConfiguration": configuration,
    }


@pytest.mark.parametrize("service", ["Api", "Worker"])
@pytest.mark.parametrize(
    ("given", "kind", "metric", "value"),
    [
        ({}, "Cpu", "CPUUtilization", "90"),
        ({}, "Memory", "MemoryUtilization", "90"),
        ({"CpuTarget": 70}, "Cpu", "CPUUtilization", "70"),
        ({"MemoryTarget": 80}, "Memory", "MemoryUtilization", "80"),
    ],
)
def test_cpu_and_memory_are_held_at_their_targets(service, given, kind, metric, value):
    # The memory of a worker hardly falls, and every policy with scale-in enabled must agree to a scale-in.
    silent = {"DisableScaleIn": True} if (service, kind) == ("Worker", "Memory") else {}
    assert deploy(**given)[f"{service}{kind}Scaling"] == target_tracking(
        f"{service.lower()}-{kind.lower()}-scaling",
        service,
        PredefinedMetricSpecification={"PredefinedMetricType": f"ECSServiceAverage{metric}"},
        TargetValue=value,
        ScaleOutCooldown="30",
        ScaleInCooldown="300",
        **silent,
    )


OTHER = {"QueueTarget": 7, "ScaleOutCooldown": 20, "ScaleInCooldown": 600, "MetricNamespace": "Suna", "ServiceName": "w"}


@pytest.mark.parametrize("followed", ["BacklogPerWorker", "QueueDepth"])
@pytest.mark.parametrize(
    ("given", "namespace", "service", "value", "out", "in_"),
    [({}, "Kortix", "worker", "10", "30", "300"), (OTHER, "Suna", "w", "7", "20", "600")],
    ids=["by default", "otherwise"],
)
def test_the_workers_follow_the_chosen_metric_as_it_is_published(followed, given, namespace, service, value, out, in_):
    specification = {
        "Namespace": namespace,
        "MetricName": f"Dramatiq{followed}",
        "Dimensions": [{"Name": metrics.dimensions()[0], "Value": service}],
        "Statistic": "Average",
        "Unit": metrics.units()[f"Dramatiq{followed}"],
    }
    assert deploy(QueueScalingMetric=followed, **given)["WorkerQueueScaling"] == target_tracking(
        "worker-queue-depth-scaling",
        "Worker",
        CustomizedMetricSpecification=specification,
        TargetValue=value,
        ScaleOutCooldown=out,
        ScaleInCooldown=in_,
    )


def test_a_burst_adds_workers_after_one_minute_by_as_much_as_target_tracking_would_after_three():
    policy = deploy()["WorkerBurstScaling"]
    assert (policy["PolicyName"], policy["PolicyType"]) == ("worker-queue-burst-scaling", "StepScaling")
    assert policy["ScalingTargetId"] == "<WorkerScalableTarget>"
    steps = policy["StepScalingPolicyConfiguration"]
    assert (steps["AdjustmentType"], steps["Cooldown"]) == ("PercentChangeInCapacity", 60)
    threshold = deploy()["WorkerBurstAlarm"]["Threshold"]
    lower = [step["MetricIntervalLowerBound"] for step in steps["StepAdjustments"]]
    upper = [step.get("MetricIntervalUpperBound") for step in steps["StepAdjustments"]]
    # No gap, and no end.
    assert lower == [0, *upper[:-1]]
    assert upper[-1] is None
    # A backlog of N targets wants N times the workers.
    assert [step["ScalingAdjustment"] for step in steps["StepAdjustments"]] == [100 * (threshold + bound - 1) for bound in lower]


@pytest.mark.parametrize("followed", ["BacklogPerWorker", "QueueDepth"])
def test_the_burst_alarm_counts_the_backlog_per_worker_in_targets_over_one_minute(followed):
    alarm = deploy(QueueScalingMetric=followed, QueueTarget=7, MetricNamespace="Suna", ServiceName="w")["WorkerBurstAlarm"]
    assert without(alarm) == {
        "Metrics": [
            {"Id": "targets", "Label": "backlog per worker / QueueTarget", "Expression": "backlog / 7"},
            watched("backlog", "DramatiqBacklogPerWorker", "Suna", "w"),
        ],
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 2,
        "DatapointsToAlarm": 1,
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
    }


def test_the_burst_alarm_adds_workers_and_tells_nobody():
    alarm = deploy(AlarmTopicArn="arn:aws:sns:us-west-2:123456789012:on-call")["WorkerBurstAlarm"]
    assert (alarm["AlarmActions"], "OKActions" in alarm) == (["<WorkerBurstScaling>"], False)


def table(heading):
    """The cells of the first table under a heading of docs/deploying.md, row by row, by the first."""
    section = (DOCS / "deploying.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in rows}


def test_the_page_tells_what_scales_a_service_out_and_in():
    said = table("How the services scale")
    stack = deploy()
    targets = [stack["ApiScalableTarget"], stack["WorkerScalableTarget"]]
    assert said["minimum"] == [target["MinCapacity"] for target in targets]
    assert said["maximum"] == [target["MaxCapacity"] for target in targets]
    out, agree = {"Api": [], "Worker": []}, {"Api": [], "Worker": []}
    names = {"Cpu": "CPU {} {:g} %", "Memory": "memory {} {:g} %", "Queue": "backlog per worker {} {:g}"}
    for service in out:
        for kind, words in names.items():
            if f"{service}{kind}Scaling" in stack:
                tracking = configuration(stack, f"{service}{kind}Scaling")
                target = float(tracking["TargetValue"])
                out[service].append(words.format(">", target))
                if not tracking.get("DisableScaleIn"):
                    # What target tracking's low alarms of ECS services are seen to have.
                    agree[service].append(words.format("<", 0.9 * target))
    burst = stack["WorkerBurstAlarm"]["Threshold"] * float(configuration(stack, "WorkerQueueScaling")["TargetValue"])
    out["Worker"].append(f"in one minute > {burst:g}")
    assert said["scale out if any is"] == [", ".join(each) for each in out.values()]
    assert said["scale in if all are"] == [", ".join(each) for each in agree.values()]


def test_the_scheduled_minimum_of_the_page_is_a_property_that_the_target_takes():
    (block,) = re.findall(r"^```yaml\n(      ScheduledActions:\n.*?)^```$", (DOCS / "deploying.md").read_text(), re.M | re.S)
    source = (ROOT / "template.yaml").read_text()
    place = "      MaxCapacity: !Ref WorkerMaxCapacity\n"
    assert source.count(place) == 1
    assert [str(match) for match in lint(source.replace(place, place + block), regions=["us-west-2"])] == []
