"""Each condition both ways, alone and together: nothing refers to what is not made."""

import pytest
from kit.template import DATABASE, IAM, KEY, LISTENER, OPEN, REDIS, Evaluation, accept, deploy, template

SWITCHES = [
    {"RedisSecurityGroupId": "sg-0123456789abcdef0"},
    IAM,
    {"RedisServerless": "true"},
    {"DatabaseUrlSecretArn": DATABASE},
    {"SecretKmsKeyArn": KEY},
    {"LoadBalancerListenerArn": LISTENER},
    {"LoadBalancerHost": "api.suna.so"},
    OPEN,
    {"QueryAuthType": "OFF"},
    {"CreateVpcEndpoints": "true"},
    {"ReservedConcurrency": 2},
    {"QueryReservedConcurrency": 2},
    {"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary"},
    {"AlarmTopicArn": "arn:aws:sns:us-west-2:123456789012:on-call"},
    {
        "AlarmTopicArn": "arn:aws:sns:us-west-2:123456789012:on-call",
        "TicketTopicArn": "arn:aws:sns:us-west-2:123456789012:tickets",
    },
    {"PerQueueMetrics": "true"},
    {"OldestJobAge": "false"},
    {"ManageApiScaling": "false"},
    {"ManageApiScaling": "false", "ApiServiceName": ""},
    {"ManageWorkerScaling": "false"},
    {"QueueScalingMetric": "QueueDepth"},
    {"BurstScaling": "false"},
    {"CpuTarget": 70},
    {"WorkerMinCapacity": 4, "WorkerMaxCapacity": 4},
    {"RedisAuthentication": "password", "RedisPasswordSecretArn": REDIS, "RedisUser": ""},
]


def merged(switches):
    return {name: value for switch in switches for name, value in switch.items()}


CONFIGURATIONS = [
    {},
    *SWITCHES,
    merged(SWITCHES) | {"RedisCacheName": "c"},
    *[merged(s for s in SWITCHES[:-2] if s is not left_out) for left_out in SWITCHES[:-2]],
]


@pytest.mark.parametrize("given", CONFIGURATIONS, ids=str)
def test_a_configuration_refers_to_nothing_that_it_does_not_make(given):
    stack = deploy(**given)
    assert {r["DependsOn"] for r in stack.resources.values() if "DependsOn" in r} <= stack.resources.keys()


def test_every_condition_is_met_both_ways_above():
    places = [{"AWS::Partition": partition} for partition in ("aws", "aws-cn", "aws-us-gov")]
    seen = {
        (name, Evaluation(template(), accept(**given) | place).condition(name))
        for given in CONFIGURATIONS
        for place in places
        for name in template()["Conditions"]
    }
    assert seen == {(name, met) for name in template()["Conditions"] for met in (True, False)}


def test_a_reference_to_what_is_not_made_would_be_found():
    source = {
        "Conditions": {"Off": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Condition": "Off", "Properties": {}},
            "Policy": {"Type": "AWS::SNS::TopicPolicy", "Properties": {"Topics": [{"Ref": "Topic"}]}},
        },
    }
    with pytest.raises(LookupError, match="^reference to Topic, which this configuration does not make$"):
        Evaluation(source, {}).stack()
