"""The loop closed: the deployed function counts, the template's own policies decide, and real Dramatiq workers come and go.

A tick stands for a minute of the policies, and takes SECONDS here. Workers are ECS tasks with the worker kit.
"""

import json
import re
import subprocess
import time
from dataclasses import dataclass, field

import images
import picture
import pytest
import suna
from deployment import deploy
from kit import template
from kit.machine import ROOT, jdk25, programs, run, until
from machine import docker
from redis_server import Redis
from scaling import Scaling

CLUSTER, SERVICE, NAMESPACE = "loop", "worker", "Loop"
VERSION = "2.2.0"
THREADS = 16
LEAST, MOST, TARGET = 2, 6, 10
SECONDS = 2.5
JOB_SECONDS = SECONDS  # a minute of the policies
TICK = (ROOT / "events/scheduled-tick.json").read_text()
QUEUE, IN_FLIGHT, FOLLOWED = "DramatiqQueueDepth", "DramatiqJobsInFlight", "DramatiqBacklogPerWorker"
# The jobs sleep, so neither is ever near its target; ECS would publish so.
IDLE = {"ECSServiceAverageCPUUtilization": 5, "ECSServiceAverageMemoryUtilization": 20}
BURST, LONG_JOBS = 320, 3
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


@pytest.fixture(scope="module")
def java(tmp_path_factory):
    """The command that runs a class of the simulator or the local run. Compiled apart from target/, which other checks use."""
    folder = tmp_path_factory.mktemp("java")
    jars = folder / "jars"
    run(ROOT / "mvnw", "-q", "-B", "dependency:build-classpath", "-DincludeScope=test", f"-Dmdep.outputFile={jars}")
    sources = [file for root in ("main", "local") for file in (ROOT / f"src/{root}/java").rglob("*.java")]
    run(jdk25() / "bin/javac", "-proc:none", "-nowarn", "-d", folder / "classes", "-cp", jars.read_text(), *sources)
    path = [folder / "classes", ROOT / "src/main/resources", ROOT / "src/local/resources", jars.read_text()]
    return [jdk25() / "bin/java", "-cp", ":".join(map(str, path))]


class Predicted:
    """What the simulator says of the same burst: a list for each series, an item for each minute from the burst on."""

    def __init__(self, java, folder):
        minutes = [f"2026-01-01T00:{number:02}:00Z,{BURST if number == 0 else 0}" for number in range(30)]
        (folder / "load.csv").write_text("\n".join(minutes) + "\n")
        policy = f"{ROOT / 'template.yaml'} min={LEAST} max={MOST} prefetch=4 stop=120 protect"
        options = [f"-Dload={folder / 'load.csv'}", "-Djobs=constant 60s", f"-Dpolicy={policy}", f"-Dworkers={LEAST}"]
        run(*java, *options, "so.suna.queuemetrics.simulation.Simulate", cwd=folder)
        page = (folder / "target/simulation.html").read_text()
        data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])
        (row,) = data["comparisons"][0]["rows"]
        self.running = row["running"]
        self.backlog = [waiting + fetched for waiting, fetched in zip(row["waiting"], row["inFlight"], strict=True)]


@pytest.fixture(scope="module")
def predicted(java, tmp_path_factory):
    return Predicted(java, tmp_path_factory.mktemp("predicted"))


@pytest.fixture(scope="module")
def loop(network, aws, front, source, java, tmp_path_factory):
    parameters = {
        "ClusterName": CLUSTER, "WorkerServiceName": SERVICE, "ManageApiScaling": "false", "MetricNamespace": NAMESPACE,
        "WorkerMinCapacity": LEAST, "WorkerMaxCapacity": MOST, "QueueTarget": TARGET,
    }  # fmt: skip
    evaluated = template.deploy(**parameters)
    with Redis(network) as redis, Scaling() as scaling:
        start_workers(aws, redis)
        deployed = deploy(
            aws, aws.environment, source, "loop",
            VpcId=suna.vpc(aws), SubnetIds=",".join(suna.subnets(aws)), RedisHost=redis.host, RedisTls="false",
            QueryAuthType="OFF", **parameters,
        )  # fmt: skip
        aws.client("events").disable_rule(Name=deployed.resource("PublishFunctionTick"))
        scaling.make(evaluated)
        policies = Policies(described(scaling, evaluated, tmp_path_factory.mktemp("loop") / "described.yaml"), java)
        made = Loop(aws, front, redis, deployed, policies)
        try:
            play(made)
            yield made
        finally:
            policies.close()
            aws.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=0)


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


def play(loop):
    """What happens to the fleet."""
    for _ in range(3):
        loop.minute("at rest")
    loop.sender.send(BURST, JOB_SECONDS)
    loop.minutes_until("burst", lambda minute: minute.datums[FOLLOWED] == 0, most=30)
    # Runs of an agent that last beyond the first scale-in.
    loop.sender.send(LONG_JOBS, 32 * SECONDS)
    for _ in range(10):
        loop.minute("publisher silent", ticks=False)
    loop.minute("long jobs")
    docker("pause", loop.redis.name)
    for _ in range(2):
        loop.minute("Redis silent")
    docker("unpause", loop.redis.name)
    loop.minutes_until("long jobs", lambda minute: minute.datums[IN_FLIGHT] == 0, most=60)
    loop.minutes_until("scale-in", lambda minute: minute.running == LEAST, most=60)


def peak(loop):
    return max(minute.running for minute in loop.minutes)


def test_a_burst_brings_more_workers(loop):
    first = next(minute for minute in loop.of("burst") if minute.moves)
    assert first is loop.of("burst")[0], "the burst policy orders at the first tick that sees it"
    assert first.moves[0]["policy"] == "worker-queue-burst-scaling"
    assert peak(loop) == MOST


def test_the_queue_drains_sooner_than_the_workers_of_the_minimum_could(loop):
    assert len(loop.of("burst")) < BURST / (LEAST * THREADS)


def test_a_silent_publisher_holds_the_fleet(loop):
    assert {minute.desired for minute in loop.of("publisher silent")} == {MOST}
    assert not [minute for minute in loop.of("publisher silent") if minute.moves]


def test_a_silent_redis_publishes_no_number_of_it_and_holds_the_fleet(loop):
    for minute in loop.of("Redis silent"):
        assert set(minute.datums) == {"DramatiqRunningWorkers", "DramatiqDesiredWorkers"}
        assert not minute.moves


def test_the_numbers_are_right_again_at_the_first_tick_with_redis(loop):
    before, after = loop.of("long jobs")[:2]
    assert before.datums[IN_FLIGHT] == after.datums[IN_FLIGHT] == LONG_JOBS


def test_the_fleet_shrinks_to_its_minimum_and_no_further(loop):
    assert loop.minutes[-1].running == LEAST
    assert min(minute.desired for minute in loop.minutes) == LEAST


def test_workers_leave_while_others_work(loop):
    assert any(minute.moves and minute.moves[0]["to"] < minute.desired for minute in loop.of("long jobs"))


def test_every_job_begins_once_and_is_done_once(loop):
    everyone = list(range(BURST + LONG_JOBS))
    assert loop.sender.numbers("began") == everyone
    assert loop.sender.numbers("done") == everyone


def test_the_simulator_predicts_the_workers_and_the_backlog(loop, predicted, capsys):
    began = len(loop.of("at rest"))
    seen = [minute for minute in loop.minutes[began : began + 30] if minute.datums or minute.what == "publisher silent"]
    running = [LEAST, *(minute.running for minute in seen)]
    backlog = [BURST, *(minute.datums[QUEUE] + minute.datums[IN_FLIGHT] for minute in loop.of("burst"))]
    charts = {
        "Messages waiting or in flight": {"deployed": backlog, "simulated": predicted.backlog[1 : len(backlog) + 1]},
        "Running workers": {"deployed": running, "simulated": predicted.running[1 : len(running) + 1]},
    }
    # docs/scaling.md shows it.
    (ROOT / "target/rehearsal/closed-loop.svg").write_text(picture.lines(charts))
    off = {title: distance(*chart.values()) for title, chart in charts.items()}
    with capsys.disabled():
        print(f"\n{charts}\nmean distance of the two: {off}")
    assert off["Messages waiting or in flight"] <= 0.3 * BURST
    assert off["Running workers"] <= 1.5


def distance(one, other):
    """On average of the minutes."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=False)) / len(one)
