"""The ways to the query function: its URL, the load balancer, the event that keeps it active, and who may come in."""

import json
import re

import pytest
from kit.machine import ROOT
from kit.template import LISTENER, OPEN, accept, deploy, packaged, transform

# The URL


RULES = {"PublishFunctionTickPermission", "QueryFunctionKeepAlivePermission"}
# An open URL needs both.
EVERYBODY = {
    "QueryUrlPermission": {
        "FunctionName": "<QueryFunction>",
        "Action": "lambda:InvokeFunctionUrl",
        "Principal": "*",
        "FunctionUrlAuthType": "NONE",
    },
    "QueryUrlInvokePermission": {
        "FunctionName": "<QueryFunction>",
        "Action": "lambda:InvokeFunction",
        "Principal": "*",
        "InvokedViaFunctionUrl": True,
    },
}


@pytest.mark.parametrize(
    ("given", "asks", "permissions"),
    [({}, ["AWS_IAM"], {}), (OPEN, ["NONE"], EVERYBODY), ({"QueryAuthType": "OFF"}, [], {})],
    ids=["signed", "open", "off"],
)
def test_the_url_asks_for_a_signature_unless_it_is_opened_or_off(given, asks, permissions):
    stack = deploy(**given)
    assert [url["AuthType"] for url in stack.of_type("AWS::Lambda::Url").values()] == asks
    found = stack.of_type("AWS::Lambda::Permission")
    assert {name: found[name] for name in found.keys() - RULES} == permissions
    assert deploy().outputs.keys() - stack.outputs.keys() == (set() if asks else {"QueryUrl"})
    assert "QueryFunction" in stack


def test_the_url_follows_a_changed_setting():
    # An alias would stay with the version of the first deployment, see the comment in the template.
    stack = deploy(QueueNames="default,extra")
    assert stack["QueryFunctionUrl"]["TargetFunctionArn"] == "<QueryFunction>"
    assert stack.variables("QueryFunction")["QUEUE_NAMES"] == "default,extra"
    assert stack.of_type("AWS::Lambda::Alias") == stack.of_type("AWS::Lambda::Version") == {}


def test_the_transform_would_publish_no_version_for_a_changed_setting():
    # Once it does, the query can have SnapStart, see the comment in the template.
    def version(**given):
        source = packaged()
        source["Resources"]["QueryFunction"]["Properties"] |= {
            "AutoPublishAlias": "live",
            "AutoPublishAliasAllProperties": True,
            "SnapStart": {"ApplyOn": "PublishedVersions"},
        }
        resources = transform(source, accept(**given))["Resources"]
        (name,) = [name for name, r in resources.items() if r["Type"] == "AWS::Lambda::Version"]
        return name

    assert version() == version(QueueNames="default,extra", RedisHost="other.example") == version(**OPEN)


TOKEN = OPEN["QueryToken"]


@pytest.mark.parametrize(
    ("given", "token"),
    [
        ({"QueryAuthType": "OFF", "QueryToken": "none"}, ""),
        ({"QueryAuthType": "OFF", "QueryToken": TOKEN}, TOKEN),
        *[
            ({"QueryAuthType": url, "QueryToken": TOKEN, "LoadBalancerListenerArn": LISTENER}, TOKEN)
            for url in ("AWS_IAM", "NONE", "OFF")
        ],
    ],
    ids=str,
)
def test_a_token_protects_whatever_the_url_asks_for(given, token):
    assert deploy(**given).variables("QueryFunction")["QUERY_TOKEN"] == token


# The load balancer


def test_without_a_listener_nothing_of_a_load_balancer_is_made():
    assert [name for name, r in deploy().resources.items() if "LoadBalanc" in r["Type"] or "LoadBalancer" in name] == []


def test_the_listener_sends_one_path_to_the_function_which_the_load_balancer_may_call_before_it_is_a_target():
    stack = deploy(LoadBalancerListenerArn=LISTENER, LoadBalancerRulePriority=7)
    assert stack["QueryListenerRule"] == {
        "ListenerArn": LISTENER,
        "Priority": "7",
        "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/metrics/queue"]}}],
        "Actions": [{"Type": "forward", "TargetGroupArn": "<QueryTargetGroup>"}],
    }
    assert stack["QueryTargetGroup"] == {
        "Name": "queue-metrics-0123456789ab",
        "TargetType": "lambda",
        "Targets": [{"Id": "<QueryFunction.Arn>"}],
        "HealthCheckEnabled": False,
        "TargetGroupAttributes": [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}],
    }
    assert stack.resources["QueryTargetGroup"]["DependsOn"] == "QueryLoadBalancerPermission"
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    assert re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)", stack["QueryTargetGroup"]["Name"])
    assert stack["QueryLoadBalancerPermission"] == {
        "FunctionName": "<QueryFunction>",
        "Action": "lambda:InvokeFunction",
        "Principal": "elasticloadbalancing.amazonaws.com",
        "SourceArn": "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/queue-metrics-0123456789ab/*",
    }


def test_the_rule_may_be_limited_to_a_host():
    conditions = deploy(LoadBalancerListenerArn=LISTENER, LoadBalancerHost="api.suna.so")["QueryListenerRule"]["Conditions"]
    assert conditions[1:] == [{"Field": "host-header", "HostHeaderConfig": {"Values": ["api.suna.so"]}}]


@pytest.mark.parametrize("given", ["AWS_IAM", "OFF"])
def test_an_event_a_day_keeps_the_query_function_active(given):
    stack = deploy(QueryAuthType=given)
    rule = stack["QueryFunctionKeepAlive"]
    assert rule["ScheduleExpression"] == "rate(1 day)"
    (target,) = rule["Targets"]
    assert target["Arn"] == "<QueryFunction.Arn>"
    assert json.loads(target["Input"]) == json.loads((ROOT / "events/keep-alive.json").read_text())
    permission = stack["QueryFunctionKeepAlivePermission"]
    assert (permission["FunctionName"], permission["SourceArn"]) == ("<QueryFunction>", "<QueryFunctionKeepAlive.Arn>")
