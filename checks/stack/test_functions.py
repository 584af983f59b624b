"""The two functions, what starts them and what they are told."""

import re

import pytest
from kit.machine import ROOT
from kit.template import DATABASE, REDIS, accept, deploy, load
from test_parameters import VALUES

ONE_STACK = "/one-stack-per-MetricNamespace-and-ServiceName"

FUNCTIONS = {"PublishFunction": ("PublishHandler", 30), "QueryFunction": ("QueryHandler", 20)}


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_the_java_handler_in_the_vpc_with_a_role_log_and_group_of_its_own(name, architecture):
    handler, timeout = FUNCTIONS[name]
    assert (ROOT / f"src/main/java/so/suna/queuemetrics/{handler}.java").is_file()
    own = name.removesuffix("Function")
    expected = {
        "Handler": f"so.suna.queuemetrics.{handler}::handleRequest",
        "Runtime": "java25",
        "Architectures": [architecture],
        "Timeout": timeout,
        "MemorySize": 512,
        "Role": f"<{own}Role.Arn>",
        "LoggingConfig": {"LogGroup": f"<{own}LogGroup>"},
        "VpcConfig": {"SubnetIds": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": [f"<{own}SecurityGroup>"]},
    }
    function = deploy(Architecture=architecture)[name]
    assert {key: function[key] for key in expected} == expected


def test_both_functions_have_the_package_that_the_build_makes():
    source = load()
    assert source["Globals"]["Function"]["CodeUri"] == "target/lambda.zip"
    assert ["CodeUri" in source["Resources"][name]["Properties"] for name in FUNCTIONS] == [False, False]


@pytest.mark.parametrize(
    ("given", "reserved"),
    [({}, [None, None]), ({"ReservedConcurrency": 3}, ["3", None]), ({"QueryReservedConcurrency": 3}, [None, "3"])],
    ids=str,
)
def test_concurrency_is_reserved_only_for_the_function_for_which_it_is_asked(given, reserved):
    stack = deploy(**given)
    assert [stack[name].get("ReservedConcurrentExecutions") for name in FUNCTIONS] == reserved


def test_logs_are_kept_for_the_chosen_days():
    groups = deploy(LogRetentionDays=7).of_type("AWS::Logs::LogGroup")
    assert {name: (group["LogGroupName"], group["RetentionInDays"]) for name, group in groups.items()} == {
        "OneStackPerNamespaceAndService": (f"{ONE_STACK}/Kortix#worker", "7"),
        "PublishLogGroup": ("/aws/lambda/queue-metrics-publish", "7"),
        "QueryLogGroup": ("/aws/lambda/queue-metrics-query", "7"),
    }


def name_of_the_pair(**given):
    return deploy(**given)["OneStackPerNamespaceAndService"]["LogGroupName"]


def test_a_stack_takes_a_name_that_a_second_one_with_the_same_namespace_and_service_cannot_have():
    assert name_of_the_pair(MetricNamespace="a/b", ServiceName="c") != name_of_the_pair(MetricNamespace="a", ServiceName="b/c")
    # It must fail before its first tick, which would be a number of another broker.
    assert deploy().resources["PublishFunction"]["DependsOn"] == "OneStackPerNamespaceAndService"


def test_the_name_of_the_pair_is_legal_however_long_its_parts_are():
    longest = name_of_the_pair(MetricNamespace="n" * 255, ServiceName="s" * 128)
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    assert re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", longest)


# Besides what both are told.
OWN = {
    "PublishFunction": {"PER_QUEUE_METRICS", "METRIC_NAMESPACE", "SERVICE_NAME", "ECS_CLUSTER", "ECS_WORKER_SERVICE"},
    "QueryFunction": {"QUERY_TOKEN", "DATABASE_URL", "DATABASE_URL_SECRET_ARN"},
}


@pytest.mark.parametrize(("name", "other"), [("PublishFunction", "QueryFunction"), ("QueryFunction", "PublishFunction")])
def test_a_function_is_told_where_redis_is_and_what_is_its_own(name, other):
    given = accept()
    settings = {setting["variable"]: given[setting["parameter"]] for setting in VALUES}
    settings |= dict.fromkeys(["REDIS_USER", "REDIS_PASSWORD", "DATABASE_URL", "DATABASE_URL_SECRET_ARN"], "")
    assert deploy().variables(name) == {variable: settings[variable] for variable in settings.keys() - OWN[other]}


def test_every_setting_reaches_the_variable_by_which_the_functions_know_it():
    shared = load()["Globals"]["Function"]["Environment"]["Variables"]
    publisher = load()["Resources"]["PublishFunction"]["Properties"]["Environment"]["Variables"]
    given = {value["Ref"]: name for name, value in (shared | publisher).items() if value.keys() == {"Ref"}}
    # Of a user, only what Redis takes is known; the template is stricter.
    known = {setting["parameter"]: setting["variable"] for setting in VALUES} | {"RedisUser": "REDIS_USER"}
    assert given | {"QueryToken": "QUERY_TOKEN"} == known


def test_every_variable_is_one_that_the_code_reads_and_every_one_it_reads_is_given():
    settings = (ROOT / "src/main/java/so/suna/queuemetrics/Settings.java").read_text()
    # Above it stand names that only look like settings.
    read = re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', settings.partition("static Settings of(")[2])
    stack = deploy()
    assert stack.variables("PublishFunction").keys() | stack.variables("QueryFunction").keys() == set(read)


@pytest.mark.parametrize("suffix", ["", ":SecretString:password", ":SecretString:password::v1"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_password_is_read_from_its_secret_at_deployment(name, suffix):
    variables = deploy(RedisAuthentication="password", RedisPasswordSecretArn=REDIS + suffix).variables(name)
    assert variables["REDIS_PASSWORD"] == f"{{{{resolve:secretsmanager:{REDIS}{suffix}}}}}"
    assert variables["REDIS_PASSWORD_SECRET_ARN"] == REDIS + suffix


def test_the_database_is_read_from_its_secret_at_deployment_and_told_to_the_query_only():
    stack = deploy(DatabaseUrlSecretArn=DATABASE)
    assert stack.variables("QueryFunction")["DATABASE_URL"] == f"{{{{resolve:secretsmanager:{DATABASE}}}}}"
    assert stack.variables("QueryFunction")["DATABASE_URL_SECRET_ARN"] == DATABASE
    assert [name for name in stack.variables("PublishFunction") if name.startswith("DATABASE_")] == []


# The schedule


def test_a_rule_starts_a_tick_every_minute_and_drops_stale_ones():
    rule = deploy()["PublishFunctionTick"]
    assert rule["ScheduleExpression"] == "cron(* * * * ? *)"
    (target,) = rule["Targets"]
    assert target["Arn"] == "<PublishFunction.Arn>"
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 2}


def test_the_rule_may_call_the_publisher():
    assert deploy()["PublishFunctionTickPermission"] == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "<PublishFunction>",
        "Principal": "events.amazonaws.com",
        "SourceArn": "<PublishFunctionTick.Arn>",
    }


def test_a_tick_that_waited_a_minute_or_failed_is_not_tried_again():
    config = deploy()["PublishFunctionEventInvokeConfig"]
    assert (config["MaximumEventAgeInSeconds"], config["MaximumRetryAttempts"]) == (60, 0)
    assert config["FunctionName"] == "<PublishFunction>"


@pytest.mark.parametrize(
    ("partition", "region", "console"),
    [
        ("aws", "eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_the_dashboard_is_where_the_partitions_console_is(partition, region, console):
    url = deploy(partition=partition, region=region).outputs["DashboardUrl"]
    assert url == f"https://{console}/cloudwatch/home?region={region}#dashboards/dashboard/<Dashboard>"


def test_outputs_are_the_agreed_ones():
    outputs = dict(deploy().outputs)
    assert outputs.pop("DashboardUrl")
    assert outputs == {
        "PublishFunctionName": "<PublishFunction>",
        "QueryFunctionName": "<QueryFunction>",
        "QueryUrl": "<QueryFunctionUrl.FunctionUrl>",
        "PublishSecurityGroupId": "<PublishSecurityGroup.GroupId>",
        "QuerySecurityGroupId": "<QuerySecurityGroup.GroupId>",
    }
