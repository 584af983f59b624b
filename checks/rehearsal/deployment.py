"""The release's template in the local AWS, deployed as the README tells it."""

import json
import re
from dataclasses import dataclass

from kit.machine import run
from localaws import REGION, LocalAws
from samcli.yamlhelper import yaml_dump, yaml_parse

# MiniStack refuses a template that holds these. test_commands.py makes the scaling in moto; the rules of the Redis
# group and the alarms only checks/stack looks at.
UNKNOWN_TO_MINISTACK = ("AWS::ApplicationAutoScaling::", "AWS::CloudWatch::CompositeAlarm", "AWS::EC2::SecurityGroupIngress")

BUCKET = "artifacts"


@dataclass
class Deployment:
    aws: LocalAws
    environment: dict
    source: object
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

    def update(self, **parameters):
        self.aws.run(
            # An environment that samconfig.toml does not have: what it holds is for the user to fill in.
            *["sam", "deploy", "--template-file", self.source / f"{self.name}.yaml", "--config-env", "rehearsal"],
            *["--stack-name", self.name, "--s3-bucket", BUCKET, "--capabilities", "CAPABILITY_IAM"],
            *["--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset"],
            *["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())],
            cwd=self.source,
        )

    def delete(self):
        self.aws.run("sam", "delete", "--stack-name", self.name, "--region", REGION, "--no-prompts", cwd=self.source)


def leave_out_what_is_unknown(template, copy):
    """Writes a copy that MiniStack takes. The logical ids of what it leaves out."""
    content = yaml_parse(template.read_text())
    resources = content["Resources"]
    left_out = [key for key, made in resources.items() if is_unknown(made)]
    for key in left_out:
        del resources[key]
    dashboard = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    dashboard[0] = re.sub(rf'"\$\{{({"|".join(left_out)})\.Arn}}",\s*', "", dashboard[0])
    copy.write_text(yaml_dump(content))
    return left_out


def is_unknown(resource):
    # It does not know an alarm's metric math either.
    return resource["Type"].startswith(UNKNOWN_TO_MINISTACK) or "Metrics" in resource.get("Properties", {})


def deploy(aws, environment, source, name, **parameters):
    """`source` holds the release; in `environment` commands such as curl find the local AWS."""
    left_out = leave_out_what_is_unknown(source / "template.yaml", source / f"{name}.yaml")
    if BUCKET not in [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]:
        aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    made = Deployment(aws, environment, source, name, left_out)
    made.update(**parameters)
    return made
