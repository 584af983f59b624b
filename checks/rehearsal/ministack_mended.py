"""Starts MiniStack 1.5.33 with three of its IAM checks and one of CloudFormation mended. Runs in the environment `emulators`.

As they are, CloudWatch over CBOR, which the Java SDK speaks, is let through unchecked; the condition key
cloudwatch:namespace is never set; and ECS calls about a service are checked on the cluster. A stack takes over a log
group that exists, where CloudFormation fails with the words below.
"""

import ctypes
import json
import re
import signal

import cbor2
from ministack.app import main
from ministack.core import iam_actions
from ministack.services import cloudwatch_logs
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


LOG_GROUP["create"] = create_log_group
iam_actions.extract_iam_action = action
iam_actions.extract_resource_arn = arn
iam_actions.request_tag_context = context

PR_SET_PDEATHSIG = 1  # linux/prctl.h: however the tests end, it ends with them.
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
main()
