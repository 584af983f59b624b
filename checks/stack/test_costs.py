"""What it costs a month, from the resources of the template and the unit prices below."""

import re

from kit import metrics
from kit.pages import deploy_section
from kit.template import DATABASE, deploy

SECTION = deploy_section()

# US dollars in us-west-2 on 2026-11-23, without free tiers.
# https://aws.amazon.com/cloudwatch/pricing/
METRIC = 0.30
ALARM = 0.10  # for each metric that it looks at
COMPOSITE_ALARM = 0.50
DASHBOARD = 3.00
THOUSAND_PUTS = 0.01
LOG_GIGABYTE = 0.50
# https://aws.amazon.com/lambda/pricing/ (arm64)
MILLION_REQUESTS = 0.20
GIGABYTE_SECOND = 0.0000133334
# https://aws.amazon.com/eventbridge/pricing/
MILLION_EVENTS = 1.00
# https://aws.amazon.com/privatelink/pricing/
ENDPOINT_HOUR = 0.01

HOURS = 730
TICKS = HOURS * 60
# Upper bounds: a warm tick takes tens of milliseconds and its log lines some hundred bytes.
TICK_SECONDS = 0.1
TICK_LOG_BYTES = 1000


def monthly_costs(stack):
    policies = stack.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    tracking = [policy for policy in policies if policy["PolicyType"] == "TargetTrackingScaling"]
    gigabytes = stack["PublishFunction"]["MemorySize"] / 1024
    lambda_ = TICKS * (MILLION_REQUESTS / 1e6 + gigabytes * TICK_SECONDS * GIGABYTE_SECOND)
    other = TICKS * (THOUSAND_PUTS / 1e3 + TICK_LOG_BYTES / 1e9 * LOG_GIGABYTE + MILLION_EVENTS / 1e6)
    alarms = stack.of_type("AWS::CloudWatch::Alarm").values()
    composite = stack.of_type("AWS::CloudWatch::CompositeAlarm")
    # Target tracking makes two alarms a policy.
    watched = 2 * len(tracking) + sum(metrics_of(alarm) for alarm in alarms)
    return {
        f"{len(metrics.units())} custom metrics": len(metrics.units()) * METRIC,
        f"{len(alarms) + 2 * len(tracking)} alarms, {2 * len(tracking)} of them target tracking's own": watched * ALARM,
        f"{len(composite)} composite alarms": len(composite) * COMPOSITE_ALARM,
        "dashboard": len(stack.of_type("AWS::CloudWatch::Dashboard")) * DASHBOARD,
        "PutMetricData, logs, events": other,
        "Lambda": lambda_,
    }


def metrics_of(alarm):
    return sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1


def test_the_section_lists_what_a_month_costs_and_the_sum():
    costs = monthly_costs(deploy())
    listed = re.findall(r"^\| (.+?) \| +\$(\d+\.\d\d) \|$", SECTION, re.MULTILINE)
    expected = [(what, f"{price:.2f}") for what, price in costs.items()]
    rounded = sum(float(price) for _, price in expected)
    assert listed == [*expected, ("**together**", f"{rounded:.2f}")]


def test_the_section_tells_what_the_options_add():
    stacks = deploy(CreateVpcEndpoints="true"), deploy(CreateVpcEndpoints="true", DatabaseUrlSecretArn=DATABASE)
    without, with_secret = (len(stack.of_type("AWS::EC2::VPCEndpoint")) * ENDPOINT_HOUR * HOURS for stack in stacks)
    endpoints = f"adds ${without:.2f} for each Availability Zone, ${with_secret:.2f} if the stack has a secret"
    assert f"`CreateVpcEndpoints` {endpoints}" in SECTION
    assert f"`PerQueueMetrics` ${metrics.per_queue() * METRIC:.2f} for each queue" in SECTION
