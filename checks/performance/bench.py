"""The functions that are measured, ours and the peer's, and the servers that they talk to."""

import re
import sys
from contextlib import ExitStack, contextmanager, nullcontext

from kit.machine import ROOT, run
from lambda_api import CpuShare, FastApi, Function
from servers import Aws, Localhost, Redis

OUT = ROOT / "target/performance"
TICK, QUERY = ((ROOT / f"events/{name}.json").read_bytes() for name in ("scheduled-tick", "queue-metrics"))
# As Lambda starts Java 25: C1 only, one collector thread, the JDK's class archive, and 85 % of the memory for the heap:
# https://docs.aws.amazon.com/lambda/latest/dg/java-customization.html
FLAGS = ["-XX:+UseSerialGC", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"]
MEGABYTES = int(re.search(r"MemorySize: (\d+)", (ROOT / "template.yaml").read_text())[1])
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
        self.work = OUT / "work"
        self.authority = Localhost(self.work, OUT / "peer/botocore/cacert.pem")
        self.redis = Redis(OUT / "lib/embedded-redis.jar", self.work, self.authority)
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
        """A publisher with a CloudWatch and an ECS of its own."""
        cloudwatch, ecs = (Aws(self.authority.server_context() if tls else None) for _ in range(2))
        whole = self.environment(tls, AWS_ENDPOINT_URL_CLOUDWATCH=cloudwatch.url, AWS_ENDPOINT_URL_ECS=ecs.url, **dict(environment))
        function = self.python_function(whole) if side == "peer" else self.java_function(side, "PublishHandler", whole, megabytes)
        function.cloudwatch, function.ecs = cloudwatch, ecs
        function.requests_at_start = len(cloudwatch.requests), len(ecs.requests)
        return function

    @contextmanager
    def all_sides(self, start, sides, *arguments):
        """A function of each side, started by `publisher` or `query`."""
        with ExitStack() as functions:
            yield {side: functions.enter_context(start(side, *arguments)) for side in sides}

    def query(self, side, tls):
        if side == "peer":
            return FastApi(OUT / "web", self.environment(tls) | self.python_environment())
        return self.java_function(side, "QueryHandler", self.environment(tls))

    def java_function(self, side, handler, environment, megabytes=MEGABYTES):
        handler = f"so.suna.queuemetrics.{handler}::handleRequest"
        memory, trusted = f"-Xmx{megabytes * 85 // 100}m", f"-Djavax.net.ssl.trustStore={self.authority.java_store}"
        command = [f"{self.java}/bin/java", *FLAGS, memory, trusted, "-cp", f"{OUT}/lib/ric/*", CLIENT, handler]
        return Function(command, OUT / side, environment | {"_HANDLER": handler}, self.work / "java.log")

    def python_environment(self):
        store = str(self.authority.python_store)
        return {"AWS_CA_BUNDLE": store, "SSL_CERT_FILE": store, "PYTHONDONTWRITEBYTECODE": "1"}

    def python_function(self, environment):
        handler, peer = "publisher.handler", OUT / "peer"
        environment = environment | self.python_environment() | {"_HANDLER": handler, "PYTHONPATH": str(peer)}
        return Function([sys.executable, "-m", "awslambdaric", handler], peer, environment, self.work / "python.log")

    def at_size(self, function, megabytes):
        """Gives the function the CPU share of a size for as long as the context lasts; a smoke run leaves it at full speed."""
        held = self.holding and megabytes < MEGABYTES_OF_ONE_CPU
        return CpuShare(function.pid, megabytes / MEGABYTES_OF_ONE_CPU) if held else nullcontext()

    def redis_connections(self, function):
        return self.redis.connections_from(function.local_ports())

    def end_redis_connections(self, function):
        self.redis.end(self.redis_connections(function))

    def jcmd(self, function, command):
        return run(f"{self.java}/bin/jcmd", function.pid, command)

    def close(self):
        self.redis.close()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def median(values):
    return percentile(values, 0.5)


def in_turn(functions, event, calls, blocks=20, prepare=lambda side: None):
    """
    Each function's milliseconds and CPU milliseconds a call, in blocks by turns, so that all see the same noise. `calls` is
    a number for each side; `prepare` is called with the side before each call.
    """
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
