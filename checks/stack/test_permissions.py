"""Who may do what."""

import re

import pytest
from kit.machine import ROOT
from kit.template import DATABASE, ENDPOINTS, IAM, KEY, OPEN, PASSWORD, REDIS, deploy

NETWORK_INTERFACES = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]


def own_statements(stack, role):
    (policy,) = stack[role]["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def shared_statements(stack):
    return {s["Sid"]: s for s in stack["RedisAccessPolicy"]["PolicyDocument"]["Statement"]}


@pytest.mark.parametrize("role", ["PublishRole", "QueryRole"])
def test_lambda_alone_may_take_on_a_role(role):
    (statement,) = deploy()[role]["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
    }  # fmt: skip
    assert deploy()[role]["ManagedPolicyArns"] == ["<RedisAccessPolicy>"]


def test_every_role_gets_the_permissions_boundary():
    assert [role for role in deploy().of_type("AWS::IAM::Role").values() if "PermissionsBoundary" in role] == []
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    roles = deploy(PermissionsBoundaryArn=boundary).of_type("AWS::IAM::Role")
    assert {name: role["PermissionsBoundary"] for name, role in roles.items()} == {
        "PublishRole": boundary,
        "QueryRole": boundary,
    }


def test_the_publisher_may_put_metrics_into_its_namespace_and_look_at_its_service_and_log():
    stack = deploy(MetricNamespace="Suna", ClusterName="c", WorkerServiceName="w")
    assert own_statements(stack, "PublishRole") == {
        "Metrics": {
            "Sid": "Metrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "Suna"}},
        },
        "Workers": {
            "Sid": "Workers",
            "Effect": "Allow",
            "Action": "ecs:DescribeServices",
            "Resource": "arn:aws:ecs:us-west-2:123456789012:service/c/w",
        },
        "Logs": {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "<PublishLogGroup.Arn>",
        },
    }


def test_the_query_may_write_its_log_and_nothing_else():
    assert own_statements(deploy(**OPEN), "QueryRole") == {
        "Logs": {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "<QueryLogGroup.Arn>",
        },
    }


def test_the_query_alone_may_read_the_secret_of_the_database():
    stack = deploy(DatabaseUrlSecretArn=f"{DATABASE}:SecretString:url")
    assert own_statements(stack, "QueryRole")["DatabaseUrl"] == {
        "Sid": "DatabaseUrl",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": DATABASE,
    }
    assert "DatabaseUrl" not in own_statements(stack, "PublishRole").keys() | shared_statements(stack).keys()


def test_a_password_alone_allows_both_functions_to_read_its_secret():
    assert "RedisPassword" not in shared_statements(deploy(**IAM))
    assert shared_statements(deploy(**PASSWORD))["RedisPassword"] == {
        "Sid": "RedisPassword",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": REDIS,
    }


def test_a_key_of_ones_own_may_decrypt_secrets_and_nothing_else():
    assert "SecretKey" not in shared_statements(deploy(**PASSWORD)).keys() | shared_statements(deploy(SecretKmsKeyArn=KEY)).keys()
    for given in [PASSWORD, {"DatabaseUrlSecretArn": DATABASE}]:
        assert shared_statements(deploy(**given, SecretKmsKeyArn=KEY))["SecretKey"] == {
            "Sid": "SecretKey",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": KEY,
            "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.us-west-2.amazonaws.com"}},
        }


def test_lambda_may_make_network_interfaces_and_the_functions_code_may_not():
    statements = shared_statements(deploy())
    assert statements.keys() == {"AttachToVpc", "NotFromCode"}
    allowed, denied = statements["AttachToVpc"], statements["NotFromCode"]
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert allowed["Action"] == denied["Action"] == NETWORK_INTERFACES
    assert allowed["Resource"] == denied["Resource"] == "*"
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_iam_login_alone_allows_to_connect_to_the_cache_as_the_user():
    assert "Connect" not in shared_statements(deploy())
    assert shared_statements(deploy(**IAM))["Connect"] == {
        "Sid": "Connect",
        "Effect": "Allow",
        "Action": "elasticache:Connect",
        "Resource": [
            "arn:aws:elasticache:us-west-2:123456789012:replicationgroup:suna-redis",
            "arn:aws:elasticache:us-west-2:123456789012:user:metrics",
        ],
    }
    assert shared_statements(deploy(**IAM, RedisServerless="true"))["Connect"]["Resource"] == [
        "arn:aws:elasticache:us-west-2:123456789012:serverlesscache:suna-redis",
        "arn:aws:elasticache:us-west-2:123456789012:user:metrics",
    ]


def test_no_action_is_a_wildcard():
    stack = deploy(**IAM, **OPEN, **ENDPOINTS)
    actions = []
    for resource in stack.resources.values():
        collect(resource["Properties"], "Action", actions)
    assert [action for action in actions if "*" in action] == []
    assert "ecs:DescribeServices" in actions


def collect(node, key, found):
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and isinstance(value, (str, list)):
                found.extend([value] if isinstance(value, str) else value)
            collect(value, key, found)
    elif isinstance(node, list):
        for value in node:
            collect(value, key, found)


def test_every_wildcard_in_the_template_is_explained_beside_it():
    lines = (ROOT / "template.yaml").read_text().splitlines()
    wildcards = [n for n, line in enumerate(lines) if re.search(r"(Resource|Principal): '\*'", line)]
    assert len(wildcards) == 9
    unexplained = [n + 1 for n in wildcards if "#" not in lines[n] and not lines[n - 1].lstrip().startswith("#")]
    assert unexplained == []
