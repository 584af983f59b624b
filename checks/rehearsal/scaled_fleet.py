"""A service of real Dramatiq workers in the local AWS, scaled as the template's policies decide.

A tick stands for a minute of the policies, and takes SECONDS here. Workers are ECS tasks with the worker kit.
"""

import json
import subprocess
import time
from dataclasses import dataclass, field

import images
import suna
from kit.machine import ROOT, programs, run, until

CLUSTER, SERVICE, NAMESPACE = "loop", "worker", "Loop"
VERSION = "2.2.0"
THREADS = 16
LEAST = 2
SECONDS = 4
TICK = (ROOT / "events/scheduled-tick.json").read_text()
# The jobs sleep, so neither is ever near its target; ECS would publish so.
IDLE = {"ECSServiceAverageCPUUtilization": 5, "ECSServiceAverageMemoryUtilization": 20}
HERE, WORKER_KIT = ROOT / "checks/rehearsal", ROOT / "deploy/worker"


@dataclass
class Minute:
    what: str
    datums: dict
    running: int
    desired: int
    decisions: list = field(default_factory=list)

    @property
    def moves(self):
        return [each for each in self.decisions if each["from"] != each["to"]]


class Loop:
    """Does what EventBridge, CloudWatch and Application Auto Scaling do, and keeps each minute."""

    def __init__(self, aws, front, redis, deployed, policies):
        self.aws, self.front, self.redis, self.policies = aws, front, redis, policies
        self.publisher = deployed.output("PublishFunctionName")
        self.sender = Sender(redis)
        self.minutes = []
        self.due = time.monotonic()

    def counts(self):
        (service,) = self.aws.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
        return {"running": service["runningCount"], "desired": service["desiredCount"]}

    def minute(self, what, ticks=True):
        """Waits until a minute is over, ticks, and carries out what is decided then."""
        self.due = max(self.due + SECONDS, time.monotonic())
        time.sleep(max(0, self.due - time.monotonic()))
        minute = Minute(what, self.tick() if ticks else {}, **self.counts())
        self.minutes.append(minute)
        minute.decisions = self.policies.decide(minute.datums | IDLE, minute.running, minute.desired)
        for decision in minute.moves:
            self.aws.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=decision["to"])
        return minute

    def tick(self):
        """What the function published meanwhile: metrics of the service."""
        before = len(self.front.of("PutMetricData"))
        self.aws.client("lambda").invoke(FunctionName=self.publisher, Payload=TICK)["Payload"].read()
        calls = [call for call in self.front.of("PutMetricData")[before:] if call.input["Namespace"] == NAMESPACE]
        return {datum["MetricName"]: datum["Value"] for call in calls for datum in call.input["MetricData"]}

    def minutes_until(self, what, condition, most):
        """Minutes go by until the condition holds of the last one."""
        for _ in range(most):
            if condition(self.minute(what)):
                return
        raise AssertionError(f"{what}: not within {most} minutes, last seen {self.minutes[-1]}")

    def of(self, what):
        return [minute for minute in self.minutes if minute.what == what]


class Policies:
    """The policies as Application Auto Scaling describes them, carried out by the project's own model of it."""

    def __init__(self, described, java):
        command = [*java, "so.suna.queuemetrics.local.ScalingLoop", str(described)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def decide(self, metrics, running, desired):
        line = {"metrics": metrics, "running": running, "desired": desired}
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def described(scaling, evaluated, file):
    """What AWS would tell of the workers' scaling, written as a template, which the model reads."""
    autoscaling = scaling.client("application-autoscaling")
    resource = {"ServiceNamespace": "ecs", "ResourceId": f"service/{CLUSTER}/{SERVICE}"}
    (target,) = autoscaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource["ResourceId"]])[
        "ScalableTargets"
    ]
    bounds = {key: target[key] for key in ("MinCapacity", "MaxCapacity")}
    made = {"WorkerScalableTarget": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": bounds}}
    for policy in autoscaling.describe_scaling_policies(**resource)["ScalingPolicies"]:
        kept = {key: value for key, value in policy.items() if key.startswith("Policy") or key.endswith("Configuration")}
        kept["ScalingTargetId"] = "REF WorkerScalableTarget"
        made[logical_id(evaluated, policy["PolicyName"])] = {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": kept,
        }  # fmt: skip
    for name, alarm in evaluated.of_type("AWS::CloudWatch::Alarm").items():
        actions = [action.strip("<>") for action in alarm.get("AlarmActions", [])]
        if any(action in made for action in actions):
            refers = {"AlarmActions": [f"REF {action}" for action in actions]}
            made[name] = {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm | refers}
    text = json.dumps({"Parameters": {}, "Resources": made}, default=str)
    for name in made:
        text = text.replace(f'"REF {name}"', f'!Ref "{name}"')
    file.write_text(text)
    return file


def logical_id(evaluated, policy_name):
    policies = evaluated.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
    return next(name for name, policy in policies.items() if policy["PolicyName"] == policy_name)


def start_workers(aws, redis):
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName=CLUSTER)
    container = {
        "name": "worker",
        "image": images.worker(VERSION, HERE / "jobs.py", WORKER_KIT / "task_protection.py"),
        "command": ["python3", "-m", "dramatiq", "jobs", "--processes", "1", "--threads", str(THREADS)],
        "environment": [
            {"name": "REDIS_URL", "value": f"redis://{redis.host}:6379/0"},
            {"name": "dramatiq_queue_prefetch", "value": str(THREADS)},
        ],
        "stopTimeout": 120,
    }
    ecs.register_task_definition(
        family="loop", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        containerDefinitions=[container],
    )  # fmt: skip
    place = {"awsvpcConfiguration": {"subnets": suna.subnets(aws)}}
    ecs.create_service(
        cluster=CLUSTER,
        serviceName=SERVICE,
        taskDefinition="loop",
        desiredCount=LEAST,
        launchType="FARGATE",
        networkConfiguration=place,
    )
    until("the workers are known to Redis", lambda: redis.cli("ZCARD", "dramatiq:__heartbeats__") == str(LEAST))


class Sender:
    """A producer, and what became of its jobs."""

    def __init__(self, redis):
        self.redis, self.sent = redis, 0

    def send(self, count, seconds):
        numbers = range(self.sent, self.sent + count)
        self.sent += count
        code = f"import jobs\nfor number in {numbers!r}: jobs.work.send(number, {seconds})"
        environment = {"REDIS_URL": f"redis://{self.redis.address}:6379/0", "PYTHONPATH": f"{HERE}:{WORKER_KIT}"}
        run(programs(f"kit/requirements-dramatiq-{VERSION}.txt") / "python", "-c", code, env=environment)

    def numbers(self, of):
        return sorted(int(number) for number in self.redis.cli("LRANGE", of, "0", "-1").split())
