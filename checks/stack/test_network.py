"""Who may talk to whom."""

from kit.template import DATABASE, ENDPOINTS, PASSWORD, REDIS, deploy

ANYWHERE = "0.0.0.0/0"
REDIS_GROUP = {"RedisSecurityGroupId": "sg-0123456789abcdef0"}


def egress(stack, group):
    return {
        rule["Description"]: (
            rule["FromPort"],
            rule["ToPort"],
            rule.get("CidrIp"),
            rule.get("DestinationSecurityGroupId"),
        )
        for rule in stack[group]["SecurityGroupEgress"]
    }


def test_without_a_redis_group_the_functions_reach_the_redis_port_anywhere():
    stack = deploy(RedisPort=6380)
    assert egress(stack, "PublishSecurityGroup") == {
        "Redis": ("6380", "6380", ANYWHERE, None),
        "CloudWatch, ECS and Secrets Manager": (443, 443, ANYWHERE, None),
    }
    assert egress(stack, "QuerySecurityGroup") == {"Redis": ("6380", "6380", ANYWHERE, None)}
    assert stack.of_type("AWS::EC2::SecurityGroupIngress") == {}


def test_with_a_redis_group_the_functions_reach_that_group_alone_and_are_let_in():
    stack = deploy(**REDIS_GROUP, RedisPort=6380)
    for group in ("PublishSecurityGroup", "QuerySecurityGroup"):
        assert egress(stack, group)["Redis"] == ("6380", "6380", None, "sg-0123456789abcdef0")
    ingress = stack.of_type("AWS::EC2::SecurityGroupIngress")
    assert {name: rule["SourceSecurityGroupId"] for name, rule in ingress.items()} == {
        "RedisIngressFromPublish": "<PublishSecurityGroup>",
        "RedisIngressFromQuery": "<QuerySecurityGroup>",
    }
    for rule in ingress.values():
        assert (rule["GroupId"], rule["FromPort"], rule["ToPort"]) == ("sg-0123456789abcdef0", "6380", "6380")


def test_the_query_reaches_postgresql_only_with_a_database():
    assert egress(deploy(DatabaseUrlSecretArn=DATABASE), "QuerySecurityGroup") == {
        "Redis": ("6379", "6379", ANYWHERE, None),
        "PostgreSQL": (5432, 5432, ANYWHERE, None),
        "PostgreSQL behind a connection pooler": (6543, 6543, ANYWHERE, None),
        "Secrets Manager": (443, 443, ANYWHERE, None),
    }
    assert egress(deploy(**PASSWORD), "QuerySecurityGroup") == {
        "Redis": ("6379", "6379", ANYWHERE, None),
        "Secrets Manager": (443, 443, ANYWHERE, None),
    }


def test_every_rule_is_tcp_and_has_a_description():
    stack = deploy(**REDIS_GROUP, **ENDPOINTS, DatabaseUrlSecretArn=DATABASE)
    rules = list(stack.of_type("AWS::EC2::SecurityGroupIngress").values())
    for group in ("PublishSecurityGroup", "QuerySecurityGroup"):
        rules += stack[group]["SecurityGroupEgress"]
    assert len(rules) == 10
    assert {(rule["IpProtocol"], bool(rule["Description"])) for rule in rules} == {("tcp", True)}


def test_the_endpoints_group_lets_nothing_out():
    (rule,) = deploy(**ENDPOINTS)["EndpointSecurityGroup"]["SecurityGroupEgress"]
    assert (rule["IpProtocol"], rule["CidrIp"]) == ("icmp", "255.255.255.255/32")


def test_every_group_belongs_to_the_vpc():
    groups = deploy(**ENDPOINTS).of_type("AWS::EC2::SecurityGroup")
    assert {name: group["VpcId"] for name, group in groups.items()} == dict.fromkeys(
        ["PublishSecurityGroup", "QuerySecurityGroup", "EndpointSecurityGroup"], "vpc-0"
    )


def test_a_functions_group_goes_before_its_role_so_that_lambda_can_still_remove_the_interfaces():
    resources = deploy().resources
    assert resources["PublishSecurityGroup"]["DependsOn"] == "PublishRole"
    assert resources["QuerySecurityGroup"]["DependsOn"] == "QueryRole"


def test_without_endpoints_the_sdk_finds_aws_by_itself():
    stack = deploy()
    assert stack.of_type("AWS::EC2::VPCEndpoint") == {}
    assert "EndpointSecurityGroup" not in stack
    assert [name for name in stack.variables("PublishFunction") if name.startswith("AWS_")] == []


def test_with_endpoints_the_publisher_alone_goes_through_them():
    stack = deploy(**ENDPOINTS)
    variables = stack.variables("PublishFunction")
    assert variables["AWS_ENDPOINT_URL_CLOUDWATCH"] == "https://<CloudWatchEndpoint.DnsEntries>"
    assert variables["AWS_ENDPOINT_URL_ECS"] == "https://<EcsEndpoint.DnsEntries>"
    assert [name for name in stack.variables("QueryFunction") if name.startswith("AWS_")] == []
    assert egress(stack, "PublishSecurityGroup")["CloudWatch, ECS and Secrets Manager"] == (
        443,
        443,
        None,
        "<EndpointSecurityGroup>",
    )
    ingress = stack["EndpointIngress"]
    assert (ingress["GroupId"], ingress["SourceSecurityGroupId"]) == (
        "<EndpointSecurityGroup>",
        "<PublishSecurityGroup>",
    )
    assert (ingress["FromPort"], ingress["ToPort"]) == (443, 443)


def test_a_secret_gets_an_endpoint_of_its_own_for_both_functions():
    for given, secrets in [
        (PASSWORD, [REDIS]),
        ({"DatabaseUrlSecretArn": f"{DATABASE}:SecretString:url"}, [DATABASE]),
        (PASSWORD | {"DatabaseUrlSecretArn": DATABASE}, [REDIS, DATABASE]),
    ]:
        stack = deploy(**ENDPOINTS, **given)
        for function in ("PublishFunction", "QueryFunction"):
            url = stack.variables(function)["AWS_ENDPOINT_URL_SECRETS_MANAGER"]
            assert url == "https://<SecretsManagerEndpoint.DnsEntries>"
        assert egress(stack, "QuerySecurityGroup")["Secrets Manager"] == (443, 443, None, "<EndpointSecurityGroup>")
        assert stack["EndpointIngressFromQuery"]["SourceSecurityGroupId"] == "<QuerySecurityGroup>"
        endpoint = stack["SecretsManagerEndpoint"]
        assert endpoint["ServiceName"] == "com.amazonaws.us-west-2.secretsmanager"
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert statement["Action"] == "secretsmanager:GetSecretValue"
        assert statement["Resource"] == secrets
        assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": ["<PublishRole.Arn>", "<QueryRole.Arn>"]}}
        assert not endpoint["PrivateDnsEnabled"]
    assert "SecretsManagerEndpoint" not in deploy(**PASSWORD)


def test_an_endpoint_serves_the_publishers_calls_and_nobody_elses():
    endpoints = deploy(**ENDPOINTS).of_type("AWS::EC2::VPCEndpoint")
    assert {e["ServiceName"] for e in endpoints.values()} == {
        "com.amazonaws.us-west-2.monitoring",
        "com.amazonaws.us-west-2.ecs",
    }
    for endpoint in endpoints.values():
        assert endpoint["VpcEndpointType"] == "Interface"
        assert endpoint["VpcId"] == "vpc-0"
        assert endpoint["SubnetIds"] == ["subnet-0a", "subnet-0b"]
        assert endpoint["SecurityGroupIds"] == ["<EndpointSecurityGroup>"]
        # Private DNS would lead the whole VPC's calls here, where only the publisher is let in.
        assert endpoint["PrivateDnsEnabled"] is False
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Allow", "*")
        assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": "<PublishRole.Arn>"}}
    statements = {name: e["PolicyDocument"]["Statement"][0] for name, e in endpoints.items()}
    assert statements["CloudWatchEndpoint"]["Action"] == "cloudwatch:PutMetricData"
    assert statements["CloudWatchEndpoint"]["Resource"] == "*"
    assert statements["EcsEndpoint"]["Action"] == "ecs:DescribeServices"
    assert statements["EcsEndpoint"]["Resource"].endswith(":service/suna-ecs/suna-worker-svc-8b51da8")
