"""What rings, when, and whom it reaches."""

import re

import pytest
from kit import metrics
from kit.template import deploy

ON_CALL = "arn:aws:sns:us-west-2:123456789012:on-call"
TICKETS = "arn:aws:sns:us-west-2:123456789012:tickets"
ACTIONS = ("AlarmActions", "OKActions")

OWN = "a metric of ours"
PUBLISHER = ("AWS/Lambda", {"FunctionName": "<PublishFunction>"})
QUERY = ("AWS/Lambda", {"FunctionName": "<QueryFunction>"})
RULE = ("AWS/Events", {"RuleName": "<PublishFunctionTick>"})


# Whom it reaches. A cause only belongs to a composite alarm, which tells of all its causes at once.
WAKES, TICKET, CAUSE = "wakes", "ticket", "cause"

# name: voice, of what, metric, statistic, comparison, threshold, minutes that must breach, of how many, missing minutes
ALARMS = {
    "PublisherSilentAlarm": (CAUSE, OWN, "DramatiqBacklogPerWorker", "SampleCount", "<", 1, 3, 3, "breaching"),
    "PublisherErrorsAlarm": (CAUSE, PUBLISHER, "Errors", "Sum", ">=", 1, 3, 5, "notBreaching"),
    "PublisherThrottlesAlarm": (CAUSE, PUBLISHER, "Throttles", "Sum", ">=", 1, 3, 5, "notBreaching"),
    "PublisherDurationAlarm": (CAUSE, PUBLISHER, "Duration", "Maximum", ">", 10000, 3, 5, "notBreaching"),
    "TickDeliveryAlarm": (CAUSE, RULE, "FailedInvocations", "Sum", ">=", 1, 3, 5, "notBreaching"),
    "NewDeadLettersAlarm": (TICKET, OWN, "DramatiqNewDeadLetters", "Maximum", ">=", 1, 1, 1, "notBreaching"),
    "OldestMessageAlarm": (WAKES, OWN, "DramatiqOldestJobAge", "Maximum", ">", "600", 5, 5, "notBreaching"),
    "NoActiveBrokerAlarm": (WAKES, OWN, "DramatiqActiveBrokers", "Maximum", "<", 1, 5, 5, "notBreaching"),
    "WorkersAtMaximumAlarm": (TICKET, OWN, "DramatiqDesiredWorkers", "Minimum", ">=", "20", 15, 15, "notBreaching"),
    "QueryErrorsAlarm": (TICKET, QUERY, "Url5xxCount", "Sum", ">=", 1, 3, 5, "notBreaching"),
    "QueryThrottlesAlarm": (TICKET, QUERY, "Throttles", "Sum", ">=", 1, 3, 5, "notBreaching"),
}
COMPOSITE = {"ScalingBlindAlarm": WAKES, "TicksFailAlarm": TICKET}
VOICES = {name: row[0] for name, row in ALARMS.items()} | COMPOSITE | {"WorkersCannotStartAlarm": WAKES}

COMPARISONS = {
    "<": "LessThanThreshold",
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
}


def without(alarm, *keys):
    return {key: value for key, value in alarm.items() if key not in (*keys, *ACTIONS, "AlarmDescription")}


@pytest.mark.parametrize(("space", "service"), [("Kortix", "worker"), ("Suna", "w")])
@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_rings_when_it_should(name, space, service):
    _, of, metric, statistic, comparison, threshold, breaching, minutes, missing = ALARMS[name]
    namespace, dimensions = (space, {metrics.dimensions()[0]: service}) if of == OWN else of
    # A unit that is not the published one would find no datum; AWS tells none of its own.
    unit = {"Unit": metrics.units()[metric]} if of == OWN else {}
    assert without(deploy(MetricNamespace=space, ServiceName=service)[name]) == unit | {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Statistic": statistic,
        "Period": 60,
        "ComparisonOperator": COMPARISONS[comparison],
        "Threshold": threshold,
        "DatapointsToAlarm": breaching,
        "EvaluationPeriods": minutes,
        "TreatMissingData": missing,
    }


def watched(id_, metric, namespace, service):
    """A metric of ours in the mathematics of an alarm."""
    dimensions = [{"Name": metrics.dimensions()[0], "Value": service}]
    of = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    statistic = {"Metric": of, "Period": 60, "Stat": "Average", "Unit": metrics.units()[metric]}
    return {"Id": id_, "ReturnData": False, "MetricStat": statistic}


def test_workers_cannot_start_if_fewer_run_than_are_desired_for_10_minutes():
    alarm = deploy(MetricNamespace="Suna", ServiceName="w")["WorkersCannotStartAlarm"]
    assert without(alarm) == {
        "Metrics": [
            {"Id": "missing", "Label": "workers missing", "Expression": "desired - running"},
            watched("desired", "DramatiqDesiredWorkers", "Suna", "w"),
            watched("running", "DramatiqRunningWorkers", "Suna", "w"),
        ],
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "DatapointsToAlarm": 10,
        "EvaluationPeriods": 10,
        "TreatMissingData": "notBreaching",
    }


def causes(rule):
    """The alarms of a rule that is nothing but an OR of alarms."""
    parts = [re.fullmatch(r'ALARM\("<(\w+)>"\)', part) for part in rule.split(" OR ")]
    assert all(parts), rule
    return {part[1] for part in parts}


def test_scaling_is_blind_without_a_number_or_without_ticks():
    rule = deploy()["ScalingBlindAlarm"]["AlarmRule"]
    assert causes(rule) == {"PublisherSilentAlarm", "PublisherThrottlesAlarm", "TickDeliveryAlarm"}


def test_ticks_fail_if_they_err_or_take_long_unless_scaling_is_blind():
    alarm = deploy()["TicksFailAlarm"]
    assert causes(alarm["AlarmRule"]) == {"PublisherErrorsAlarm", "PublisherDurationAlarm"}
    assert alarm["ActionsSuppressor"] == "<ScalingBlindAlarm.Arn>"
    assert (alarm["ActionsSuppressorWaitPeriod"], alarm["ActionsSuppressorExtensionPeriod"]) == (300, 300)


@pytest.mark.parametrize("name", [name for name, voice in VOICES.items() if voice != CAUSE])
def test_an_alarm_that_somebody_gets_tells_what_it_means_and_what_to_decide(name):
    description = deploy()[name]["AlarmDescription"]
    meaning, _, decision = description.partition(" Decide: whether ")
    assert len(meaning) > 40
    assert len(decision) > 40
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert len(description) <= 1024


@pytest.mark.parametrize("name", [name for name, voice in VOICES.items() if voice == CAUSE])
def test_a_cause_tells_which_alarm_tells_somebody(name):
    description = deploy()[name]["AlarmDescription"]
    (told_by,) = [composite for composite in COMPOSITE if name in causes(deploy()[composite]["AlarmRule"])]
    assert re.search(rf"\b{told_by} tells somebody\.", description)


@pytest.mark.parametrize(
    ("given", "wakes", "ticket"),
    [
        ({"AlarmTopicArn": ON_CALL, "TicketTopicArn": TICKETS}, [ON_CALL], [TICKETS]),
        ({"AlarmTopicArn": ON_CALL}, [ON_CALL], [ON_CALL]),
        ({}, None, None),
    ],
    ids=["two topics", "one topic", "no topic"],
)
def test_a_topic_takes_what_wakes_or_what_can_wait_when_it_begins_and_when_it_is_over(given, wakes, ticket):
    told = {WAKES: wakes, TICKET: ticket, CAUSE: None}
    found = {name: [alarm.get(key) for key in ACTIONS] for name, alarm in deploy(**given).alarms.items()}
    assert found == {name: [told[voice]] * 2 for name, voice in VOICES.items()}


@pytest.mark.parametrize(
    ("given", "name", "threshold"),
    [({"WorkerMaxCapacity": 8}, "WorkersAtMaximumAlarm", "8"), ({"OldestJobAgeThreshold": 60}, "OldestMessageAlarm", "60")],
)
def test_an_alarm_follows_its_setting(given, name, threshold):
    assert deploy(**given)[name]["Threshold"] == threshold


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"WorkerMinCapacity": 4, "WorkerMaxCapacity": 4}, "WorkersAtMaximumAlarm"),
        ({"ManageWorkerScaling": "false"}, "WorkersAtMaximumAlarm"),
        ({"OldestJobAge": "false"}, "OldestMessageAlarm"),
        ({"QueryAuthType": "OFF"}, "QueryErrorsAlarm"),
    ],
)
def test_there_is_no_alarm_for_what_cannot_happen(given, name):
    assert deploy(**given).alarms.keys() == VOICES.keys() - {name}


def test_the_alarm_of_the_duration_rings_before_lambda_stops_the_tick_and_says_when_that_is():
    stack = deploy()
    alarm, timeout = stack["PublisherDurationAlarm"], stack["PublishFunction"]["Timeout"]
    assert alarm["Threshold"] < timeout * 1000
    assert f"Lambda stops them after {timeout} s." in alarm["AlarmDescription"]
