"""template.yaml as CloudFormation would carry it out: constraints, rules, transform, conditions, functions.

A reference to something that only exists once it is deployed stays as text: `<PublishFunction>` for !Ref,
`<PublishRole.Arn>` for !GetAtt.
"""

import copy
import functools
import json
import os
import re
from dataclasses import dataclass

from kit.machine import ROOT

# boto, which the transform asks for the region's partition, wants one even where nothing is called.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-west-2")

from samcli.yamlhelper import yaml_parse  # noqa: E402
from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-west-2",
    "AWS::StackId": "arn:aws:cloudformation:us-west-2:123456789012:stack/queue-metrics/9f86d081-884c-11f0-a659-0123456789ab",
    "AWS::StackName": "queue-metrics",
    "AWS::URLSuffix": "amazonaws.com",
}

# What stands in the account that the rules look at.
VPC_OF_SUBNET = {"subnet-0a": "vpc-0", "subnet-0b": "vpc-0", "subnet-other": "vpc-1"}

REQUIRED = {
    "VpcId": "vpc-0",
    "SubnetIds": "subnet-0a,subnet-0b",
    "RedisHost": "cache.example",
    "ApiServiceName": "suna-api-svc-5643fd4",
    "WorkerServiceName": "suna-worker-svc-8b51da8",
}

# Values of parameters that go together.
DATABASE = "arn:aws:secretsmanager:us-west-2:123456789012:secret:db-AbCdEf"
REDIS = "arn:aws:secretsmanager:us-west-2:123456789012:secret:redis-AbCdEf"
KEY = "arn:aws:kms:us-west-2:123456789012:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
LISTENER = "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener/app/suna/0123456789abcdef/fedcba9876543210"
IAM = {"RedisAuthentication": "iam", "RedisUser": "metrics", "RedisCacheName": "suna-redis"}
OPEN = {"QueryAuthType": "NONE", "QueryToken": "0123456789abcdef"}
PASSWORD = {"RedisAuthentication": "password", "RedisPasswordSecretArn": f"{REDIS}:SecretString:password:AWSCURRENT"}
ENDPOINTS = {"CreateVpcEndpoints": "true"}

NO_VALUE = object()


class Refused(Exception):
    """CloudFormation would make nothing and say this."""


@dataclass(frozen=True)
class Stack:
    resources: dict
    outputs: dict

    def of_type(self, kind):
        return {name: r["Properties"] for name, r in self.resources.items() if r["Type"] == kind}

    def __getitem__(self, name):
        return self.resources[name]["Properties"]

    def __contains__(self, name):
        return name in self.resources

    @property
    def dashboard(self):
        return json.loads(self["Dashboard"]["DashboardBody"])

    @property
    def alarms(self):
        """Those for people; the one of the burst policy only scales."""
        kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        made = {name: alarm for kind in kinds for name, alarm in self.of_type(kind).items()}
        return {name: alarm for name, alarm in made.items() if name != "WorkerBurstAlarm"}

    def variables(self, function):
        return self[function]["Environment"]["Variables"]


def load(path="template.yaml"):
    return yaml_parse((ROOT / path).read_text())


@functools.cache
def template():
    return load()


def accept(**given):
    """The values of all parameters.

    :raises Refused: if the template refuses them
    """
    parameters = _parameter_values(template(), REQUIRED | given)
    _check_rules(template(), parameters)
    return parameters


@functools.cache
def deploy(partition="aws", region="us-west-2", **given):
    """The stack that `sam deploy` with these parameters would make.

    :raises Refused: if the template refuses them
    """
    parameters = accept(**given)
    place = {"AWS::Partition": partition, "AWS::Region": region}
    return Evaluation(transform(packaged(), parameters), parameters | place).stack()


def deploy_plain(path, **given):
    """The stack of a template that needs no transform."""
    source = load(path)
    return Evaluation(source, _parameter_values(source, given)).stack()


def _parameter_values(source, given):
    unknown = given.keys() - source["Parameters"].keys()
    if unknown:
        raise Refused(f"Parameters: {sorted(unknown)} do not exist in the template")
    values = {}
    for name, definition in source["Parameters"].items():
        value = given.get(name, definition.get("Default"))
        if value is None:
            raise Refused(f"Parameters: [{name}] must have values")
        values[name] = str(value)
        _check_constraints(name, definition, str(value))
    return values


def _check_constraints(name, definition, value):
    number = definition["Type"] == "Number"
    if number and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        raise Refused(f"Parameter {name} must be a number")
    met = [
        value in map(str, definition.get("AllowedValues", [value])),
        # CloudFormation's pattern must match the whole value.
        re.fullmatch(definition.get("AllowedPattern", ".*"), value),
        len(value) <= definition.get("MaxLength", len(value)),
        not number or definition.get("MinValue", float(value)) <= float(value) <= definition.get("MaxValue", float(value)),
    ]
    if not all(met):
        raise Refused(f"{name} {definition.get('ConstraintDescription', 'is not allowed')}")


def _check_rules(source, parameters):
    evaluation = Evaluation(source, parameters)
    for rule in source.get("Rules", {}).values():
        if evaluation.value(rule.get("RuleCondition", True)):
            for assertion in rule["Assertions"]:
                if not evaluation.value(assertion["Assert"]):
                    raise Refused(assertion["AssertDescription"])


def packaged():
    """The template as `sam package` leaves it: the build is in a bucket by then."""
    source = copy.deepcopy(template())
    source["Globals"]["Function"]["CodeUri"] = "s3://artifacts/build"
    return source


def transform(source, parameters):
    return Translator({}, Parser()).translate(source, parameters)


class Evaluation:
    """CloudFormation's functions for one set of parameter values."""

    def __init__(self, source, parameters):
        self.source = source
        self.parameters = parameters
        self.functions = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::And": lambda parts: all([self.value(part) for part in parts]),
            "Fn::Contains": lambda args: self.value(args[1]) in self.value(args[0]),
            "Fn::EachMemberEquals": lambda args: set(self.value(args[0])) == {self.value(args[1])},
            "Fn::Equals": lambda args: str(self.value(args[0])) == str(self.value(args[1])),
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda args: self.value(args[1] if self.condition(args[0]) else args[2]),
            "Fn::Join": lambda args: args[0].join(self.value(args[1])),
            "Fn::Not": lambda parts: not self.value(parts[0]),
            "Fn::Or": lambda parts: any([self.value(part) for part in parts]),
            "Fn::Select": lambda args: self.value(args[1])[int(args[0])],
            "Fn::Split": lambda args: self.value(args[1]).split(args[0]),
            "Fn::Sub": self._sub,
            "Fn::ValueOf": self._value_of,
        }

    def stack(self):
        made, outputs = (
            {name: each for name, each in self.source.get(kind, {}).items() if self.condition(each.get("Condition"))}
            for kind in ("Resources", "Outputs")
        )
        # From now on a reference to anything else dangles.
        self.source = self.source | {"Resources": made}
        return Stack(
            {name: resource | {"Properties": self.value(resource["Properties"])} for name, resource in made.items()},
            {name: self.value(output["Value"]) for name, output in outputs.items()},
        )

    def condition(self, name):
        return name is None or self.value(self.source["Conditions"][name])

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, arguments),) = node.items()
            # A policy document's Condition is a map, a template's the name of one.
            if function in self.functions and not (function == "Condition" and isinstance(arguments, dict)):
                return self.functions[function](arguments)
            if function.startswith("Fn::"):
                raise NotImplementedError(function)
        values = {key: self.value(child) for key, child in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO:
            return self.parameters.get(name, PSEUDO[name])
        if name in self.parameters:
            kind = self.source["Parameters"][name]["Type"]
            value = self.parameters[name]
            return value.split(",") if kind.startswith("List<") or kind == "CommaDelimitedList" else value
        return self._deployed(name, name)

    def _get_att(self, arguments):
        name, attribute = arguments if isinstance(arguments, list) else arguments.split(".", 1)
        deployed = self._deployed(name, f"{name}.{attribute}")
        return [f"Z1:{deployed}", f"Z2:{deployed}-a"] if attribute == "DnsEntries" else deployed

    def _deployed(self, name, text):
        if name not in self.source["Resources"]:
            raise LookupError(f"reference to {name}, which this configuration does not make")
        return f"<{text}>"

    def _sub(self, arguments):
        text, names = arguments if isinstance(arguments, list) else (arguments, {})

        def replace(match):
            name = match[1]
            if name in names:
                return str(self.value(names[name]))
            return str(self._get_att(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([A-Za-z0-9:.]+)}", replace, text)

    def _value_of(self, arguments):
        assert arguments == ["SubnetIds", "VpcId"], arguments
        return [VPC_OF_SUBNET[subnet] for subnet in self._ref("SubnetIds")]
