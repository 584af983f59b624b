"""The real template in the local AWS, but for what that does not know."""

import json
import re
import time
from dataclasses import dataclass

import suna
from kit.machine import ROOT
from localaws import BUCKET
from machine import docker, logs
from samcli.yamlhelper import yaml_dump, yaml_parse

# MiniStack refuses a template that holds these. test_documented_commands.py makes the scaling in moto; the rules of the Redis
# group and the alarms only checks/stack looks at.
UNKNOWN_TO_MINISTACK = ("AWS::ApplicationAutoScaling::", "AWS::CloudWatch::CompositeAlarm", "AWS::EC2::SecurityGroupIngress")

TICK = (ROOT / "events/scheduled-tick.json").read_text()


@dataclass(frozen=True)
class Invocation:
    """`payload` is what the function returned, `error` the errorMessage that it threw or the runtime's own words."""

    payload: object
    error: str | None


@dataclass(frozen=True)
class Tick(Invocation):
    """`calls` to PutMetricData of the stack's namespace, between two instants."""

    began: float
    ended: float
    calls: list

    @property
    def datums(self):
        """All that CloudWatch took."""
        return [datum for call in self.calls if call.status == 200 for datum in call.input["MetricData"]]


class Deployment:
    """A stack with a name, and a namespace of the same name if not told otherwise."""

    def __init__(self, aws, name, by_itself=False, **parameters):
        """`by_itself`: whether its rule ticks; else only the tests say when."""
        self.aws, self.name = aws, name
        place = {"VpcId": suna.vpc(aws), "SubnetIds": ",".join(suna.subnets(aws))}
        usual = {"RedisTls": "false", "ManageApiScaling": "false", "WorkerServiceName": suna.WORKER, "MetricNamespace": name}
        self.parameters = place | usual | parameters
        content, self.left_out = known_to_ministack(ROOT / "template.yaml")
        content["Globals"]["Function"]["CodeUri"] = f"s3://{BUCKET}/lambda.zip"
        aws.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.yaml", Body=yaml_dump(content).encode())
        self._request("create")
        if not by_itself:
            self.tick_no_more()

    def stack(self):
        return self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]

    def output(self, name):
        (value,) = [output["OutputValue"] for output in self.stack()["Outputs"] if output["OutputKey"] == name]
        return value

    def resource(self, logical):
        """The deployed thing's own name."""
        found = self.aws.client("cloudformation").describe_stack_resource(StackName=self.name, LogicalResourceId=logical)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def tick_no_more(self):
        self.aws.client("events").disable_rule(Name=self.resource("PublishFunctionTick"))

    def invoke(self, function, event):
        """`function`: its logical id."""
        answer = self.aws.client("lambda").invoke(FunctionName=self.resource(function), Payload=event)
        payload = json.loads(answer["Payload"].read() or b"null")
        return Invocation(payload, payload["errorMessage"] if "FunctionError" in answer else None)

    def instance(self, function):
        """The variables of the function's one instance, and all that it has logged."""
        name = self.resource(function)
        for container in docker("ps", "--quiet", "--filter", f"network={self.aws.network.name}").split():
            given = json.loads(docker("inspect", "--format", "{{json .Config.Env}}", container)) or []
            variables = dict(each.split("=", 1) for each in given)
            if variables.get("AWS_LAMBDA_FUNCTION_NAME") == name:
                return variables, logs(container)
        raise AssertionError(f"{function} of {self.name} does not run")

    def tick(self):
        """Runs the publisher now."""
        began = time.time()
        invocation = self.invoke("PublishFunction", TICK)
        # By when they came: a former tick's, given up and repeated, may be answered only now.
        calls = [
            call for call in self.aws.front.of("PutMetricData")
            if call.at >= began and call.input["Namespace"] == self.parameters["MetricNamespace"]
        ]  # fmt: skip
        return Tick(**vars(invocation), began=began, ended=time.time(), calls=calls)

    def update(self, **parameters):
        self.parameters |= parameters
        self._request("update")

    def delete(self):
        self.aws.client("cloudformation").delete_stack(StackName=self.name)
        self._wait("delete")

    def _request(self, verb):
        cloudformation = self.aws.client("cloudformation")
        getattr(cloudformation, f"{verb}_stack")(
            StackName=self.name,
            TemplateURL=f"{self.aws.url}/{BUCKET}/{self.name}.yaml",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": str(value)} for key, value in self.parameters.items()],
        )
        self._wait(verb)

    def _wait(self, verb):
        waiter = self.aws.client("cloudformation").get_waiter(f"stack_{verb}_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1})


def known_to_ministack(template):
    """What MiniStack takes of the template, and the logical ids of what was left out."""
    content = yaml_parse(template.read_text())
    resources = content["Resources"]
    left_out = [key for key, made in resources.items() if is_unknown(made)]
    for key in left_out:
        del resources[key]
    dashboard = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    dashboard[0] = re.sub(rf'"\$\{{({"|".join(left_out)})\.Arn}}",\s*', "", dashboard[0])
    return content, left_out


def is_unknown(resource):
    # It does not know an alarm's metric math either.
    return resource["Type"].startswith(UNKNOWN_TO_MINISTACK) or "Metrics" in resource.get("Properties", {})
