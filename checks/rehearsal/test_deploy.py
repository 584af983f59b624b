"""The real template, deployed to a local AWS: the rule fires the function, and the metrics come back.

The tests share one deployment and are in the order in which one would look at it.
"""

import json
import re
import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest
import suna
from deployed import QUEUES
from deployment import deploy, leave_out_what_is_unknown
from faults import OF_REDIS, OF_WORKERS, end_of_the_minute_before, in_seconds
from functions import MEMORY_MB, PUBLISH, QUERY, TIMEOUT_SECONDS
from kit.machine import block, until
from known_broker import Content
from localaws import REGION
from machine import RUN, fresh_folder

UNITS = {"DramatiqOldestJobAge": "Seconds"}
OF_EACH_QUEUE = [metric for metric in OF_REDIS if metric != "DramatiqActiveBrokers"]
OF_ALL = OF_REDIS + OF_WORKERS


@pytest.fixture(scope="module")
def known(stack, broker):
    """Put in as a minute begins: the rule fires next while the dead letters are still new, and alone in its minute."""
    minute = time.time() // 60
    until("a minute begins", lambda: time.time() // 60 > minute, seconds=75)
    return broker.fill()


@pytest.fixture(scope="module")
def tick(known, account_front):
    """What the rule published when it next fired by itself."""
    filled_at = time.time()
    return until(
        "the rule has fired",
        lambda: next((put for put in account_front.of("PutMetricData") if began(put) > filled_at), None),
        seconds=75,
    )


def test_only_what_the_emulator_does_not_know_was_left_out(stack):
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


def test_a_second_stack_with_the_same_namespace_and_service_is_not_made_and_says_why(
    account, account_over_tls, source, parameters, stack
):
    name = "queue-metrics-again"
    with pytest.raises(RuntimeError, match="ROLLBACK_COMPLETE"):
        deploy(account, account_over_tls, source, name, **parameters)
    cloudformation = account.client("cloudformation")
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    (failed,) = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert "/one-stack-per-MetricNamespace-and-ServiceName/Kortix#worker" in failed["ResourceStatusReason"]
    assert [f for f in account.client("lambda").list_functions()["Functions"] if name in f["FunctionName"]] == []
    cloudformation.delete_stack(StackName=name)
    # What made it fail is the first stack's, and stays.
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix="/one-stack-per-")["logGroups"]
    assert [group["logGroupName"].rpartition("/")[2] for group in groups] == ["Kortix#worker"]


def test_the_rule_fires_the_function_by_itself_in_one_call(tick):
    assert (tick.status, tick.input["Namespace"]) == (200, "Kortix")


def kept(account, tick, metric):
    """What CloudWatch kept of that minute, asked for as an operator would."""
    minute = datetime.fromtimestamp(stamp(tick) // 60 * 60, UTC)
    (datum,) = account.cli(
        *["cloudwatch", "get-metric-statistics", "--namespace", "Kortix", "--metric-name", metric, "--period", "60"],
        *["--statistics", "SampleCount", "Average", "--dimensions", "Name=Service,Value=worker", "--region", REGION],
        *["--start-time", minute.isoformat(), "--end-time", (minute + timedelta(seconds=60)).isoformat()],
    )["Datapoints"]
    return datum


def wanted(known, metric, read_at):
    """Its value, by what Dramatiq's own side knew, if Redis was read at that instant."""
    oldest = known["oldest_message_timestamp_ms"]
    content = Content(
        waiting=known["waiting"],
        in_flight=known["in_flight"],
        delayed=known["delayed"],
        orphaned=known["orphaned"],
        dead=known["dead_letters"],
        brokers=known["active_brokers"],
        oldest_sent=read_at * 1000 if oldest is None else oldest,
    )
    return content.truth(read_at * 1000, workers=2)[metric]


@pytest.mark.parametrize("metric", OF_ALL)
def test_a_metric_comes_back_with_value_unit_and_dimension(account, tick, known, metric):
    datum = kept(account, tick, metric)
    assert (datum["Unit"], datum["SampleCount"]) == (UNITS.get(metric, "Count"), 1)
    assert is_right(datum, known["knows"], metric, tick)


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("metric", OF_EACH_QUEUE)
def test_a_queue_has_a_metric_of_its_own(account, tick, known, queue, metric):
    (datum,) = account.statistics(metric, {"Service": "worker", "Queue": queue}, minute=stamp(tick))
    assert (datum["Unit"], datum["SampleCount"]) == (UNITS.get(metric, "Count"), 1)
    assert is_right(datum, known["knows_by_queue"][queue], metric, tick)


def is_right(datum, known, metric, tick):
    """An age grows while the tick lasts; nothing else changes meanwhile."""
    first, last = (wanted(known, metric, instant) for instant in (began(tick), tick.at))
    return first - 1e-6 <= datum["Average"] <= last + 1e-6


def began(put):
    """Redis was read after this instant, in seconds since the epoch, and before the call."""
    return put.at - 10


def stamp(put):
    (one,) = {in_seconds(datum["Timestamp"]) for datum in put.input["MetricData"]}
    return one


def test_every_datum_is_stamped_with_the_end_of_the_minute_before_the_read(tick):
    assert stamp(tick) in {end_of_the_minute_before(instant) for instant in (began(tick), tick.at)}


def test_nothing_is_published_but_what_the_readme_names(account, tick):
    listed = account.cli("cloudwatch", "list-metrics", "--namespace", "Kortix", "--region", REGION)["Metrics"]
    expected = {(metric, None) for metric in OF_ALL}
    expected |= {(metric, queue) for metric in OF_EACH_QUEUE for queue in QUEUES}
    found = [({d["Name"]: d["Value"] for d in each["Dimensions"]}, each["MetricName"]) for each in listed]
    assert {dimensions["Service"] for dimensions, _ in found} == {"worker"}
    assert {(metric, dimensions.get("Queue")) for dimensions, metric in found} == expected


@pytest.mark.parametrize("handler", TIMEOUT_SECONDS)
def test_a_function_has_the_time_and_memory_that_the_rehearsal_gives_it(account, stack, handler):
    functions = {PUBLISH: "PublishFunctionName", QUERY: "QueryFunctionName"}
    made = account.client("lambda").get_function_configuration(FunctionName=stack.output(functions[handler]))
    assert (made["Handler"], made["Timeout"], made["MemorySize"]) == (handler, TIMEOUT_SECONDS[handler], MEMORY_MB)


def test_the_function_logs_in_as_the_least_user_over_tls(stack, broker):
    assert stack.tick() is None
    assert f"user={suna.USER} " in broker.cli("CLIENT", "LIST")


def test_secrets_have_become_the_functions_variables(account, stack, database):
    publish, query = (
        account.client("lambda").get_function_configuration(FunctionName=stack.output(name))["Environment"]["Variables"]
        for name in ("PublishFunctionName", "QueryFunctionName")
    )
    assert (publish["REDIS_PASSWORD"], query["REDIS_PASSWORD"]) == (suna.PASSWORD, suna.PASSWORD)
    assert query["DATABASE_URL"] == database.url
    assert "DATABASE_URL" not in publish


def test_a_rotated_password_is_read_from_its_secret_and_costs_no_tick(account, stack, broker, parameters, caller):
    arn = parameters["RedisPasswordSecretArn"].removesuffix(":SecretString:password")

    def rotate(password):
        text = json.dumps({"password": password})
        account.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=text)
        broker.cli("ACL", "SETUSER", suna.USER, "resetpass", f">{password}")
        broker.cli("CLIENT", "KILL", "USER", suna.USER)

    for password in ("rotated", suna.PASSWORD):
        rotate(password)
        assert stack.tick() is None
        assert stack.curl("api/metrics/queue", *signed(caller["operator"]))[0] == 200


# The function URL


@pytest.fixture(scope="module")
def caller(account, stack):
    """An operator with the policy of docs/deploying.md and no other right, and one with no right at all."""
    account_id = account.client("sts").get_caller_identity()["Account"]
    statement = block("docs/deploying.md", "json", "lambda:InvokeFunctionUrl")
    statement = statement.replace("QUERY_FUNCTION_NAME", stack.output("QueryFunctionName")).replace("ACCOUNT", account_id)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(statement)]})
    iam = account.client("iam")
    keys = {}
    for name in ("operator", "stranger"):
        iam.create_user(UserName=name)
        keys[name] = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName="operator", PolicyName="query", PolicyDocument=policy)
    return keys


def signed(key, secret=None):
    user = f"{key['AccessKeyId']}:{secret or key['SecretAccessKey']}"
    return ["--aws-sigv4", f"aws:amz:{REGION}:lambda", "--user", user]


def test_the_url_refuses_a_call_that_is_not_signed(stack):
    assert stack.curl("api/metrics/queue") == (403, {"Message": "Forbidden"})


def test_the_url_answers_whoever_has_the_policy_of_the_docs(stack, caller, known):
    status, body = stack.curl("api/metrics/queue", *signed(caller["operator"]))
    knows = known["knows"]
    assert (status, body["queue_depth"], body["in_flight"]) == (200, knows["waiting"], knows["in_flight"])
    assert body["queues"].keys() == set(QUEUES)


@pytest.mark.parametrize("who, secret", [("stranger", None), ("operator", "not-the-secret")])
def test_the_url_refuses_whoever_has_not(stack, caller, who, secret):
    assert stack.curl("api/metrics/queue", *signed(caller[who], secret))[0] == 403


def test_the_health_check_asks_redis_and_the_database(stack, caller):
    status, body = stack.curl("api/health-docker", *signed(caller["operator"]))
    assert (status, body["status"], body["database"]) == (200, "ok", "ok")


# What the roles permit. The emulator checks the calls of a function as its role.


@pytest.fixture
def publish_role(account, stack):
    """A way to change what the publisher may do; at the end it may what the template says."""
    iam, role = account.client("iam"), stack.resource("PublishRole")
    original = iam.get_role_policy(RoleName=role, PolicyName="publish")["PolicyDocument"]

    def replace(old, new):
        changed = json.dumps(original).replace(old, new)
        assert changed != json.dumps(original)
        iam.put_role_policy(RoleName=role, PolicyName="publish", PolicyDocument=changed)

    yield replace
    iam.put_role_policy(RoleName=role, PolicyName="publish", PolicyDocument=json.dumps(original))


def test_the_publisher_may_write_to_no_other_namespace(stack, account_front, publish_role):
    publish_role('"cloudwatch:namespace": "Kortix"', '"cloudwatch:namespace": "Elsewhere"')
    before = len(account_front.calls)
    assert "not published to namespace Kortix" in (stack.tick() or "the tick succeeded")
    assert {call.status for call in account_front.calls[before:] if call.operation == "PutMetricData"} == {403}


def test_the_publisher_may_look_at_no_other_service(stack, account_front, publish_role):
    publish_role(f"service/{suna.CLUSTER}/{suna.WORKER}", f"service/{suna.CLUSTER}/{suna.API}")
    before = len(account_front.calls)
    assert suna.WORKER in (stack.tick() or "the tick succeeded")
    (put,) = [call for call in account_front.calls[before:] if call.operation == "PutMetricData"]
    assert {datum["MetricName"] for datum in put.input["MetricData"]} == set(OF_REDIS)


def test_with_the_role_of_the_template_the_tick_succeeds_again(stack):
    assert stack.tick() is None


# Alarms


def test_an_alarm_reaches_the_pager_and_so_does_its_end(account, stack, pager):
    alarm = stack.resource("NoActiveBrokerAlarm")
    # Set by hand: the emulator knows no evaluation periods, so it would not wait for 5 minutes.
    for state in ("ALARM", "OK"):
        account.cli(
            *["cloudwatch", "set-alarm-state", "--alarm-name", alarm, "--state-value", state],
            *["--state-reason", "rehearsal", "--region", REGION],
        )
        until(f"the pager says {state}", lambda: pager.was_told(alarm, state))


def test_new_dead_letters_ring_by_themselves(stack, pager, tick):
    alarm = stack.resource("NewDeadLettersAlarm")
    until("the pager rings", lambda: pager.was_told(alarm, "ALARM"))


# Changing and removing

TOKEN = "a-token-of-more-than-16-letters"


def test_an_open_url_answers_the_token_and_nothing_else(account, stack, parameters):
    stack.update(**parameters | {"QueryAuthType": "NONE", "QueryToken": TOKEN})
    path = "api/metrics/queue"
    unauthorized = (401, {"detail": "Unauthorized"})
    assert stack.curl(path) == unauthorized
    assert stack.curl(path, "--header", "Authorization: Bearer not-the-token") == unauthorized
    assert stack.curl(path, "--header", f"Authorization: Bearer {TOKEN}")[0] == 200
    # The emulator opens the URL without them too; AWS does not.
    policy = account.client("lambda").get_policy(FunctionName=stack.output("QueryFunctionName"))["Policy"]
    allowed = {statement["Action"]: statement["Condition"] for statement in json.loads(policy)["Statement"]}
    assert allowed == {
        "lambda:InvokeFunctionUrl": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        "lambda:InvokeFunction": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
    }


def made_by_the_stack(account):
    """What there is of each kind of which nobody else makes any here."""
    client = account.client
    return {
        "functions": client("lambda").list_functions()["Functions"],
        "rules": client("events").list_rules()["Rules"],
        "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": client("cloudwatch").list_dashboards()["DashboardEntries"],
        "log groups": client("logs").describe_log_groups()["logGroups"],
        "roles": [role for role in client("iam").list_roles()["Roles"] if "queue-metrics" in role["RoleName"]],
    }


def test_a_deletion_leaves_the_services_and_nothing_of_the_stack(account, stack):
    before = made_by_the_stack(account)
    assert all(before.values()), before
    stack.delete()
    assert made_by_the_stack(account) == {kind: [] for kind in before}
    assert suna.running(account) == {suna.API: 2, suna.WORKER: 2}


def test_whoever_fills_in_the_releases_samconfig_deploys_it_by_sam_deploy_alone(account, release, parameters):
    folder = fresh_folder(f"filled-in-{RUN}")
    shutil.unpack_archive(release, folder)
    unpacked = folder / release.stem
    leave_out_what_is_unknown(unpacked / "template.yaml", unpacked / "template.yaml")
    config = (unpacked / "samconfig.toml").read_text()
    names = re.findall(r'"(\w+)="', config)
    assert names == ["VpcId", "SubnetIds", "RedisHost", "WorkerServiceName"]
    for name in names:
        config = config.replace(f'"{name}="', f'"{name}={parameters[name]}"')
    # There is nobody to confirm it.
    config = config.replace("confirm_changeset = true", "confirm_changeset = false")
    (unpacked / "samconfig.toml").write_text(config)
    account.run("sam", "deploy", cwd=unpacked)
    (made,) = account.client("cloudformation").describe_stacks(StackName="queue-metrics")["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    account.run("sam", "delete", "--no-prompts", cwd=unpacked)
