"""Starts MiniStack 1.5.33 with some of it mended: IAM, CloudFormation, ECS. Runs in the environment `emulators`.

As they are, CloudWatch over CBOR, which the Java SDK speaks, is let through unchecked; the condition key
cloudwatch:namespace is never set; and ECS calls about a service are checked on the cluster. A stack takes over a log
group that exists, where CloudFormation fails with the words below. Its ECS has no agent in the tasks, so nothing can be
protected, and stops a task after 5 s however long its stop timeout is.
"""

import contextlib
import ctypes
import json
import os
import re
import signal
import threading
import time

import cbor2
from ministack.app import main
from ministack.core import iam_actions
from ministack.core.responses import json_response, request_scope
from ministack.services import cloudwatch_logs, ecs, ecs_metadata
from ministack.services.cloudformation import provisioners

CBOR_OPERATION = re.compile(r"/service/GraniteServiceVersion20100801/operation/(\w+)$")

original_action = iam_actions.extract_iam_action
original_arn = iam_actions.extract_resource_arn
original_context = iam_actions.request_tag_context


def action(service, method, path, *others):
    operation = CBOR_OPERATION.search(path)
    return f"cloudwatch:{operation[1]}" if operation else original_action(service, method, path, *others)


def arn(service, method, path, headers, body, parameters, region, account):
    if CBOR_OPERATION.search(path):
        return "*"
    target = headers.get("x-amz-target", "")
    if service == "ecs" and target.endswith((".DescribeServices", ".UpdateService")):
        asked = json.loads(body)
        names = asked.get("services") or [asked.get("service")]
        # A second service in the same call is not looked at: the publisher asks for one.
        return f"arn:aws:ecs:{region}:{account}:service/{asked.get('cluster', 'default')}/{names[0]}"
    return original_arn(service, method, path, headers, body, parameters, region, account)


def context(service, iam_action, body, parameters):
    found = original_context(service, iam_action, body, parameters)
    if iam_action == "cloudwatch:PutMetricData":
        found = found | {"cloudwatch:namespace": namespace(body, parameters)}
    return found


def namespace(body, parameters):
    if given := parameters.get("Namespace"):
        return given[0] if isinstance(given, list) else given
    if body[:1] == b"{":
        return json.loads(body)["Namespace"]
    return cbor2.loads(body)["Namespace"]


LOG_GROUP = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
original_create = LOG_GROUP["create"]


def create_log_group(logical_id, properties, stack_name):
    name = properties["LogGroupName"]
    if name in cloudwatch_logs._log_groups:
        key = json.dumps({"/properties/LogGroupName": name}, separators=(",", ":"))
        raise ValueError(f"Resource of type 'AWS::Logs::LogGroup' with identifier '{key}' already exists.")
    return original_create(logical_id, properties, stack_name)


# Task protection: the agent's endpoint in every task, and a scheduler that stops other tasks first.
STATE = re.compile(r"/v4/([\w-]+)/agent/task-protection/v1/state")
STOP_TIMEOUT = "stop-timeout"
protected_until = {}

original_register = ecs._register_metadata
original_metadata = ecs_metadata.handle_request
original_stop = ecs._stop_task
original_kwargs = ecs._build_run_kwargs


def register_metadata(task_arn, cluster_arn, definition, container, launch_type, environment, *others):
    token = original_register(task_arn, cluster_arn, definition, container, launch_type, environment, *others)
    address = f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
    environment["ECS_AGENT_URI"] = f"{address}/v4/{token}/agent"
    return token


async def metadata(method, path, headers, body, query):
    asked = STATE.fullmatch(path)
    if method != "PUT" or not asked:
        return await original_metadata(method, path, headers, body, query)
    task, wanted = ecs_metadata._TOKEN_TO_TASK[asked[1]], json.loads(body)
    on = wanted["ProtectionEnabled"]
    protected_until[task] = time.time() + 60 * wanted.get("ExpiresInMinutes", 120) if on else 0
    if not on:
        threading.Thread(target=reconcile, args=(task,), daemon=True).start()
    return json_response({"protection": {"ProtectionEnabled": on, "TaskArn": task}})


def reconcile(task_arn):
    """The scheduler looks again: it may have had to leave this task."""
    _, _, _, region, account, place = task_arn.split(":")
    cluster = place.split("/")[1]
    with request_scope(account, region):
        service = ecs._tasks[task_arn]["group"].removeprefix("service:")
        ecs._reconcile_service_tasks(cluster, f"{cluster}/{service}")


def stop_task(data):
    if data.get("reason") != "Service scaling down":
        return original_stop(data)
    group = ecs._tasks[data["task"]]["group"]
    free = [
        arn for arn, task in ecs._tasks.items()
        if task["group"] == group and task["lastStatus"] in ecs._PRE_STOP_STATUSES and protected_until.get(arn, 0) < time.time()
    ]  # fmt: skip
    if not free:
        return None
    return original_stop(data | {"task": data["task"] if data["task"] in free else free[-1]})


def run_kwargs(container, *others):
    made = original_kwargs(container, *others)
    made.setdefault("labels", {})[STOP_TIMEOUT] = str(container.get("stopTimeout", 5))
    return made


def remove_container(docker, container):
    # As in the original: what is gone already, or on its way, is no failure.
    with contextlib.suppress(Exception):
        container = docker.containers.get(container) if isinstance(container, str) else container
        container.stop(timeout=int(container.labels[STOP_TIMEOUT]))
    with contextlib.suppress(Exception):
        container.remove(v=True, force=True)


ecs._register_metadata = register_metadata
ecs._stop_task = stop_task
ecs._build_run_kwargs = run_kwargs
ecs._remove_docker_container = remove_container
ecs_metadata.handle_request = metadata

LOG_GROUP["create"] = create_log_group
iam_actions.extract_iam_action = action
iam_actions.extract_resource_arn = arn
iam_actions.request_tag_context = context

PR_SET_PDEATHSIG = 1  # linux/prctl.h: however the tests end, it ends with them.
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
main()
