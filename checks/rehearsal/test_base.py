"""The rehearsal's own parts do what the other tests take for granted."""

import json
import zlib

import awsfront
import pytest
from functions import PUBLISH, QUERY
from kit.machine import ROOT, until
from machine import docker

METRICS_OF_EMPTY_BROKER = {
    "DramatiqQueueDepth": "Count",
    "DramatiqJobsInFlight": "Count",
    "DramatiqJobsDelayed": "Count",
    "DramatiqOrphanedMessages": "Count",
    "DramatiqDeadLetters": "Count",
    "DramatiqNewDeadLetters": "Count",
    "DramatiqOldestJobAge": "Seconds",
    "DramatiqActiveBrokers": "Count",
}

TICK = json.loads((ROOT / "events/scheduled-tick.json").read_text())


@pytest.fixture
def namespace(request):
    """One of its own for each test, as CloudWatch forgets nothing."""
    return f"test-{zlib.crc32(request.node.nodeid.encode())}"


def test_a_function_in_lambdas_image_publishes_what_an_empty_redis_holds(function, redis, aws, namespace):
    publish = function(PUBLISH, REDIS_HOST=redis.host, METRIC_NAMESPACE=namespace)
    tick = publish.invoke(TICK)
    assert (tick.error, tick.payload) == (None, None)
    for metric, unit in METRICS_OF_EMPTY_BROKER.items():
        (kept,) = aws.statistics(metric, {"Service": "worker"}, namespace=namespace)
        assert (kept["Unit"], kept["SampleCount"], kept["Sum"]) == (unit, 1, 0)


def test_the_front_sees_what_was_published(function, redis, front, namespace):
    publish = function(PUBLISH, REDIS_HOST=redis.host, METRIC_NAMESPACE=namespace)
    publish.invoke(TICK)
    (put,) = [call for call in front.of("PutMetricData") if call.input["Namespace"] == namespace]
    assert put.status == 200
    assert {datum["MetricName"] for datum in put.input["MetricData"]} == set(METRICS_OF_EMPTY_BROKER)


@pytest.mark.parametrize("fault", [awsfront.INTERNAL_ERROR, awsfront.THROTTLED, awsfront.Reset()])
def test_a_fault_that_passes_costs_another_attempt_and_no_tick(function, redis, front, fault, namespace):
    publish = function(PUBLISH, REDIS_HOST=redis.host, METRIC_NAMESPACE=namespace)
    front.misbehave("PutMetricData", fault, times=1)
    assert publish.invoke(TICK).error is None
    puts = [call.status for call in front.of("PutMetricData") if call.input["Namespace"] == namespace]
    assert puts == [getattr(fault, "status", None), 200]


def test_a_refusal_is_told_by_its_code(function, redis, front):
    publish = function(PUBLISH, REDIS_HOST=redis.host)
    front.misbehave("PutMetricData", awsfront.DENIED)
    assert awsfront.DENIED.message in publish.invoke(TICK).error
    front.heal()
    assert publish.invoke(TICK).error is None


def test_silence_ends_when_the_front_is_healed(function, redis, front):
    publish = function(PUBLISH, REDIS_HOST=redis.host)
    front.misbehave("PutMetricData", awsfront.Silence())
    assert "not published" in publish.invoke(TICK).error
    front.heal()
    assert publish.invoke(TICK).error is None


def test_a_delay_is_seen_by_the_caller(function, redis, front):
    publish = function(PUBLISH, REDIS_HOST=redis.host)
    publish.invoke(TICK)
    front.misbehave("PutMetricData", awsfront.Delay(0.7))
    assert publish.invoke(TICK).seconds > 0.7


def test_a_query_is_answered_in_lambdas_image(function, redis):
    query = function(QUERY, REDIS_HOST=redis.host)
    answer = query.invoke(json.loads((ROOT / "events/queue-metrics.json").read_text())).payload
    assert (answer["statusCode"], json.loads(answer["body"])["queue_depth"]) == (200, 0)


def test_the_local_aws_knows_the_account(aws):
    assert aws.cli("sts", "get-caller-identity")["Account"] == "000000000000"


def test_a_stopped_container_is_told_from_one_that_runs(redis):
    docker("kill", redis.name)
    until("Redis has ended", lambda: not redis.running)


def test_a_start_that_fails_is_told_with_its_message_every_time(function):
    publish = function(PUBLISH, REDIS_PORT="none")
    for _ in range(2):
        assert "REDIS_PORT must be 1 to 65535, was none" in publish.invoke(TICK).error
