"""The real template, deployed to a local AWS: the rule fires the function, and the metrics come back.

The tests share one deployment. What neither ticks nor fills the broker comes first: meanwhile the rule fires.
"""

import json

import known_broker
import pytest
import suna
from botocore.exceptions import WaiterError
from deployment import Deployment
from faults import OF_REDIS, OF_WORKERS, in_seconds, wrong
from kit import metrics
from kit.machine import block, until
from localaws import REGION
from suna import QUEUES

WORKERS = 2


@pytest.fixture(scope="module")
def known(stack, broker):
    """The rule fires as the next minute begins: alone in it, and while the dead letters are still new."""
    return broker.fill()


@pytest.fixture(scope="module")
def tick(aws, stack, known, broker):
    """What the rule published when it next fired by itself, for the last time."""
    yield until(
        "the rule has fired",
        lambda: next((put for put in aws.front.of("PutMetricData") if began(put) > broker.filled_at), None),
        seconds=90,
    )
    stack.tick_no_more()


def test_only_what_the_emulator_does_not_know_was_left_out(stack, known):
    assert sorted(stack.left_out) == [
        "ApiCpuScaling",
        "ApiMemoryScaling",
        "ApiScalableTarget",
        "EndpointIngress",
        "EndpointIngressFromQuery",
        "RedisIngressFromPublish",
        "RedisIngressFromQuery",
        "ScalingBlindAlarm",
        "TicksFailAlarm",
        "WorkerBurstAlarm",
        "WorkerBurstScaling",
        "WorkerCpuScaling",
        "WorkerMemoryScaling",
        "WorkerQueueScaling",
        "WorkerScalableTarget",
        "WorkersCannotStartAlarm",
    ]
    assert stack.stack()["StackStatus"] == "CREATE_COMPLETE"


def test_a_second_stack_with_the_same_namespace_and_service_is_not_made_and_says_why(aws, stack, parameters):
    name = "queue-metrics-again"
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        Deployment(aws, name, **parameters)
    cloudformation = aws.client("cloudformation")
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    (failed,) = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert "/one-stack-per-MetricNamespace-and-ServiceName/Kortix#worker" in failed["ResourceStatusReason"]
    assert [f for f in aws.client("lambda").list_functions()["Functions"] if name in f["FunctionName"]] == []
    cloudformation.delete_stack(StackName=name)
    # What made it fail is the first stack's, and stays.
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix="/one-stack-per-")["logGroups"]
    assert [group["logGroupName"].rpartition("/")[2] for group in groups] == ["Kortix#worker"]


# The function URL


@pytest.fixture(scope="module")
def caller(aws, stack):
    """An operator with the policy of docs/deploying.md and no other right, and one with no right at all."""
    account_id = aws.client("sts").get_caller_identity()["Account"]
    statement = block("docs/deploying.md", "json", "lambda:InvokeFunctionUrl")
    statement = statement.replace("QUERY_FUNCTION_NAME", stack.output("QueryFunctionName")).replace("ACCOUNT", account_id)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(statement)]})
    iam = aws.client("iam")
    keys = {}
    for name in ("operator", "stranger"):
        iam.create_user(UserName=name)
        keys[name] = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName="operator", PolicyName="query", PolicyDocument=policy)
    return keys


def signed(key, secret=None):
    user = f"{key['AccessKeyId']}:{secret or key['SecretAccessKey']}"
    return ["--aws-sigv4", f"aws:amz:{REGION}:lambda", "--user", user]


def test_the_url_refuses_a_call_that_is_not_signed(url):
    assert url("api/metrics/queue") == (403, {"Message": "Forbidden"})


def test_the_url_answers_whoever_has_the_policy_of_the_docs(url, caller, known):
    status, body = url("api/metrics/queue", *signed(caller["operator"]))
    assert (status, body["queue_depth"], body["in_flight"]) == (200, known.waiting, known.in_flight)
    assert body["queues"].keys() == set(QUEUES)


@pytest.mark.parametrize("who, secret", [("stranger", None), ("operator", "not-the-secret")])
def test_the_url_refuses_whoever_has_not(url, caller, who, secret):
    assert url("api/metrics/queue", *signed(caller[who], secret))[0] == 403


def test_the_health_check_asks_redis_and_the_database(url, caller):
    status, body = url("api/health-docker", *signed(caller["operator"]))
    assert (status, body["status"], body["database"]) == (200, "ok", "ok")


def test_an_alarm_reaches_the_pager_and_so_does_its_end(aws, stack, pager):
    alarm = stack.resource("NoActiveBrokerAlarm")
    # Set by hand: the emulator knows no evaluation periods, so it would not wait for 5 minutes.
    for state in ("ALARM", "OK"):
        aws.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="rehearsal")
        until(f"the pager says {state}", lambda: pager.was_told(alarm, state))


# The rule's tick


def datums(tick, queue=None):
    wanted = {"Service": "worker"} | ({"Queue": queue} if queue else {})
    return [each for each in tick.input["MetricData"] if dimensions(each) == wanted]


def dimensions(datum):
    return {each["Name"]: each["Value"] for each in datum["Dimensions"]}


def test_the_rule_fires_the_function_by_itself_which_publishes_the_truth_in_one_call(tick, known):
    assert (tick.status, tick.input["Namespace"]) == (200, "Kortix")
    assert {each["MetricName"] for each in datums(tick)} == set(OF_REDIS + OF_WORKERS)
    assert wrong(datums(tick), known, WORKERS, began(tick), tick.at) == []


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_has_metrics_of_its_own(tick, known, broker, queue):
    assert {each["MetricName"] for each in datums(tick, queue)} == set(OF_REDIS) - {"DramatiqActiveBrokers"}
    truth = broker.contents.get(queue, known_broker.EMPTY)
    assert wrong(datums(tick, queue), truth, WORKERS, began(tick), tick.at) == []


def test_cloudwatch_keeps_each_datum_with_value_unit_and_dimensions(aws, tick):
    for datum in tick.input["MetricData"]:
        metric, value = datum["MetricName"], datum["Value"]
        (kept,) = aws.statistics(metric, dimensions(datum), minute=in_seconds(datum["Timestamp"]))
        assert (kept["Unit"], kept["SampleCount"], kept["Sum"]) == (metrics.units()[metric], 1, pytest.approx(value)), datum


def began(put):
    """Redis was read after this instant, in seconds since the epoch, and before the call."""
    return put.at - 10


def test_new_dead_letters_ring_by_themselves(stack, pager, tick):
    alarm = stack.resource("NewDeadLettersAlarm")
    until("the pager rings", lambda: pager.was_told(alarm, "ALARM"))


# Ticks of our own


def test_over_tls_the_least_user_of_the_readme_can_do_all_that_is_asked_and_nothing_is_denied(stack, url, broker, caller):
    broker.cli("ACL", "LOG", "RESET")
    # Else both functions keep a connection that was made before.
    broker.cli("CLIENT", "KILL", "USER", suna.USER)
    assert stack.tick().error is None
    for path in ("api/metrics/queue", "api/health-docker"):
        assert url(path, *signed(caller["operator"]))[0] == 200
    assert f"user={suna.USER} " in broker.cli("CLIENT", "LIST")
    assert broker.cli("ACL", "LOG") == ""


@pytest.mark.parametrize(
    "command",
    [
        "SET dramatiq:a 1",
        "DEL dramatiq:default",
        "LRANGE dramatiq:default 0 -1",
        "KEYS *",
        "HGETALL dramatiq:default.msgs",
        "EVAL 'return 1' 0",
        "LLEN another:default",
        "FLUSHALL",
        "CONFIG GET requirepass",
        "ACL LIST",
    ],
)
def test_the_least_user_of_the_readme_can_do_nothing_else(broker, command):
    ok, answer = broker.cli(input=f"AUTH {suna.USER} {suna.PASSWORD}\n{command}").split("\n", 1)
    assert (ok, answer.split()[0]) == ("OK", "NOPERM")


def test_a_rotated_password_is_read_from_its_secret_and_costs_no_tick(aws, stack, url, broker, parameters, caller):
    arn = parameters["RedisPasswordSecretArn"].removesuffix(":SecretString:password")

    def rotate(password):
        text = json.dumps({"password": password})
        aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=text)
        broker.cli("ACL", "SETUSER", suna.USER, "resetpass", f">{password}")
        broker.cli("CLIENT", "KILL", "USER", suna.USER)

    for password in ("rotated", suna.PASSWORD):
        rotate(password)
        assert stack.tick().error is None
        assert url("api/metrics/queue", *signed(caller["operator"]))[0] == 200


# What the roles permit. The emulator checks the calls of a function as its role.


@pytest.fixture
def publish_role(aws, stack):
    """A way to change what the publisher may do; at the end it may what the template says."""
    iam, role = aws.client("iam"), stack.resource("PublishRole")
    original = iam.get_role_policy(RoleName=role, PolicyName="publish")["PolicyDocument"]

    def replace(old, new):
        changed = json.dumps(original).replace(old, new)
        assert changed != json.dumps(original)
        iam.put_role_policy(RoleName=role, PolicyName="publish", PolicyDocument=changed)

    yield replace
    iam.put_role_policy(RoleName=role, PolicyName="publish", PolicyDocument=json.dumps(original))


def test_the_publisher_may_write_to_no_other_namespace(stack, publish_role):
    publish_role('"cloudwatch:namespace": "Kortix"', '"cloudwatch:namespace": "Elsewhere"')
    tick = stack.tick()
    assert "not published to namespace Kortix" in tick.error
    assert {call.status for call in tick.calls} == {403}


def test_the_publisher_may_look_at_no_other_service(stack, publish_role):
    publish_role(f"service/{suna.CLUSTER}/{suna.WORKER}", f"service/{suna.CLUSTER}/{suna.API}")
    tick = stack.tick()
    assert suna.WORKER in tick.error
    assert {datum["MetricName"] for datum in tick.datums} == set(OF_REDIS)


def test_with_the_role_of_the_template_the_tick_succeeds_again(stack):
    assert stack.tick().error is None
