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

CLUSTER, SERVICE = "loop", "worker"
VERSION = "2.2.0"
THREADS = 16
LEAST = 2
SECONDS = 4
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

    def __init__(self, aws, redis, deployed, policies):
        self.aws, self.redis, self.deployed, self.policies = aws, redis, deployed, policies
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
        """What the function published: metrics of the service."""
        return {datum["MetricName"]: datum["Value"] for datum in self.deployed.tick().datums}

    def minutes_until(self, what, condition, most):
        """Minutes go by until the condition holds of the last one."""
        for _ in range(most):
            if condition(self.minute(what)):
                return
        raise AssertionError(f"{what}: not within {most} minutes, last seen {self.minutes[-1]}")

    def of(self, what):
        return [minute for minute in self.minutes if minute.what == what]


class Policies:
    """The template's policies, carried out by the project's own model of Application Auto Scaling."""

    def __init__(self, java, parameters):
        given = [f"{name}={value}" for name, value in parameters.items()]
        command = [*java, "so.suna.queuemetrics.local.ScalingLoop", ROOT / "template.yaml", *given]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def decide(self, metrics, running, desired):
        line = {"metrics": metrics, "running": running, "desired": desired}
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def start_workers(aws, redis):
    container = {
        "name": "loop",
        "image": images.worker(VERSION, HERE / "jobs.py", WORKER_KIT / "task_protection.py"),
        "command": ["python3", "-m", "dramatiq", "jobs", "--processes", "1", "--threads", str(THREADS)],
        "environment": [
            {"name": "REDIS_URL", "value": f"redis://{redis.host}:6379/0"},
            {"name": "dramatiq_queue_prefetch", "value": str(THREADS)},
        ],
    }
    suna.make_service(aws, CLUSTER, SERVICE, container)
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
