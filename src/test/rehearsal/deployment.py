"""The real template in the local AWS, built and deployed as the README tells it."""

import json
from dataclasses import dataclass

from localaws import REGION, LocalAws
from machine import run
from samcli.yamlhelper import yaml_dump, yaml_parse

# MiniStack refuses a template that holds these. test_commands.py makes the scaling in moto; the rules of the Redis
# group only src/test/stack looks at.
UNKNOWN_TO_MINISTACK = ("AWS::ApplicationAutoScaling::", "AWS::EC2::SecurityGroupIngress")

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
        found = self.aws.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical
        )
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
            *["sam", "deploy", "--template-file", self.source / ".aws-sam/build" / f"{self.name}.yaml"],
            *["--stack-name", self.name, "--s3-bucket", BUCKET, "--capabilities", "CAPABILITY_IAM"],
            *["--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset"],
            *["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())],
            cwd=self.source,
        )

    def delete(self):
        self.aws.run("sam", "delete", "--stack-name", self.name, "--region", REGION, "--no-prompts", cwd=self.source)


def deploy(aws, environment, source, name, **parameters):
    """`source` holds the build; in `environment` commands such as curl find the local AWS."""
    template = yaml_parse((source / ".aws-sam/build/template.yaml").read_text())
    left_out = [key for key, made in template["Resources"].items() if made["Type"].startswith(UNKNOWN_TO_MINISTACK)]
    for key in left_out:
        del template["Resources"][key]
    (source / ".aws-sam/build" / f"{name}.yaml").write_text(yaml_dump(template))
    if BUCKET not in [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    made = Deployment(aws, environment, source, name, left_out)
    made.update(**parameters)
    return made
