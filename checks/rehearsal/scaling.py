"""Application Auto Scaling in moto, since MiniStack has none."""

import functools
import subprocess

import boto3
from botocore.exceptions import EndpointConnectionError
from kit.machine import free_port, programs, until
from localaws import REGION


class Scaling:
    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port()}"
        program = [
            programs("rehearsal/requirements-tests.txt") / "moto_server",
            "-H",
            "127.0.0.1",
            "-p",
            self.url.rpartition(":")[2],
        ]
        self.process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        until("moto answers", self._answers)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def _answers(self):
        assert self.process.poll() is None, "moto_server has ended"
        try:
            return self.client("ecs").list_clusters()
        except EndpointConnectionError:
            return False

    @functools.cache  # noqa: B019 - there are few, and they live as long as the tests
    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def make(self, evaluated):
        """What CloudFormation would make of the scaling resources of the template."""
        targets = evaluated.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
        # moto looks for the services in its own ECS.
        ecs = self.client("ecs")
        ecs.register_task_definition(family="any", containerDefinitions=[{"name": "any", "image": "any", "memory": 512}])
        autoscaling = self.client("application-autoscaling")
        for target in targets.values():
            _, cluster, service = target["ResourceId"].split("/")
            ecs.create_cluster(clusterName=cluster)
            ecs.create_service(cluster=cluster, serviceName=service, taskDefinition="any", desiredCount=2)
            autoscaling.register_scalable_target(**_numbers(target))
        for policy in evaluated.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values():
            target = targets[policy["ScalingTargetId"].strip("<>")]
            scaled = {key: target[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
            given = {key: value for key, value in policy.items() if key != "ScalingTargetId"}
            autoscaling.put_scaling_policy(**scaled, **_numbers(given))


def _numbers(value):
    """With numbers where CloudFormation takes a parameter's text for one."""
    if isinstance(value, dict):
        return {key: _numbers(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_numbers(child) for child in value]
    return int(value) if isinstance(value, str) and value.isdigit() else value
