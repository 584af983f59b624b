"""What one may set, and what the template refuses before anything is made."""

import json
import tomllib

import pytest
from click.testing import CliRunner
from kit import metrics
from kit.machine import ROOT
from kit.template import LISTENER, REDIS, REQUIRED, Refused, accept, deploy, template
from samcli.commands.deploy.guided_context import GuidedContext

KEY = "arn:aws:kms:us-west-2:123456789012:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TOPIC = "arn:aws:sns:us-west-2:123456789012:tickets"


def refused(said, *bad):
    """How a refusal reads after the parameter's name, and values that are refused so, besides those of `VALUES`."""
    return said, [], bad


def between(least, most, unit=""):
    """Taken at both ends, refused one past them."""
    return f"must be {least} to {most}{unit}", [least, most], [least - 1, most + 1]


BOOLEAN = ("must be true or false", ["true", "false"], ["maybe"])
SECRET = "must be empty or the ARN of a Secrets Manager secret, optionally followed by :SecretString:KEY:STAGE:VERSION"
TOPICS = "must be empty or the ARN of an SNS standard topic"
QUEUES = (
    "must be queue names as Dramatiq allows them, separated by commas, each once, none that ends with .DQ or .XQ, at most "
    "3000 characters in all"
)
LISTENERS = "must be empty or the ARN of a listener of an Application Load Balancer"
DUE = ", since only a running worker moves a delayed message to its queue when it is due"

# The names and defaults that scripts and people rely on; None must be given. Then what is said of values that are refused.
PARAMETERS = {
    "VpcId": (None, *refused("")),
    "SubnetIds": (None, *refused("")),
    "CreateVpcEndpoints": ("false", *BOOLEAN),
    "RedisHost": (None, *refused("must be a host name or IPv4 address, without scheme or port")),
    "RedisPort": (6379, *between(1, 65535)),
    "RedisDatabase": ("0", *refused("must be a whole number from 0 to 999999999")),
    "RedisTls": ("true", *BOOLEAN),
    "RedisSecurityGroupId": ("", *refused("must be empty or the id of a security group, such as sg-0123456789abcdef0", "redis")),
    "RedisAuthentication": ("none", *refused("must be none, password or iam")),
    "RedisUser": ("", *refused("must be empty or at most 128 letters, digits and . _ @ -", "*")),
    "RedisPasswordSecretArn": ("", *refused(SECRET, "hunter2")),
    "RedisCacheName": ("", *refused("must be empty or the id of a cache, in lower case and at most 40 characters", "Cache", "*")),
    "RedisServerless": ("false", *BOOLEAN),
    "SecretKmsKeyArn": ("", *refused("must be empty or the ARN of a KMS key, not of an alias", "alias/secrets", "*")),
    "QueueNames": ("default", *refused(QUEUES, "", "q" * 3001, ",".join([*(f"q{n}" for n in range(500)), "q250"]))),
    "DramatiqNamespace": ("dramatiq", *refused("must not be empty, contain blanks or end with a colon", "")),
    "PerQueueMetrics": ("false", *BOOLEAN),
    "OldestJobAge": ("true", *BOOLEAN),
    "MetricNamespace": (
        "Kortix",
        *refused("must be 1 to 255 letters, digits and . _ / - and must not begin with AWS/", "", "Kortix#worker"),
    ),
    "ServiceName": ("worker", *refused("must be 1 to 128 letters, digits and . _ / -", "", 'a"b', "worker#2", "s" * 129)),
    "ClusterName": ("suna-ecs", *refused("must be 1 to 255 letters, digits, _ and -", "")),
    "ApiServiceName": ("", *refused("must be at most 255 letters, digits, _ and -", "suna api")),
    "WorkerServiceName": (None, *refused("must be 1 to 255 letters, digits, _ and -", "")),
    "ManageApiScaling": ("true", *BOOLEAN),
    "ApiMinCapacity": (2, *between(0, 1000)),
    "ApiMaxCapacity": (12, *between(1, 1000)),
    "ManageWorkerScaling": ("true", *BOOLEAN),
    "WorkerMinCapacity": (2, *between(1, 1000, DUE)),
    "WorkerMaxCapacity": (20, *between(1, 1000)),
    "CpuTarget": (90, *between(1, 100, " percent")),
    "MemoryTarget": (90, *between(1, 100, " percent")),
    "QueueScalingMetric": ("BacklogPerWorker", *refused("must be BacklogPerWorker or QueueDepth", "Depth")),
    "QueueTarget": (10, *refused("must be 1 or more messages", 0)),
    "ScaleOutCooldown": (30, *between(0, 86400, " seconds")),
    "ScaleInCooldown": (300, *between(0, 86400, " seconds")),
    "BurstScaling": ("true", *BOOLEAN),
    "QueryAuthType": ("AWS_IAM", *refused("must be AWS_IAM, NONE or OFF", "none")),
    "QueryToken": ("", *refused("must be empty or none, or at least 16 letters, digits and . _ ~ + / -", "short")),
    "LoadBalancerListenerArn": ("", *refused(LISTENERS, "suna", LISTENER.replace("/app/", "/net/"))),
    "LoadBalancerRulePriority": (10, *between(1, 50000)),
    "LoadBalancerHost": ("", *refused("must be at most 128 letters, digits and . - * ?", "https://api.suna.so")),
    "DatabaseUrlSecretArn": ("", *refused(SECRET, "postgresql://u:p@db/x")),
    "AlarmTopicArn": ("", *refused(TOPICS, "ops@example.com")),
    "TicketTopicArn": ("", *refused(TOPICS, "jira")),
    "OldestJobAgeThreshold": (600, *between(1, 1209600, " seconds (two weeks)")),
    "LogRetentionDays": (30, *refused("must be a number of days that CloudWatch Logs offers, such as 7, 30 or 365", 31)),
    "Architecture": ("arm64", *refused("must be arm64 or x86_64", "arm")),
    "ReservedConcurrency": (0, *between(0, 1000)),
    "QueryReservedConcurrency": (0, *between(0, 1000)),
    "PermissionsBoundaryArn": (
        "",
        *refused("must be empty or the ARN of an IAM policy", "Boundary", "arn:aws:iam::123456789012:role/boundary"),
    ),
}
CONTRACT = {name: default for name, (default, *_) in PARAMETERS.items()}


def test_parameters_and_their_defaults_are_the_agreed_ones():
    assert {name: given.get("Default") for name, given in template()["Parameters"].items()} == CONTRACT


def test_every_parameter_stands_once_in_a_group_and_has_a_label_and_a_description():
    interface = template()["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(CONTRACT)
    assert interface["ParameterLabels"].keys() == CONTRACT.keys()
    assert [name for name, given in template()["Parameters"].items() if not given.get("Description")] == []


def test_the_metrics_of_a_queue_are_counted_where_one_chooses_them():
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    description = template()["Parameters"]["PerQueueMetrics"]["Description"]
    assert f"publishes {words[metrics.per_queue()]} metrics for each queue" in description


def test_the_token_is_not_shown():
    assert [name for name, given in template()["Parameters"].items() if given.get("NoEcho")] == ["QueryToken"]


@pytest.mark.parametrize("name", [name for name, default in CONTRACT.items() if default is None])
def test_a_name_without_default_must_be_given(name):
    with pytest.raises(Refused, match=rf"^Parameters: \[{name}\] must have values$"):
        accept(**{name: None})


def test_sam_deploy_guided_can_take_every_default():
    # It asks for a hidden parameter until the answer is not empty.
    answers = [REQUIRED.get(name, "none" if given.get("NoEcho") else "") for name, given in template()["Parameters"].items()]
    with CliRunner().isolation(input="".join(answer + "\n" for answer in answers)):
        asked = GuidedContext.__new__(GuidedContext).prompt_parameters(template()["Parameters"], {}, "", "")
    assert deploy(**{name: answer["Value"] for name, answer in asked.items()}) == deploy()


def test_the_configuration_of_a_release_asks_for_what_has_no_default_and_is_taken_once_it_is_filled_in():
    asked = tomllib.loads((ROOT / "deploy/samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    given = dict(override.split("=") for override in asked["parameter_overrides"])
    assert {name for name, value in given.items() if not value} == {name for name, default in CONTRACT.items() if default is None}
    accept(**{"ApiServiceName": ""} | {name: value or REQUIRED[name] for name, value in given.items()})
    assert (ROOT / asked["template_file"]).is_file()


# The values that the functions take and refuse; the tests of Settings read them too.
VALUES = json.loads((ROOT / "src/test/resources/so/suna/queuemetrics/settings-values.json").read_text())
# The template is stricter here: a function in a VPC has no IPv6 address, and a pattern cannot compare numbers.
ONLY_THE_FUNCTIONS_TAKE = ["2001:db8::1", "::1", "fd00:0:0:0:0:0:0:7", "2147483647"]
# What a value needs beside it.
BESIDE = {
    "QueryToken": {"QueryAuthType": "NONE"},
    "RedisPasswordSecretArn": {"RedisAuthentication": "password"},
}


def values(kind, place):
    rows = [(setting["parameter"], value) for setting in VALUES for value in setting[kind]]
    rows += [(name, value) for name, row in PARAMETERS.items() for value in row[place]]
    return [pytest.param(name, value, id=f"{name}={value}"[:60]) for name, value in rows]


@pytest.mark.parametrize(("name", "value"), values("bad", 3))
def test_a_bad_value_is_refused_and_the_refusal_says_why(name, value):
    with pytest.raises(Refused) as refusal:
        accept(**{name: value})
    assert str(refusal.value) in (f"{name} {PARAMETERS[name][1]}", "Parameter RedisPort must be a number")


@pytest.mark.parametrize(("name", "value"), values("good", 2))
def test_a_good_value_is_taken_but_for_those_that_only_the_functions_take(name, value):
    if value not in ONLY_THE_FUNCTIONS_TAKE:
        accept(**BESIDE.get(name, {}) | {name: value})
    else:
        with pytest.raises(Refused, match=f"^{name} must be"):
            accept(**{name: value})


def test_every_parameter_but_those_that_cloudformation_checks_has_a_bad_value_above():
    tried = {setting["parameter"] for setting in VALUES} | {name for name, (*_, bad) in PARAMETERS.items() if bad}
    assert CONTRACT.keys() - tried == {"VpcId", "SubnetIds"}


IAM_LOGIN = {"RedisAuthentication": "iam", "RedisUser": "u", "RedisCacheName": "c"}
NEEDS_TLS = "RedisAuthentication=iam needs RedisTls=true, since ElastiCache accepts tokens only over TLS"
NEEDS_TOKEN = "QueryAuthType=NONE opens the URL to the internet and needs QueryToken"
PASSWORD_UNUSED = "RedisPasswordSecretArn is set, so RedisAuthentication must be password"
TOKEN_UNUSED = (
    "QueryToken is set, so QueryAuthType must be NONE or LoadBalancerListenerArn set: a signed request needs the token's "
    "header for its signature"
)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SubnetIds": "subnet-0a,subnet-other"}, "All SubnetIds must belong to VpcId"),
        ({"RedisUser": "metrics"}, "RedisUser is set, so RedisAuthentication must be password or iam"),
        ({"RedisPasswordSecretArn": REDIS}, PASSWORD_UNUSED),
        ({"RedisAuthentication": "password"}, "RedisAuthentication=password needs RedisPasswordSecretArn"),
        (IAM_LOGIN | {"RedisUser": ""}, "RedisAuthentication=iam needs RedisUser"),
        (IAM_LOGIN | {"RedisCacheName": ""}, "RedisAuthentication=iam needs RedisCacheName"),
        (IAM_LOGIN | {"RedisTls": "false"}, NEEDS_TLS),
        (IAM_LOGIN | {"RedisPasswordSecretArn": REDIS}, PASSWORD_UNUSED),
        ({"QueryToken": "0123456789abcdef"}, TOKEN_UNUSED),
        ({"QueryAuthType": "NONE"}, NEEDS_TOKEN),
        ({"QueryAuthType": "NONE", "QueryToken": "none"}, NEEDS_TOKEN),
        ({"TicketTopicArn": TOPIC}, "TicketTopicArn is set and needs AlarmTopicArn, or the alarms that wake somebody reach nobody"),
        ({"ApiServiceName": ""}, "ManageApiScaling=true needs ApiServiceName"),
    ],
    ids=str,
)
def test_a_bad_combination_is_refused_and_the_refusal_says_why(given, said):
    with pytest.raises(Refused) as refusal:
        accept(**given)
    assert str(refusal.value) == said


# What the other tests do not deploy.
@pytest.mark.parametrize(
    "given",
    [
        {"RedisAuthentication": "password", "RedisUser": "metrics", "RedisPasswordSecretArn": REDIS},
        {"QueryToken": "none"},
        {"LoadBalancerListenerArn": LISTENER, "LoadBalancerHost": "*.suna.so"},
        {"DatabaseUrlSecretArn": REDIS, "SecretKmsKeyArn": KEY},
        {"QueueNames": ",".join(f"q{number}" for number in range(500))},
        {"QueueNames": "a,aa,a.a,b.a,aa.DQ.a,a_,a-a"},
        {"QueueNames": "q" * 3000},
        {"ClusterName": "c", "ApiServiceName": "a", "WorkerServiceName": "w", "DramatiqNamespace": "d", "ServiceName": "s"},
        {"ServiceName": "worker_2"},
        {"RedisSecurityGroupId": "sg-01234567"},
        {"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/PowerUserAccess"},
        {"PermissionsBoundaryArn": "arn:aws-us-gov:iam::123456789012:policy/teams/boundary"},
        {"QueueTarget": 1, "LogRetentionDays": 1},
        {"LogRetentionDays": 3653},
    ],
    ids=str,
)
def test_a_good_combination_is_taken(given):
    accept(**given)
