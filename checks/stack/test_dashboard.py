"""What one sees."""

import re

import pytest
from kit import metrics
from kit.template import deploy

CONFIGURATIONS = [
    {},
    {"PerQueueMetrics": "true"},
    {"QueueScalingMetric": "QueueDepth"},
    {"QueryAuthType": "OFF"},
    {"OldestJobAge": "false"},
    {"ManageApiScaling": "false", "ManageWorkerScaling": "false"},
    {"ManageApiScaling": "false", "ApiServiceName": ""},
    {"WorkerMinCapacity": 3, "WorkerMaxCapacity": 3},
    {"BurstScaling": "false"},
]


def graphs(stack):
    return {w["properties"]["title"]: w["properties"] for w in stack.dashboard["widgets"] if w["type"] == "metric"}


def lines(graph):
    """Namespace, metric and dimensions of each line."""
    for entry in graph["metrics"]:
        if isinstance(entry[0], str):
            namespace, metric, *rest = [part for part in entry if isinstance(part, str)]
            yield namespace, metric, dict(zip(rest[::2], rest[1::2], strict=True))


def all_lines(stack):
    return [line for graph in graphs(stack).values() for line in lines(graph)]


def marks(graph):
    return {mark["label"]: mark["value"] for mark in graph.get("annotations", {}).get("horizontal", [])}


@pytest.mark.parametrize("given", CONFIGURATIONS, ids=str)
def test_widgets_fill_the_24_columns_without_overlapping(given):
    covered = [
        (y, x)
        for widget in deploy(**given).dashboard["widgets"]
        for y in range(widget["y"], widget["y"] + widget["height"])
        for x in range(widget["x"], widget["x"] + widget["width"])
    ]
    assert sorted(covered) == [(y, x) for y in range(max(covered)[0] + 1) for x in range(24)]


@pytest.mark.parametrize("given", CONFIGURATIONS, ids=str)
def test_every_alarm_that_is_made_is_shown(given):
    stack = deploy(**given)
    (alarms,) = [w["properties"]["alarms"] for w in stack.dashboard["widgets"] if w["type"] == "alarm"]
    assert sorted(alarms) == sorted(f"<{name}.Arn>" for name in stack.alarms)


@pytest.mark.parametrize(("namespace", "service"), [("Kortix", "worker"), ("Suna", "dramatiq")])
def test_every_metric_of_ours_is_shown_as_it_is_published_and_no_other(namespace, service):
    shown = all_lines(deploy(MetricNamespace=namespace, ServiceName=service))
    assert {line[0] for line in shown} == {namespace, "AWS/ECS", "AWS/Lambda", "AWS/Events"}
    own = [(metric, dimensions) for space, metric, dimensions in shown if space == namespace]
    assert sorted({metric for metric, _ in own}) == sorted(metrics.units())
    assert {tuple(dimensions.items()) for _, dimensions in own} == {((metrics.dimensions()[0], service),)}


def test_an_axis_names_the_unit_of_what_it_shows():
    units = {"messages": "Count", "messages per worker": "Count", "tasks": "Count", "brokers": "Count"}
    units |= {"new in a minute": "Count", "kept": "Count", "seconds": "Seconds"}
    shown = set()
    for title, graph in graphs(deploy()).items():
        for namespace, metric, _ in lines(graph):
            if namespace == "Kortix" and graph["view"] == "timeSeries":
                assert {units[axis["label"]] for axis in graph["yAxis"].values()} == {metrics.units()[metric]}, title
                shown.add(metric)
    assert sorted(shown) == sorted(metrics.units())


@pytest.mark.parametrize(
    ("given", "services"),
    [
        ({}, ["suna-api-svc-5643fd4", "suna-worker-svc-8b51da8"]),
        ({"ManageApiScaling": "false", "ApiServiceName": ""}, ["suna-worker-svc-8b51da8"]),
    ],
    ids=str,
)
def test_cpu_and_memory_of_each_service_are_shown(given, services):
    stack = deploy(**given)
    shown = [(metric, dimensions) for namespace, metric, dimensions in all_lines(stack) if namespace == "AWS/ECS"]
    assert sorted(shown, key=str) == [
        (metric, {"ClusterName": "suna-ecs", "ServiceName": service})
        for metric in ("CPUUtilization", "MemoryUtilization")
        for service in services
    ]
    assert ("API: CPU and memory" in graphs(stack)) == (len(services) == 2)


ANSWERS = {"UrlRequestCount", "Url4xxCount", "Url5xxCount"}


@pytest.mark.parametrize(("given", "answers"), [({}, ANSWERS), ({"QueryAuthType": "OFF"}, {"Invocations", "Errors"})], ids=str)
def test_the_health_of_functions_and_rule_is_shown(given, answers):
    health = {(m, *d.values()) for namespace, m, d in all_lines(deploy(**given)) if namespace in ("AWS/Lambda", "AWS/Events")}
    publisher = {(metric, "<PublishFunction>") for metric in ("Invocations", "Errors", "Throttles", "Duration")}
    query = {(metric, "<QueryFunction>") for metric in (*answers, "Throttles", "Duration")}
    assert health == publisher | query | {("FailedInvocations", "<PublishFunctionTick>")}


BACKLOG, DEPTH, AGE = "Backlog per worker: (waiting + in flight) / running workers", "Messages", "Oldest waiting message"
WORKERS, LOAD, API = "Workers: running and desired", "Workers: CPU and memory", "API: CPU and memory"
BOUNDS = {"WorkerMinCapacity": 3, "WorkerMaxCapacity": 9}
TARGETS = {"CpuTarget": 70, "MemoryTarget": 80}
# The labels of two marks at one value would cover each other.
EQUAL = {"CpuTarget": 75, "MemoryTarget": 75}
UNSCALED = {"ManageApiScaling": "false", "ManageWorkerScaling": "false"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"QueueTarget": 7}, {BACKLOG: {"target": 7}, DEPTH: {}}),
        ({"QueueTarget": 7, "QueueScalingMetric": "QueueDepth"}, {BACKLOG: {}, DEPTH: {"target of waiting": 7}}),
        (BOUNDS, {WORKERS: {"maximum": 9, "minimum": 3}}),
        (TARGETS, {graph: {"CPU target": 70, "memory target": 80} for graph in (LOAD, API)}),
        (EQUAL, {graph: {"target of both": 75} for graph in (LOAD, API)}),
        (UNSCALED, {graph: {} for graph in (WORKERS, LOAD, API, DEPTH, BACKLOG)}),
        ({"OldestJobAgeThreshold": 60}, {AGE: {"alarm": 60}}),
        ({"OldestJobAge": "false"}, {AGE: {}}),
    ],
    ids=str,
)
def test_bounds_and_targets_are_drawn_where_they_act(given, expected):
    drawn = graphs(deploy(**given))
    assert {title: marks(drawn[title]) for title in expected} == expected


def test_the_burst_threshold_is_drawn_as_a_line_beside_the_backlog_per_worker():
    stack = deploy(QueueTarget=7)
    (line,) = [entry[0] for entry in graphs(stack)[BACKLOG]["metrics"] if isinstance(entry[0], dict)]
    threshold = stack["WorkerBurstAlarm"]["Threshold"]
    assert line == {"expression": f"TIME_SERIES(7) * {threshold}", "label": "burst above"}
    assert "TIME_SERIES" not in str(deploy(BurstScaling="false").dashboard)


def test_each_queue_is_shown_only_where_its_metrics_are_published():
    shown = [entry[0] for graph in graphs(deploy(PerQueueMetrics="true")).values() for entry in graph["metrics"]]
    expressions = [entry["expression"] for entry in shown if isinstance(entry, dict)]
    searches = [expression for expression in expressions if expression.startswith("SEARCH")]
    pattern = r"""SEARCH\('\{(.+)} MetricName="(\w+)" Service="worker"', '(\w+)', 60\)"""
    schema = ",".join(["Kortix", *sorted(metrics.dimensions())])
    assert [re.fullmatch(pattern, search).groups() for search in searches] == [
        (schema, "DramatiqQueueDepth", "Average"),
        (schema, "DramatiqOldestJobAge", "Maximum"),
        (schema, "DramatiqDeadLetters", "Maximum"),
    ]
    assert "SEARCH" not in str(deploy().dashboard)


def test_every_graph_shows_minutes_of_this_region_from_0_up():
    for title, graph in graphs(deploy(PerQueueMetrics="true")).items():
        assert graph["region"] == "us-west-2"
        if graph["view"] == "timeSeries":
            # The axis has the unit as its label.
            assert {(axis["min"], axis["showUnits"]) for axis in graph["yAxis"].values()} == {(0, False)}, title
        if isinstance(graph["metrics"][0][0], str):
            assert graph["period"] == 60, title


def test_what_is_counted_is_summed_and_what_is_measured_is_not():
    counted = ANSWERS | {"Invocations", "Errors", "Throttles", "FailedInvocations"}
    for title, graph in graphs(deploy()).items():
        for entry in [entry for entry in graph["metrics"] if isinstance(entry[0], str)]:
            statistic = entry[-1].get("stat", graph.get("stat"))
            assert (statistic == "Sum") == (entry[1] in counted), (title, entry)


def test_the_dashboard_has_a_name_of_its_own_in_each_region():
    assert deploy()["Dashboard"]["DashboardName"] == "queue-metrics-us-west-2"
