"""What rings, when, and whom it reaches."""

import re

import pytest
from kit import metrics
from kit.template import deploy

ON_CALL = "arn:aws:sns:us-west-2:123456789012:on-call"
TICKETS = "arn:aws:sns:us-west-2:123456789012:tickets"

OWN = ("Kortix", {"Service": "worker"})
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


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_rings_when_it_should(name):
    _, (namespace, dimensions), metric, statistic, comparison, threshold, breaching, minutes, missing = ALARMS[name]
    alarm = deploy()[name]
    assert (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == dimensions
    assert (alarm["Statistic"], alarm["Period"]) == (statistic, 60)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (COMPARISONS[comparison], threshold)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (breaching, minutes)
    assert alarm["TreatMissingData"] == missing


def test_workers_cannot_start_if_fewer_run_than_are_desired_for_10_minutes():
    alarm = deploy(MetricNamespace="Suna", ServiceName="w")["WorkersCannotStartAlarm"]
    (missing, *watched) = alarm["Metrics"]
    assert missing["Expression"] == "desired - running"
    assert {each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in watched} == {
        "desired": "DramatiqDesiredWorkers",
        "running": "DramatiqRunningWorkers",
    }
    for each in watched:
        assert each["ReturnData"] is False
        assert each["MetricStat"]["Metric"]["Namespace"] == "Suna"
        assert each["MetricStat"]["Metric"]["Dimensions"] == [{"Name": metrics.dimensions()[0], "Value": "w"}]
        assert (each["MetricStat"]["Period"], each["MetricStat"]["Stat"]) == (60, "Average")
        assert each["MetricStat"]["Unit"] == metrics.units()[each["MetricStat"]["Metric"]["MetricName"]]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (10, 10)
    assert alarm["TreatMissingData"] == "notBreaching"


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


@pytest.mark.parametrize("name", [name for name, (_, of, *_) in ALARMS.items() if of == OWN])
def test_an_alarm_on_a_metric_of_ours_has_the_unit_and_dimension_that_are_published(name):
    alarm = deploy()[name]
    assert alarm["Unit"] == metrics.units()[alarm["MetricName"]]
    assert [d["Name"] for d in alarm["Dimensions"]] == metrics.dimensions()[:1]


def test_an_alarm_on_a_metric_of_aws_asks_for_no_unit():
    # A unit that AWS does not publish would find no datum.
    assert [name for name in ALARMS if deploy()[name]["Namespace"] != "Kortix" and "Unit" in deploy()[name]] == []


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


def told(stack):
    """Whom each alarm tells when it rings, and the same when it is over."""
    actions = {name: [alarm.get(key) for key in ("AlarmActions", "OKActions")] for name, alarm in stack.alarms.items()}
    assert [name for name, (rings, ends) in actions.items() if rings != ends] == []
    return {name: rings for name, (rings, _) in actions.items()}


def test_two_topics_take_what_wakes_and_what_can_wait():
    voices = {WAKES: [ON_CALL], TICKET: [TICKETS], CAUSE: None}
    assert told(deploy(AlarmTopicArn=ON_CALL, TicketTopicArn=TICKETS)) == {n: voices[v] for n, v in VOICES.items()}


def test_one_topic_takes_both():
    voices = {WAKES: [ON_CALL], TICKET: [ON_CALL], CAUSE: None}
    assert told(deploy(AlarmTopicArn=ON_CALL)) == {name: voices[voice] for name, voice in VOICES.items()}


def test_without_topic_nobody_is_told():
    assert set(told(deploy()).values()) == {None}


def test_the_alarm_at_the_maximum_follows_the_maximum():
    assert deploy(WorkerMaxCapacity=8)["WorkersAtMaximumAlarm"]["Threshold"] == "8"


def test_a_fleet_that_cannot_grow_has_no_alarm_at_its_maximum():
    assert "WorkersAtMaximumAlarm" not in deploy(WorkerMinCapacity=4, WorkerMaxCapacity=4)
    assert "WorkersAtMaximumAlarm" not in deploy(ManageWorkerScaling="false")


def test_the_alarm_on_the_age_follows_its_threshold():
    assert deploy(OldestJobAgeThreshold=60)["OldestMessageAlarm"]["Threshold"] == "60"


def test_without_ages_there_is_no_alarm_on_them():
    assert deploy(OldestJobAge="false").alarms.keys() == VOICES.keys() - {"OldestMessageAlarm"}


def test_without_a_url_there_is_no_alarm_for_its_answers():
    assert deploy(QueryAuthType="OFF").alarms.keys() == VOICES.keys() - {"QueryErrorsAlarm"}


def test_alarms_follow_namespace_and_service():
    alarms = deploy(MetricNamespace="Suna", ServiceName="w").alarms
    own = {name for name in ALARMS if alarms[name]["Namespace"] == "Suna"}
    assert own == {name for name, (_, of, *_) in ALARMS.items() if of == OWN}
    assert {alarms[name]["Dimensions"][0]["Value"] for name in own} == {"w"}


def test_the_alarm_of_the_duration_rings_before_lambda_stops_the_tick_and_says_when_that_is():
    stack = deploy()
    alarm, timeout = stack["PublisherDurationAlarm"], stack["PublishFunction"]["Timeout"]
    assert alarm["Threshold"] < timeout * 1000
    assert f"Lambda stops them after {timeout} s." in alarm["AlarmDescription"]
