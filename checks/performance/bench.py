"""The functions that are measured, ours and the peer's, and the servers that they talk to."""

import os
import re
import subprocess
import sys
from contextlib import nullcontext

from kit.machine import ROOT
from lambda_api import CpuShare, FastApi, Function
from servers import Aws, Localhost, Redis

OUT = os.path.join(ROOT, "target/performance")


def text(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


TICK, QUERY = text("events/scheduled-tick.json").encode(), text("events/queue-metrics.json").encode()
# As Lambda starts Java 25: C1 only, one collector thread, the JDK's class archive, and 85 % of the memory for the heap:
# https://docs.aws.amazon.com/lambda/latest/dg/java-customization.html
FLAGS = ["-XX:+UseSerialGC", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"]
MEGABYTES = int(re.search(r"MemorySize: (\d+)", text("template.yaml"))[1])
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEGABYTES_OF_ONE_CPU = 1_769
CLIENT = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"


class Bench:
    """
    The servers of one run, and functions that talk to them. A function belongs to a side: "ours" is this build, "before"
    another one, "peer" the same in Python, "empty" a Java handler that does nothing.
    """

    def __init__(self, java_home, holding):
        self.java, self.holding = java_home, holding
        self.work = os.path.join(OUT, "work")
        self.authority = Localhost(self.work, os.path.join(OUT, "peer/botocore/cacert.pem"))
        self.redis = Redis(os.path.join(OUT, "lib/embedded-redis.jar"), self.work, self.authority)
        self.redis.fill(["default"], 100, 2)

    def environment(self, tls, **more):
        return {
            "REDIS_HOST": "localhost",
            "REDIS_PORT": str(self.redis.tls_port if tls else self.redis.port),
            "REDIS_TLS": str(tls).lower(),
            "ECS_CLUSTER": "suna-ecs",
            "ECS_WORKER_SERVICE": "suna-worker-svc",
            **more,
        }

    def publisher(self, side, tls, environment=(), megabytes=MEGABYTES):
        """A publisher with a CloudWatch and an ECS of its own, which close after each answer if there is TLS."""
        cloudwatch, ecs = (Aws(self.authority.server_context() if tls else None, closing=tls) for _ in range(2))
        whole = self.environment(tls, AWS_ENDPOINT_URL_CLOUDWATCH=cloudwatch.url, AWS_ENDPOINT_URL_ECS=ecs.url, **dict(environment))
        function = self.python_function(whole) if side == "peer" else self.java_function(side, "PublishHandler", whole, megabytes)
        function.cloudwatch, function.ecs = cloudwatch, ecs
        function.requests_at_start = len(cloudwatch.requests), len(ecs.requests)
        return function

    def query(self, side, tls):
        return (
            FastApi(os.path.join(OUT, "web"), {**self.environment(tls), **self.python_environment()})
            if side == "peer"
            else (self.java_function(side, "QueryHandler", self.environment(tls)))
        )

    def java_function(self, side, handler, environment, megabytes=MEGABYTES):
        handler = f"so.suna.queuemetrics.{handler}::handleRequest"
        command = [
            f"{self.java}/bin/java",
            *FLAGS,
            f"-Xmx{megabytes * 85 // 100}m",
            f"-Djavax.net.ssl.trustStore={self.authority.java_store}",
            "-cp",
            os.path.join(OUT, "lib/ric/*"),
            CLIENT,
            handler,
        ]
        return Function(
            command,
            {**environment, "LAMBDA_TASK_ROOT": os.path.join(OUT, side), "_HANDLER": handler},
            os.path.join(self.work, "java.log"),
        )

    def python_environment(self):
        return {
            "AWS_CA_BUNDLE": self.authority.python_store,
            "SSL_CERT_FILE": self.authority.python_store,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def python_function(self, environment):
        peer = os.path.join(OUT, "peer")
        environment = {
            **environment,
            **self.python_environment(),
            "LAMBDA_TASK_ROOT": peer,
            "_HANDLER": "publisher.handler",
            "PYTHONPATH": peer,
        }
        return Function(
            [sys.executable, "-m", "awslambdaric", "publisher.handler"], environment, os.path.join(self.work, "python.log")
        )

    def at_size(self, function, megabytes):
        """Gives the function the CPU share of a size for as long as the context lasts; a smoke run leaves it at full speed."""
        held = self.holding and megabytes < MEGABYTES_OF_ONE_CPU
        return CpuShare(function.pid, megabytes / MEGABYTES_OF_ONE_CPU) if held else nullcontext()

    def redis_connections(self, function):
        return self.redis.connections_from(function.local_ports())

    def end_redis_connections(self, function):
        self.redis.end(self.redis_connections(function))

    def jcmd(self, function, command):
        return subprocess.run(
            [f"{self.java}/bin/jcmd", str(function.pid), command], check=True, capture_output=True, text=True
        ).stdout

    def close(self):
        self.redis.close()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def median(values):
    return percentile(values, 0.5)


def in_turn(functions, event, calls, blocks=20, prepare=lambda side: None):
    """
    Each function's milliseconds and CPU milliseconds a call, in blocks by turns, so that all see the same noise.
    `calls` is a number, or one for each side; `prepare` is called with the side before each call.
    """
    calls = calls if isinstance(calls, dict) else dict.fromkeys(functions, calls)
    walls, cpus = {side: [] for side in functions}, dict.fromkeys(functions, 0.0)
    for block in range(blocks):
        for side, function in functions.items():
            started = function.cpu()
            for _ in range(calls[side] * (block + 1) // blocks - calls[side] * block // blocks):
                prepare(side)
                walls[side].append(function.invoke(event)[0])
            cpus[side] += function.cpu() - started
    return {
        side: {
            "calls": calls[side],
            "median_ms": 1e3 * median(walls[side]),
            "p99_ms": 1e3 * percentile(walls[side], 0.99),
            "cpu_ms": 1e3 * cpus[side] / calls[side],
        }
        for side in functions
    }
