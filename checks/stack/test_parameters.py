"""What one may set, and what the template refuses before anything is made."""

import json
import tomllib

import pytest
from click.testing import CliRunner
from kit import metrics
from kit.machine import ROOT
from kit.template import LISTENER, REDIS, REQUIRED, Refused, accept, deploy, load, template
from samcli.commands.deploy.guided_context import GuidedContext

KEY = "arn:aws:kms:us-west-2:123456789012:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TOPIC = "arn:aws:sns:us-west-2:123456789012:tickets"
ROLE = "arn:aws:iam::123456789012:role/boundary"

# The names and defaults that scripts and people rely on; None must be given.
CONTRACT = {
    "VpcId": None,
    "SubnetIds": None,
    "RedisSecurityGroupId": "",
    "RedisHost": None,
    "RedisPort": 6379,
    "RedisDatabase": "0",
    "RedisTls": "true",
    "RedisAuthentication": "none",
    "RedisUser": "",
    "RedisPasswordSecretArn": "",
    "RedisCacheName": "",
    "RedisServerless": "false",
    "SecretKmsKeyArn": "",
    "QueueNames": "default",
    "DramatiqNamespace": "dramatiq",
    "PerQueueMetrics": "false",
    "OldestJobAge": "true",
    "MetricNamespace": "Kortix",
    "ServiceName": "worker",
    "ClusterName": "suna-ecs",
    "ApiServiceName": "",
    "WorkerServiceName": None,
    "ManageApiScaling": "true",
    "ManageWorkerScaling": "true",
    "ApiMinCapacity": 2,
    "ApiMaxCapacity": 12,
    "WorkerMinCapacity": 2,
    "WorkerMaxCapacity": 20,
    "CpuTarget": 90,
    "MemoryTarget": 90,
    "QueueScalingMetric": "BacklogPerWorker",
    "QueueTarget": 10,
    "ScaleOutCooldown": 30,
    "ScaleInCooldown": 300,
    "BurstScaling": "true",
    "QueryAuthType": "AWS_IAM",
    "QueryToken": "",
    "LoadBalancerListenerArn": "",
    "LoadBalancerRulePriority": 10,
    "LoadBalancerHost": "",
    "DatabaseUrlSecretArn": "",
    "AlarmTopicArn": "",
    "TicketTopicArn": "",
    "OldestJobAgeThreshold": 600,
    "LogRetentionDays": 30,
    "Architecture": "arm64",
    "ReservedConcurrency": 0,
    "QueryReservedConcurrency": 0,
    "PermissionsBoundaryArn": "",
    "CreateVpcEndpoints": "false",
}


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


# Taken at both ends, refused one past them.
BOUNDS = {
    "RedisPort": (1, 65535),
    "LoadBalancerRulePriority": (1, 50000),
    "ApiMinCapacity": (0, 1000),
    "ApiMaxCapacity": (1, 1000),
    "WorkerMinCapacity": (1, 1000),
    "WorkerMaxCapacity": (1, 1000),
    "CpuTarget": (1, 100),
    "MemoryTarget": (1, 100),
    "ScaleOutCooldown": (0, 86400),
    "ScaleInCooldown": (0, 86400),
    "OldestJobAgeThreshold": (1, 1209600),
    "ReservedConcurrency": (0, 1000),
    "QueryReservedConcurrency": (0, 1000),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_is_taken_within_its_bounds_and_refused_beyond_them(name):
    least, most = BOUNDS[name]
    for taken in (least, most):
        accept(**{name: taken})
    for refused in (least - 1, most + 1):
        with pytest.raises(Refused, match=f"^{name} must be {least} to {most}"):
            accept(**{name: refused})


BAD = [
    ({"RedisHost": "redis://cache.example"}, "RedisHost must be a host name or IPv4 address, without scheme or port"),
    ({"RedisDatabase": -1}, "RedisDatabase must be a whole number from 0 to 999999999"),
    ({"RedisTls": "yes"}, "RedisTls must be true or false"),
    ({"RedisSecurityGroupId": "redis"}, "RedisSecurityGroupId must be empty or the id of a security group"),
    ({"RedisAuthentication": "token"}, "RedisAuthentication must be none, password or iam"),
    ({"RedisUser": "*"}, "RedisUser must be empty or at most 128 letters, digits"),
    ({"RedisPasswordSecretArn": "hunter2"}, "RedisPasswordSecretArn must be empty or the ARN of a Secrets Manager secret"),
    ({"RedisCacheName": "Cache"}, "RedisCacheName must be empty or the id of a cache, in lower case"),
    ({"RedisCacheName": "*"}, "RedisCacheName must be empty or the id of a cache, in lower case"),
    ({"RedisServerless": "yes"}, "RedisServerless must be true or false"),
    ({"SecretKmsKeyArn": "alias/secrets"}, "SecretKmsKeyArn must be empty or the ARN of a KMS key, not of an alias"),
    ({"SecretKmsKeyArn": "*"}, "SecretKmsKeyArn must be empty or the ARN of a KMS key, not of an alias"),
    ({"LoadBalancerListenerArn": "suna"}, "LoadBalancerListenerArn must be empty or the ARN of a listener"),
    (
        {"LoadBalancerListenerArn": LISTENER.replace("/app/", "/net/")},
        "LoadBalancerListenerArn must be empty or the ARN of a listener of an Application Load Balancer",
    ),
    ({"LoadBalancerHost": "https://api.suna.so"}, "LoadBalancerHost must be at most 128 letters"),
    ({"QueueNames": ""}, "QueueNames must be queue names as Dramatiq allows them"),
    ({"QueueNames": "q" * 3001}, "QueueNames must be .*, at most 3000 characters in all"),
    ({"QueueNames": "default,default"}, "QueueNames must be .*, each once"),
    ({"QueueNames": ",".join([*(f"q{number}" for number in range(500)), "q250"])}, "QueueNames must be .*, each once"),
    ({"QueueNames": "default,default.DQ"}, "QueueNames must be .*, none that ends with .DQ or .XQ"),
    ({"DramatiqNamespace": ""}, "DramatiqNamespace must not be empty, contain blanks or end with a colon"),
    ({"PerQueueMetrics": "maybe"}, "PerQueueMetrics must be true or false"),
    ({"OldestJobAge": "maybe"}, "OldestJobAge must be true or false"),
    ({"MetricNamespace": ""}, "MetricNamespace must be 1 to 255"),
    ({"MetricNamespace": "AWS/ECS"}, "MetricNamespace must be .* must not begin with AWS/"),
    ({"MetricNamespace": "Kortix#worker"}, "MetricNamespace must be 1 to 255 letters, digits and . _ / - and must not"),
    ({"MetricNamespace": "k" * 256}, "MetricNamespace must be 1 to 255"),
    ({"ServiceName": ""}, "ServiceName must be 1 to 128"),
    ({"ServiceName": 'a"b'}, "ServiceName must be 1 to 128"),
    ({"ServiceName": "worker#2"}, "ServiceName must be 1 to 128"),
    ({"ServiceName": "s" * 129}, "ServiceName must be 1 to 128"),
    ({"ClusterName": ""}, "ClusterName must be 1 to 255"),
    ({"ApiServiceName": "suna api"}, "ApiServiceName must be at most 255"),
    ({"ApiServiceName": ""}, "ManageApiScaling=true needs ApiServiceName"),
    ({"WorkerServiceName": ""}, "WorkerServiceName must be 1 to 255"),
    ({"WorkerServiceName": "arn:aws:ecs:x:1:service/a/b"}, "WorkerServiceName must be 1 to 255"),
    ({"ManageApiScaling": "no"}, "ManageApiScaling must be true or false"),
    ({"ManageWorkerScaling": "no"}, "ManageWorkerScaling must be true or false"),
    ({"WorkerMinCapacity": 0}, "WorkerMinCapacity must be 1 to 1000, since only a running worker moves a delayed message"),
    ({"QueueScalingMetric": "Depth"}, "QueueScalingMetric must be BacklogPerWorker or QueueDepth"),
    ({"QueueTarget": 0}, "QueueTarget must be 1 or more"),
    ({"BurstScaling": "yes"}, "BurstScaling must be true or false"),
    ({"QueryAuthType": "none"}, "QueryAuthType must be AWS_IAM, NONE or OFF"),
    ({"QueryAuthType": "NONE"}, "QueryAuthType=NONE opens the URL to the internet and needs QueryToken"),
    ({"QueryToken": "0123456789abcdef"}, "QueryToken is set, so QueryAuthType must be NONE or LoadBalancerListenerArn set"),
    ({"QueryAuthType": "NONE", "QueryToken": "none"}, "QueryAuthType=NONE opens the URL to the internet and needs"),
    ({"QueryToken": "short"}, "QueryToken must be empty or none, or at least 16"),
    ({"QueryToken": "a token with blanks in it"}, "QueryToken must be empty or none, or at least 16"),
    ({"DatabaseUrlSecretArn": "postgresql://u:p@db/x"}, "DatabaseUrlSecretArn must be empty or the ARN of a Secrets Manager"),
    ({"AlarmTopicArn": "ops@example.com"}, "AlarmTopicArn must be empty or the ARN of an SNS standard topic"),
    ({"TicketTopicArn": "jira"}, "TicketTopicArn must be empty or the ARN of an SNS standard topic"),
    ({"TicketTopicArn": TOPIC}, "TicketTopicArn is set and needs AlarmTopicArn"),
    ({"LogRetentionDays": 31}, "LogRetentionDays must be a number of days that CloudWatch Logs offers"),
    ({"Architecture": "arm"}, "Architecture must be arm64 or x86_64"),
    ({"PermissionsBoundaryArn": "Boundary"}, "PermissionsBoundaryArn must be empty or the ARN of an IAM policy"),
    ({"PermissionsBoundaryArn": ROLE}, "PermissionsBoundaryArn must be empty or the ARN of an IAM policy"),
    ({"CreateVpcEndpoints": "yes"}, "CreateVpcEndpoints must be true or false"),
    ({"SubnetIds": "subnet-0a,subnet-other"}, "All SubnetIds must belong to VpcId"),
    ({"RedisUser": "metrics"}, "RedisUser is set, so RedisAuthentication must be password or iam"),
    ({"RedisPasswordSecretArn": REDIS}, "RedisPasswordSecretArn is set, so RedisAuthentication must be password"),
    ({"RedisAuthentication": "password"}, "RedisAuthentication=password needs RedisPasswordSecretArn"),
    ({"RedisAuthentication": "iam", "RedisCacheName": "c"}, "RedisAuthentication=iam needs RedisUser"),
    ({"RedisAuthentication": "iam", "RedisUser": "u"}, "RedisAuthentication=iam needs RedisCacheName"),
    (
        {"RedisAuthentication": "iam", "RedisUser": "u", "RedisCacheName": "c", "RedisTls": "false"},
        "RedisAuthentication=iam needs RedisTls=true",
    ),
    (
        {"RedisAuthentication": "iam", "RedisUser": "u", "RedisCacheName": "c", "RedisPasswordSecretArn": REDIS},
        "RedisPasswordSecretArn is set, so RedisAuthentication must be password",
    ),
]


@pytest.mark.parametrize(("given", "said"), BAD, ids=[",".join(f"{k}={v}"[:60] for k, v in given.items()) for given, _ in BAD])
def test_a_bad_value_is_refused_and_the_refusal_says_why(given, said):
    with pytest.raises(Refused, match=f"^{said}"):
        accept(**given)


# The values that the functions take and refuse; the tests of Settings read them too.
VALUES = json.loads((ROOT / "src/test/resources/so/suna/queuemetrics/settings-values.json").read_text())
# The template is stricter here: a function in a VPC has no IPv6 address, and a pattern cannot compare numbers.
ONLY_THE_FUNCTIONS_TAKE = ["2001:db8::1", "::1", "fd00:0:0:0:0:0:0:7", "2147483647"]
# What a value needs beside it.
BESIDE = {
    "QueryToken": {"QueryAuthType": "NONE"},
    "RedisPasswordSecretArn": {"RedisAuthentication": "password"},
}


def values(kind):
    return [
        pytest.param(setting["parameter"], value, id=f"{setting['parameter']}={value}"[:60])
        for setting in VALUES
        for value in setting[kind]
    ]


@pytest.mark.parametrize(("parameter", "value"), values("bad"))
def test_a_value_that_the_functions_refuse_is_refused(parameter, value):
    with pytest.raises(Refused, match=f"^(Parameter )?{parameter} must be|^{parameter} must not"):
        accept(**BESIDE.get(parameter, {}) | {parameter: value})


@pytest.mark.parametrize(("parameter", "value"), values("good"))
def test_a_value_that_the_functions_take_is_taken_but_for_the_named_ones(parameter, value):
    if value not in ONLY_THE_FUNCTIONS_TAKE:
        accept(**BESIDE.get(parameter, {}) | {parameter: value})
    else:
        with pytest.raises(Refused, match=f"^{parameter} must be"):
            accept(**{parameter: value})


def test_the_functions_values_are_those_of_parameters_and_of_all_that_reach_a_variable():
    tried = {setting["parameter"]: setting["variable"] for setting in VALUES}
    shared = load()["Globals"]["Function"]["Environment"]["Variables"]
    publisher = load()["Resources"]["PublishFunction"]["Properties"]["Environment"]["Variables"]
    given = {value["Ref"]: name for name, value in (shared | publisher).items() if value.keys() == {"Ref"}}
    # Of a user, only what Redis takes is known; the template is stricter.
    assert given | {"QueryToken": "QUERY_TOKEN"} == tried | {"RedisUser": "REDIS_USER"}


def test_every_parameter_but_those_that_cloudformation_checks_has_a_bad_value_above():
    tried = {name for given, _ in BAD for name in given} | BOUNDS.keys()
    assert CONTRACT.keys() - tried == {"VpcId"}


@pytest.mark.parametrize(
    "given",
    [
        {"RedisAuthentication": "password", "RedisPasswordSecretArn": REDIS},
        {"RedisAuthentication": "password", "RedisPasswordSecretArn": f"{REDIS}:SecretString:password"},
        {"RedisAuthentication": "password", "RedisPasswordSecretArn": f"{REDIS}:SecretString:password::v1"},
        {"RedisAuthentication": "password", "RedisUser": "metrics", "RedisPasswordSecretArn": REDIS},
        {"RedisAuthentication": "iam", "RedisUser": "metrics", "RedisCacheName": "suna-redis"},
        {"QueryAuthType": "NONE", "QueryToken": "0123456789abcdef"},
        {"QueryToken": "none"},
        {"QueryToken": "0123456789abcdef", "LoadBalancerListenerArn": LISTENER},
        {"LoadBalancerListenerArn": LISTENER, "LoadBalancerHost": "*.suna.so", "LoadBalancerRulePriority": 50000},
        {"RedisAuthentication": "iam", "RedisUser": "m", "RedisCacheName": "c", "RedisServerless": "true"},
        {"DatabaseUrlSecretArn": REDIS, "SecretKmsKeyArn": KEY},
        {"QueryAuthType": "OFF"},
        {"QueryAuthType": "OFF", "QueryToken": "0123456789abcdef"},
        {"QueueNames": "default,high_priority,low.priority-2"},
        {"QueueNames": ",".join(f"q{number}" for number in range(500))},
        {"QueueNames": "a,aa,a.a,b.a,aa.DQ.a,a_"},
        {"QueueNames": "q" * 3000},
        {"RedisHost": "r"},
        {"ClusterName": "c", "ApiServiceName": "a", "WorkerServiceName": "w"},
        {"DramatiqNamespace": "d", "MetricNamespace": "M", "ServiceName": "s", "QueueNames": "q"},
        {"RedisHost": "r1", "RedisSecurityGroupId": "sg-01234567"},
        {"RedisHost": "10.0.0.1", "RedisSecurityGroupId": "sg-0123456789abcdef0"},
        {"ApiServiceName": "", "ManageApiScaling": "false"},
        {"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/PowerUserAccess"},
        {"PermissionsBoundaryArn": "arn:aws-us-gov:iam::123456789012:policy/teams/boundary"},
        {"MetricNamespace": "Suna/Production", "ServiceName": "worker-2.eu/a_b"},
        {"AlarmTopicArn": TOPIC, "TicketTopicArn": TOPIC, "OldestJobAgeThreshold": 1},
        {"QueueTarget": 1, "LogRetentionDays": 1},
        {"LogRetentionDays": 3653},
    ],
    ids=str,
)
def test_a_good_combination_is_taken(given):
    accept(**given)
