"""Who may do what."""

import re

import pytest
from kit.machine import ROOT
from kit.template import DATABASE, ENDPOINTS, IAM, KEY, OPEN, PASSWORD, REDIS, deploy

ARN = "arn:aws:{}:us-west-2:123456789012:{}"
READ = "secretsmanager:GetSecretValue"
WRITE_LOG = ["logs:CreateLogStream", "logs:PutLogEvents"]


def allow(**rows):
    """Statements by their Sid, each given as an action, a resource and perhaps a condition."""
    keys = ("Action", "Resource", "Condition")
    return {sid: {"Sid": sid, "Effect": "Allow"} | dict(zip(keys, row, strict=False)) for sid, row in rows.items()}


def statements(document):
    return {statement["Sid"]: statement for statement in document["Statement"]}


def own_statements(stack, role):
    (policy,) = stack[role]["Policies"]
    return statements(policy["PolicyDocument"])


def shared_statements(stack):
    return statements(stack["RedisAccessPolicy"]["PolicyDocument"])


@pytest.mark.parametrize("role", ["PublishRole", "QueryRole"])
def test_lambda_alone_may_take_on_a_role(role):
    (statement,) = deploy()[role]["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert deploy()[role]["ManagedPolicyArns"] == ["<RedisAccessPolicy>"]


@pytest.mark.parametrize("given", [{}, {"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary"}], ids=str)
def test_every_role_gets_the_permissions_boundary(given):
    roles = deploy(**given).of_type("AWS::IAM::Role")
    boundary = given.get("PermissionsBoundaryArn")
    assert {name: role.get("PermissionsBoundary") for name, role in roles.items()} == {
        "PublishRole": boundary,
        "QueryRole": boundary,
    }


def test_the_publisher_may_put_metrics_into_its_namespace_and_look_at_its_service_and_log():
    stack = deploy(MetricNamespace="Suna", ClusterName="c", WorkerServiceName="w", DatabaseUrlSecretArn=DATABASE)
    assert own_statements(stack, "PublishRole") == allow(
        Metrics=("cloudwatch:PutMetricData", "*", {"StringEquals": {"cloudwatch:namespace": "Suna"}}),
        Workers=("ecs:DescribeServices", ARN.format("ecs", "service/c/w")),
        Logs=(WRITE_LOG, "<PublishLogGroup.Arn>"),
    )


@pytest.mark.parametrize(
    ("given", "more"),
    [(OPEN, {}), ({"DatabaseUrlSecretArn": f"{DATABASE}:SecretString:url"}, allow(DatabaseUrl=(READ, DATABASE)))],
    ids=["open", "with a database"],
)
def test_the_query_may_write_its_log_and_read_the_secret_of_its_database_and_nothing_else(given, more):
    assert own_statements(deploy(**given), "QueryRole") == allow(Logs=(WRITE_LOG, "<QueryLogGroup.Arn>")) | more


DECRYPT = ("kms:Decrypt", KEY, {"StringEquals": {"kms:ViaService": "secretsmanager.us-west-2.amazonaws.com"}})
USER = ARN.format("elasticache", "user:metrics")


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {}),
        ({"SecretKmsKeyArn": KEY}, {}),
        ({"DatabaseUrlSecretArn": DATABASE}, {}),
        ({"DatabaseUrlSecretArn": DATABASE, "SecretKmsKeyArn": KEY}, allow(SecretKey=DECRYPT)),
        (PASSWORD, allow(RedisPassword=(READ, REDIS))),
        (PASSWORD | {"SecretKmsKeyArn": KEY}, allow(RedisPassword=(READ, REDIS), SecretKey=DECRYPT)),
        (IAM, allow(Connect=("elasticache:Connect", [ARN.format("elasticache", "replicationgroup:suna-redis"), USER]))),
        (
            IAM | {"RedisServerless": "true"},
            allow(Connect=("elasticache:Connect", [ARN.format("elasticache", "serverlesscache:suna-redis"), USER])),
        ),
    ],
    ids=str,
)
def test_both_functions_may_do_what_their_login_to_redis_needs_and_nothing_else(given, more):
    found = shared_statements(deploy(**given))
    assert {sid: found[sid] for sid in found.keys() - {"AttachToVpc", "NotFromCode"}} == more


def test_lambda_may_make_network_interfaces_and_the_functions_code_may_not():
    actions = ["AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface"]
    actions += ["DescribeNetworkInterfaces", "DescribeSubnets", "UnassignPrivateIpAddresses"]
    expected = allow(
        AttachToVpc=([f"ec2:{action}" for action in actions], "*"),
        NotFromCode=([f"ec2:{action}" for action in actions], "*", {"Null": {"lambda:SourceFunctionArn": "false"}}),
    )
    expected["NotFromCode"]["Effect"] = "Deny"
    assert shared_statements(deploy()) == expected


def test_no_action_is_a_wildcard():
    found = actions(list(deploy(**IAM, **OPEN, **ENDPOINTS).resources.values()))
    assert [action for action in found if "*" in action] == []
    assert "ecs:DescribeServices" in found


def actions(node):
    """All that stands under "Action", at any depth."""
    if isinstance(node, dict):
        here = node.get("Action", [])
        return ([here] if isinstance(here, str) else here) + actions(list(node.values()))
    return [action for child in node for action in actions(child)] if isinstance(node, list) else []


def test_every_wildcard_in_the_template_is_explained_beside_it():
    lines = (ROOT / "template.yaml").read_text().splitlines()
    wildcards = [n for n, line in enumerate(lines) if re.search(r"(Resource|Principal): '\*'", line)]
    assert len(wildcards) == 9
    unexplained = [n + 1 for n in wildcards if "#" not in lines[n] and not lines[n - 1].lstrip().startswith("#")]
    assert unexplained == []
