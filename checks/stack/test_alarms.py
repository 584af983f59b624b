"""What rings, and when."""

import metrics
import pytest
from stack import deploy

TOPIC = "arn:aws:sns:us-west-2:123456789012:on-call"

OWN = ("Kortix", {"Service": "worker"})
PUBLISHER = ("AWS/Lambda", {"FunctionName": "<PublishFunction>"})
QUERY = ("AWS/Lambda", {"FunctionName": "<QueryFunction>"})
RULE = ("AWS/Events", {"RuleName": "<PublishFunctionTick>"})
LETTERS = ("AWS/SQS", {"QueueName": "<TickDeadLetterQueue.QueueName>"})

# name: of what, metric, statistic, comparison, threshold, minutes that must breach, of how many, missing minutes
ALARMS = {
    "PublisherSilentAlarm": (OWN, "DramatiqBacklogPerWorker", "SampleCount", "<", 1, 5, 5, "breaching"),
    "PublisherErrorsAlarm": (PUBLISHER, "Errors", "Sum", ">=", 1, 3, 5, "notBreaching"),
    "PublisherThrottlesAlarm": (PUBLISHER, "Throttles", "Sum", ">=", 1, 3, 5, "notBreaching"),
    "PublisherDurationAlarm": (PUBLISHER, "Duration", "Maximum", ">", 10000, 3, 5, "notBreaching"),
    "TickDeliveryAlarm": (RULE, "FailedInvocations", "Sum", ">=", 1, 1, 1, "notBreaching"),
    "TickDeadLetterAlarm": (LETTERS, "ApproximateNumberOfMessagesVisible", "Maximum", ">=", 1, 1, 1, "notBreaching"),
    "NewDeadLettersAlarm": (OWN, "DramatiqNewDeadLetters", "Maximum", ">=", 1, 1, 1, "notBreaching"),
    "OldestMessageAlarm": (OWN, "DramatiqOldestJobAge", "Maximum", ">", 600, 5, 5, "notBreaching"),
    "NoActiveBrokerAlarm": (OWN, "DramatiqActiveBrokers", "Maximum", "<", 1, 5, 5, "notBreaching"),
    "WorkersAtMaximumAlarm": (OWN, "DramatiqRunningWorkers", "Minimum", ">=", "20", 15, 15, "notBreaching"),
    "QueryErrorsAlarm": (QUERY, "Url5xxCount", "Sum", ">=", 1, 3, 5, "notBreaching"),
    "QueryThrottlesAlarm": (QUERY, "Throttles", "Sum", ">=", 1, 3, 5, "notBreaching"),
    "QueryDurationAlarm": (QUERY, "Duration", "Maximum", ">", 10000, 3, 5, "notBreaching"),
}

COMPARISONS = {
    "<": "LessThanThreshold",
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
}


def test_these_are_all_alarms():
    assert deploy().alarms.keys() == ALARMS.keys()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_rings_when_it_should(name):
    (namespace, dimensions), metric, statistic, comparison, threshold, breaching, minutes, missing = ALARMS[name]
    alarm = deploy()[name]
    assert (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == dimensions
    assert (alarm["Statistic"], alarm["Period"]) == (statistic, 60)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (COMPARISONS[comparison], threshold)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (breaching, minutes)
    assert alarm["TreatMissingData"] == missing


@pytest.mark.parametrize("name", [name for name, (of, *_) in ALARMS.items() if of == OWN])
def test_an_alarm_on_a_metric_of_ours_has_the_unit_and_dimension_that_are_published(name):
    alarm = deploy()[name]
    assert alarm["Unit"] == metrics.units()[alarm["MetricName"]]
    assert [d["Name"] for d in alarm["Dimensions"]] == metrics.dimensions()[:1]


def test_an_alarm_on_a_metric_of_aws_asks_for_no_unit():
    # A unit that AWS does not publish would find no datum.
    assert [name for name, alarm in deploy().alarms.items() if alarm["Namespace"] != "Kortix" and "Unit" in alarm] == []


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_what_it_means_and_what_to_do_first(name):
    description = deploy()[name]["AlarmDescription"]
    meaning, _, first = description.partition(" First: ")
    assert len(meaning) > 40
    assert len(first) > 40
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert len(description) <= 1024


def test_a_topic_is_told_when_an_alarm_rings_and_when_it_is_over():
    told = deploy(AlarmTopicArn=TOPIC).alarms.values()
    assert {(*alarm["AlarmActions"], *alarm["OKActions"]) for alarm in told} == {(TOPIC, TOPIC)}


def test_without_topic_nobody_is_told():
    assert [a for a in deploy().alarms.values() if a.keys() & {"AlarmActions", "OKActions"}] == []


def test_the_alarm_at_the_maximum_follows_the_maximum():
    assert deploy(WorkerMaxCapacity=8)["WorkersAtMaximumAlarm"]["Threshold"] == "8"


def test_a_fleet_that_cannot_grow_has_no_alarm_at_its_maximum():
    assert "WorkersAtMaximumAlarm" not in deploy(WorkerMinCapacity=4, WorkerMaxCapacity=4)
    assert "WorkersAtMaximumAlarm" not in deploy(ManageWorkerScaling="false")


def test_without_ages_there_is_no_alarm_on_them():
    assert deploy(OldestJobAge="false").alarms.keys() == ALARMS.keys() - {"OldestMessageAlarm"}


def test_without_a_url_there_is_no_alarm_for_its_answers():
    assert deploy(QueryAuthType="OFF").alarms.keys() == ALARMS.keys() - {"QueryErrorsAlarm"}


def test_alarms_follow_namespace_and_service():
    alarms = deploy(MetricNamespace="Suna", ServiceName="w").alarms
    own = {name for name, alarm in alarms.items() if alarm["Namespace"] == "Suna"}
    assert own == {name for name, (of, *_) in ALARMS.items() if of == OWN}
    assert {alarms[name]["Dimensions"][0]["Value"] for name in own} == {"w"}


def test_the_durations_ring_before_the_functions_are_cut_off():
    stack = deploy()
    for alarm, function in (("PublisherDurationAlarm", "PublishFunction"), ("QueryDurationAlarm", "QueryFunction")):
        assert stack[alarm]["Threshold"] < stack[function]["Timeout"] * 1000


@pytest.mark.parametrize(("alarm", "function"), [("PublisherDuration", "PublishFunction"), ("QueryDuration", "QueryFunction")])
def test_the_alarm_of_a_duration_says_when_lambda_stops_the_function(alarm, function):
    stack = deploy()
    assert f"Lambda stops them after {stack[function]['Timeout']} s." in stack[f"{alarm}Alarm"]["AlarmDescription"]
