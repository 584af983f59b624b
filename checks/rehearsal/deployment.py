"""The real template in the local AWS, but for what that does not know."""

import json
import re
from dataclasses import dataclass

from kit.machine import ROOT, run
from localaws import REGION, LocalAws
from samcli.yamlhelper import yaml_dump, yaml_parse

# MiniStack refuses a template that holds these. test_documented_commands.py makes the scaling in moto; the rules of the Redis
# group and the alarms only checks/stack looks at.
UNKNOWN_TO_MINISTACK = ("AWS::ApplicationAutoScaling::", "AWS::CloudWatch::CompositeAlarm", "AWS::EC2::SecurityGroupIngress")

BUCKET = "artifacts"


@dataclass
class Deployment:
    aws: LocalAws
    environment: dict
    name: str
    left_out: list

    def stack(self):
        return self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]

    def output(self, name):
        (value,) = [output["OutputValue"] for output in self.stack()["Outputs"] if output["OutputKey"] == name]
        return value

    def resource(self, logical):
        """The deployed thing's own name."""
        found = self.aws.client("cloudformation").describe_stack_resource(StackName=self.name, LogicalResourceId=logical)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def tick(self):
        """Runs the publisher now. Its error message, None where it succeeded."""
        answer = self.aws.client("lambda").invoke(FunctionName=self.output("PublishFunctionName"), Payload=b"{}")
        payload = json.loads(answer["Payload"].read() or b"null")
        return (payload or {}).get("errorMessage", "") if "FunctionError" in answer else None

    def curl(self, path, *options):
        """Status and body that the function URL answers to real curl."""
        said = run(
            *["curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", *options, self.output("QueryUrl") + path],
            env=self.environment,
        )
        body, _, status = said.rpartition("\n")
        return int(status), json.loads(body) if body else None

    def request(self, verb, **parameters):
        """create or update, and waits until it is done."""
        cloudformation = self.aws.client("cloudformation")
        getattr(cloudformation, f"{verb}_stack")(
            StackName=self.name,
            TemplateURL=f"{self.aws.url}/{BUCKET}/{self.name}.yaml",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()],
        )
        cloudformation.get_waiter(f"stack_{verb}_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def delete(self):
        cloudformation = self.aws.client("cloudformation")
        cloudformation.delete_stack(StackName=self.name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})


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


def deploy(aws, environment, lambda_zip, name, **parameters):
    """As `sam deploy` does it; in `environment` curl finds the local AWS."""
    content, left_out = known_to_ministack(ROOT / "template.yaml")
    content["Globals"]["Function"]["CodeUri"] = f"s3://{BUCKET}/{lambda_zip.name}"
    s3 = aws.client("s3")
    if not s3.list_buckets()["Buckets"]:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.upload_file(str(lambda_zip), BUCKET, lambda_zip.name)
    s3.put_object(Bucket=BUCKET, Key=f"{name}.yaml", Body=yaml_dump(content).encode())
    made = Deployment(aws, environment, name, left_out)
    made.request("create", **parameters)
    return made
