"""What stands in the account before this project comes: network, cluster, services, secrets, Redis, database."""

import json
import re
import time

import images
import known_broker
from kit.machine import ROOT, until
from tls import DOMAIN, TlsRedis

QUEUES = ("default", "emails", "reports-v2.daily")
CLUSTER = "suna-ecs"
API, WORKER = "suna-api-svc-5643fd4", "suna-worker-svc-8b51da8"
# Until it is told to end, as any process in a task should.
STAYS = "trap 'exit 0' TERM; sleep 3600 & wait"
USER = "queue-metrics"
PASSWORD = "of-the-least-user"


class Broker(TlsRedis):
    """Redis as ElastiCache has it, with the user of the README and no more rights than it gives."""

    def __init__(self, network, certificates):
        self.domain_name = f"deployed.{DOMAIN}"
        super().__init__(network, certificates, [self.domain_name], "of-everybody")
        (rule,) = re.findall(r"^ACL (SETUSER .+eval_ro.+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
        self.cli("ACL", *rule.replace("queue-metrics on >PASSWORD", f"{USER} on >{PASSWORD}").split())

    def fill(self):
        """What counts as the last 60 s stays so until the next tick has come. The truth of all queues together."""
        self.filled_at = time.time()
        queues = {known_broker.QUEUE: 1, "reports-v2.daily": 2}
        self.contents = {queue: known_broker.put(self, each, queue=queue, ahead_seconds=30) for queue, each in queues.items()}
        return known_broker.together(list(self.contents.values()))


def make_services(aws):
    """Both services with their tasks running, as ECS and the load balancer make them by default."""
    group = aws.client("elbv2").create_target_group(
        Name="suna-api", Protocol="HTTP", Port=8000, VpcId=vpc(aws), TargetType="ip", HealthCheckPath="/api/health"
    )["TargetGroups"][0]["TargetGroupArn"]
    listens = {"targetGroupArn": group, "containerName": "api", "containerPort": 8000}
    common = {"image": images.redis(), "entryPoint": [], "environment": [{"name": "dramatiq_queue_prefetch", "value": "4"}]}
    # Its words stand for uv run dramatiq --processes 4 --threads 4: what matters is that they are the task's.
    works = ["sh", "-c", f"{STAYS} # dramatiq --processes 4 --threads 4 run_agent_background"]
    make_service(aws, CLUSTER, API, {"name": "api", "command": ["sh", "-c", STAYS]} | common, [listens])
    make_service(aws, CLUSTER, WORKER, {"name": "worker", "command": works} | common)
    until("all tasks run", lambda: running(aws) == {API: 2, WORKER: 2})
    return group


def make_service(aws, cluster, name, container, balancers=()):
    """Of two tasks with that container, which ends in its own time."""
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName=cluster)
    fargate = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
    family = container["name"]
    ecs.register_task_definition(family=family, containerDefinitions=[container | {"stopTimeout": 120}], **fargate)
    place = {"awsvpcConfiguration": {"subnets": subnets(aws)}}
    ecs.create_service(
        cluster=cluster, serviceName=name, taskDefinition=family, desiredCount=2, launchType="FARGATE",
        networkConfiguration=place, loadBalancers=list(balancers),
    )  # fmt: skip


def running(aws):
    found = aws.client("ecs").describe_services(cluster=CLUSTER, services=[API, WORKER])["services"]
    return {service["serviceName"]: service["runningCount"] for service in found}


def vpc(aws):
    return aws.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]


def subnets(aws):
    found = aws.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc(aws)]}])["Subnets"]
    return [subnet["SubnetId"] for subnet in found][:2]


def make_secret(aws, name, text):
    return aws.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"]


def make_security_group(aws):
    return aws.client("ec2").create_security_group(GroupName="redis", Description="Redis", VpcId=vpc(aws))["GroupId"]


class Pager:
    """An SNS topic, and a queue that keeps what it says."""

    def __init__(self, aws):
        self.sqs = aws.client("sqs")
        self.topic = aws.client("sns").create_topic(Name="on-call")["TopicArn"]
        arn = self.topic.replace(":sns:", ":sqs:")
        sender = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [sender]})
        self.queue = self.sqs.create_queue(QueueName="on-call", Attributes={"Policy": policy})["QueueUrl"]
        aws.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self.told = []

    def was_told(self, alarm, state):
        """Whether it has been told by now that the alarm went into the state."""
        for message in self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            alarmed = json.loads(json.loads(message["Body"])["Message"])
            self.told.append((alarmed["AlarmName"], alarmed["NewStateValue"]))
        return (alarm, state) in self.told
