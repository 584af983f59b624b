"""What is measured: the two ways to write the function, their surroundings, and how to start and ask them."""

import os
import re
import subprocess
import sys

from lambda_api import Function
from servers import Authority, Aws, Redis

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
OUT = os.path.join(ROOT, "target/performance")


def text(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


TICK, QUERY = text("events/scheduled-tick.json").encode(), text("events/queue-metrics.json").encode()
# As Lambda starts Java 25: one collector thread, the JDK's class archive; 85 % of the memory for the heap; and, but for
# SnapStart, C1 only: https://docs.aws.amazon.com/lambda/latest/dg/java-customization.html
FLAGS = ["-XX:+UseSerialGC", "-Xshare:auto", "--enable-native-access=ALL-UNNAMED"]
ON_DEMAND = ["-XX:TieredStopAtLevel=1"]
SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
MEGABYTES = int(re.search(r"MemorySize: (\d+)", text("template.yaml"))[1])
CLIENT = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"


class Bench:
    """The servers of one run, and functions that talk to them."""

    def __init__(self, java_home):
        self.java = java_home
        self.work = os.path.join(OUT, "work")
        self.authority = Authority(self.work, java_home, os.path.join(OUT, "peer/botocore/cacert.pem"))
        self.redis = Redis(os.path.join(OUT, "lib/embedded-redis.jar"), self.work, self.authority)

    def environment(self, tls, **more):
        return {"REDIS_HOST": "localhost", "REDIS_PORT": str(self.redis.tls_port if tls else self.redis.port),
                "REDIS_TLS": str(tls).lower(), "ECS_CLUSTER": "suna-ecs", "ECS_WORKER_SERVICE": "suna-worker-svc", **more}

    def java_command(self, *flags, megabytes=MEGABYTES):
        return [f"{self.java}/bin/java", *FLAGS, f"-Xmx{megabytes * 85 // 100}m",
                f"-Djavax.net.ssl.trustStore={self.authority.java_store}", *flags]

    def java_function(self, environment, handler="PublishHandler", flags=(), megabytes=MEGABYTES):
        environment = {**environment, "LAMBDA_TASK_ROOT": os.path.join(OUT, "ours"),
                       "_HANDLER": f"so.suna.queuemetrics.{handler}::handleRequest"}
        compiler = [] if SNAP_START.items() <= environment.items() else ON_DEMAND
        command = self.java_command(*compiler, *flags, "-cp", os.path.join(OUT, "lib/ric/*"), CLIENT, environment["_HANDLER"], megabytes=megabytes)
        return Function(command, environment, os.path.join(self.work, "java.log"))

    def python_environment(self):
        return {"AWS_CA_BUNDLE": self.authority.python_store, "SSL_CERT_FILE": self.authority.python_store, "PYTHONDONTWRITEBYTECODE": "1"}

    def python_function(self, environment):
        peer = os.path.join(OUT, "peer")
        environment = {**environment, **self.python_environment(), "LAMBDA_TASK_ROOT": peer, "_HANDLER": "publisher.handler", "PYTHONPATH": peer}
        return Function([sys.executable, "-m", "awslambdaric", "publisher.handler"], environment, os.path.join(self.work, "python.log"))

    def publisher(self, who, tls, environment=(), **java):
        """A publisher with a CloudWatch and an ECS of its own, which close after each answer where there is TLS."""
        cloudwatch, ecs = (Aws(self.authority.server_context() if tls else None, closing=tls) for _ in range(2))
        whole = self.environment(tls, AWS_ENDPOINT_URL_CLOUDWATCH=cloudwatch.url, AWS_ENDPOINT_URL_ECS=ecs.url, **dict(environment))
        others = self.redis.connections()
        function = self.python_function(whole) if who == "peer" else self.java_function(whole, **java)
        function.cloudwatch, function.ecs, function.others = cloudwatch, ecs, others
        return function

    def redis_connections(self, publisher):
        """Those that were made since the publisher was."""
        return self.redis.connections() - publisher.others

    def end_redis_connections(self, publisher):
        self.redis.end(self.redis_connections(publisher))

    def jcmd(self, function, command):
        return subprocess.run([f"{self.java}/bin/jcmd", str(function.pid), command], check=True, capture_output=True, text=True).stdout

    def close(self):
        self.redis.close()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def median(values):
    return percentile(values, 0.5)


def in_turn(functions, event, calls, blocks=20, before=lambda who: None):
    """
    Each function's milliseconds and CPU milliseconds a call, in blocks by turns, so that all see the same noise.
    `calls` is a number, or one for each function; `before` is called with its name before each call.
    """
    calls = calls if isinstance(calls, dict) else dict.fromkeys(functions, calls)
    walls, cpus = {name: [] for name in functions}, dict.fromkeys(functions, 0.0)
    for block in range(blocks):
        for name, function in functions.items():
            started = function.cpu()
            for _ in range(calls[name] * (block + 1) // blocks - calls[name] * block // blocks):
                before(name)
                walls[name].append(function.invoke(event)[0])
            cpus[name] += function.cpu() - started
    return {name: {"calls": calls[name], "median_ms": 1e3 * median(walls[name]), "p99_ms": 1e3 * percentile(walls[name], 0.99),
                   "cpu_ms": 1e3 * cpus[name] / calls[name]} for name in functions}
