"""Who may talk to whom."""

import pytest
from kit.template import DATABASE, ENDPOINTS, PASSWORD, REDIS, deploy

ANYWHERE = "0.0.0.0/0"
REDIS_GROUP = {"RedisSecurityGroupId": "sg-0123456789abcdef0"}
PUBLISHER, QUERY, FOR_ENDPOINTS = "<PublishSecurityGroup>", "<QuerySecurityGroup>", "<EndpointSecurityGroup>"


def port(rule):
    """The one TCP port of a rule, which must have a description."""
    assert (rule["IpProtocol"], rule["FromPort"], bool(rule["Description"])) == ("tcp", rule["ToPort"], True)
    return rule["FromPort"]


def egress(stack, group):
    """By the description of each rule the port and whom it reaches there."""
    rules = stack[group]["SecurityGroupEgress"]
    assert [rule for rule in rules if rule.keys() >= {"CidrIp", "DestinationSecurityGroupId"}] == []
    return {r["Description"]: (port(r), r.get("CidrIp") or r["DestinationSecurityGroupId"]) for r in rules}


def ingress(stack):
    """Each rule's group, its port there and who is let in."""
    rules = stack.of_type("AWS::EC2::SecurityGroupIngress").items()
    return {name: (rule["GroupId"], port(rule), rule["SourceSecurityGroupId"]) for name, rule in rules}


def test_without_a_redis_group_the_functions_reach_the_redis_port_anywhere():
    stack = deploy(RedisPort=6380)
    aws = {"CloudWatch, ECS and Secrets Manager": (443, ANYWHERE)}
    assert egress(stack, "PublishSecurityGroup") == {"Redis": ("6380", ANYWHERE)} | aws
    assert egress(stack, "QuerySecurityGroup") == {"Redis": ("6380", ANYWHERE)}
    assert ingress(stack) == {}


def test_with_a_redis_group_the_functions_reach_that_group_alone_and_are_let_in():
    stack = deploy(**REDIS_GROUP, RedisPort=6380)
    group = REDIS_GROUP["RedisSecurityGroupId"]
    for function in ("PublishSecurityGroup", "QuerySecurityGroup"):
        assert egress(stack, function)["Redis"] == ("6380", group)
    assert ingress(stack) == {
        "RedisIngressFromPublish": (group, "6380", PUBLISHER),
        "RedisIngressFromQuery": (group, "6380", QUERY),
    }


SECRETS = {"Secrets Manager": (443, ANYWHERE)}
DATABASES = {"PostgreSQL": (5432, ANYWHERE), "PostgreSQL behind a connection pooler": (6543, ANYWHERE)}


@pytest.mark.parametrize(
    ("given", "more"), [({"DatabaseUrlSecretArn": DATABASE}, DATABASES | SECRETS), (PASSWORD, SECRETS)], ids=str
)
def test_the_query_reaches_postgresql_only_with_a_database(given, more):
    assert egress(deploy(**given), "QuerySecurityGroup") == {"Redis": ("6379", ANYWHERE)} | more


def test_the_endpoints_group_lets_nothing_out():
    (rule,) = deploy(**ENDPOINTS)["EndpointSecurityGroup"]["SecurityGroupEgress"]
    assert (rule["IpProtocol"], rule["CidrIp"]) == ("icmp", "255.255.255.255/32")


def test_every_group_belongs_to_the_vpc():
    groups = deploy(**ENDPOINTS).of_type("AWS::EC2::SecurityGroup")
    assert {f"<{name}>": group["VpcId"] for name, group in groups.items()} == dict.fromkeys(
        [PUBLISHER, QUERY, FOR_ENDPOINTS], "vpc-0"
    )


@pytest.mark.parametrize("function", ["Publish", "Query"])
def test_a_functions_group_goes_before_its_role_so_that_lambda_can_still_remove_the_interfaces(function):
    assert deploy().resources[f"{function}SecurityGroup"]["DependsOn"] == f"{function}Role"


def endpoints(stack, function):
    """Where the SDK of a function looks for AWS."""
    variables = stack.variables(function).items()
    return {name.removeprefix("AWS_ENDPOINT_URL_"): url for name, url in variables if name.startswith("AWS_")}


def test_without_endpoints_the_sdk_finds_aws_by_itself():
    stack = deploy(**PASSWORD)
    assert stack.of_type("AWS::EC2::VPCEndpoint") == {}
    assert "EndpointSecurityGroup" not in stack
    assert endpoints(stack, "PublishFunction") == endpoints(stack, "QueryFunction") == {}


OF_PUBLISHER = {"CLOUDWATCH": "https://<CloudWatchEndpoint.DnsEntries>", "ECS": "https://<EcsEndpoint.DnsEntries>"}
OF_BOTH = {"SECRETS_MANAGER": "https://<SecretsManagerEndpoint.DnsEntries>"}


def test_with_endpoints_the_publisher_alone_goes_through_them():
    stack = deploy(**ENDPOINTS)
    assert (endpoints(stack, "PublishFunction"), endpoints(stack, "QueryFunction")) == (OF_PUBLISHER, {})
    assert egress(stack, "PublishSecurityGroup")["CloudWatch, ECS and Secrets Manager"] == (443, FOR_ENDPOINTS)
    assert ingress(stack) == {"EndpointIngress": (FOR_ENDPOINTS, 443, PUBLISHER)}


WITH_KEY = {"DatabaseUrlSecretArn": f"{DATABASE}:SecretString:url"}
CLOUDWATCH = ("CloudWatchEndpoint", "monitoring", "cloudwatch:PutMetricData", "*")
ECS = ("EcsEndpoint", "ecs", "ecs:DescribeServices", "arn:aws:ecs:us-west-2:123456789012:service/suna-ecs/suna-worker-svc-8b51da8")
MANAGER = ("SecretsManagerEndpoint", "secretsmanager", "secretsmanager:GetSecretValue")


@pytest.mark.parametrize(
    ("given", "secrets"),
    [(PASSWORD, [REDIS]), (WITH_KEY, [DATABASE]), (PASSWORD | {"DatabaseUrlSecretArn": DATABASE}, [REDIS, DATABASE])],
    ids=str,
)
def test_a_secret_is_reached_by_both_functions_through_an_endpoint(given, secrets):
    stack = deploy(**ENDPOINTS, **given)
    assert (endpoints(stack, "PublishFunction"), endpoints(stack, "QueryFunction")) == (OF_PUBLISHER | OF_BOTH, OF_BOTH)
    assert egress(stack, "QuerySecurityGroup")["Secrets Manager"] == (443, FOR_ENDPOINTS)
    assert ingress(stack)["EndpointIngressFromQuery"] == (FOR_ENDPOINTS, 443, QUERY)
    assert stack["SecretsManagerEndpoint"]["PolicyDocument"]["Statement"][0]["Resource"] == secrets


@pytest.mark.parametrize(
    ("given", "name", "service", "action", "resource", "roles"),
    [
        ({}, *CLOUDWATCH, "<PublishRole.Arn>"),
        ({}, *ECS, "<PublishRole.Arn>"),
        (PASSWORD, *MANAGER, [REDIS], ["<PublishRole.Arn>", "<QueryRole.Arn>"]),
    ],
)
def test_an_endpoint_serves_the_functions_calls_and_nobody_elses(given, name, service, action, resource, roles):
    stack = deploy(**ENDPOINTS, **given)
    assert len(stack.of_type("AWS::EC2::VPCEndpoint")) == (3 if given else 2)
    endpoint = dict(stack[name])
    assert endpoint.pop("PolicyDocument")["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": action,
            "Resource": resource,
            "Condition": {"ArnEquals": {"aws:PrincipalArn": roles}},
        }
    ]
    assert endpoint == {
        "VpcEndpointType": "Interface",
        "ServiceName": f"com.amazonaws.us-west-2.{service}",
        "VpcId": "vpc-0",
        "SubnetIds": ["subnet-0a", "subnet-0b"],
        "SecurityGroupIds": [FOR_ENDPOINTS],
        # Private DNS would lead the whole VPC's calls here, where only the functions are let in.
        "PrivateDnsEnabled": False,
    }
