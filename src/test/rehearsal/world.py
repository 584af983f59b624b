"""A publisher with all that it depends on, each of which can be made to fail."""

import contextlib
import json
import subprocess

import faults
import images
import known_broker
from functions import PUBLISH, Function
from machine import ROOT, docker, until
from redis_server import Redis
from toxiproxy import Toxiproxy

TICK = json.loads((ROOT / "events/scheduled-tick.json").read_text())
CLUSTER, SERVICE, WORKERS = "faults", "workers", 2


class World:
    """The function reaches Redis through `proxy`, and AWS through `front`. Every tick meets another content in Redis."""

    def __init__(self, network, package, aws, front):
        self.network, self.package, self.aws, self.front = network, package, aws, front
        self.ticks = 0
        with contextlib.ExitStack() as stack:
            self.redis = stack.enter_context(
                Redis(network, "--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes",
                      "--loading-process-events-interval-bytes", "1024")
            )  # fmt: skip
            self.proxy = stack.enter_context(Toxiproxy(network, 6379, f"{self.redis.host}:6379"))
            self._start_workers()
            stack.callback(self._stop_workers)
            environment = {
                "REDIS_HOST": self.proxy.host,
                "REDIS_TLS": "false",
                "AWS_ENDPOINT_URL": front.url,
                "ECS_CLUSTER": CLUSTER,
                "ECS_WORKER_SERVICE": SERVICE,
            }
            self.environment = environment
            self.publish = stack.enter_context(Function(network, package, PUBLISH, environment))
            self.stack = stack.pop_all()

    def tick(self, content=None):
        """:raises AssertionError: if a wrong number reached CloudWatch"""
        content = content or self.fill()
        before = len(self.front.calls)
        invocation = self.publish.invoke(TICK)

        def taken():
            calls = self.front.calls[before:]
            return [call for call in calls if call.operation == "PutMetricData" and call.status == 200]

        if '"published":true' in invocation.log:
            until("the front has noted the call that it answered", taken)
        datums = [datum for call in taken() for datum in call.input["MetricData"]]
        assert not (lies := faults.wrong(datums, content, WORKERS)), lies
        metrics = frozenset(datum["MetricName"] for datum in datums)
        return faults.Seen(metrics, invocation.error, invocation.seconds)

    def ticks_apart(self, namespace, between):
        """Two ticks of a publisher that has the namespace for itself: what they met in Redis, and the second's result."""
        content = self.fill()
        with Function(self.network, self.package, PUBLISH, self.environment | {"METRIC_NAMESPACE": namespace}) as publish:
            publish.invoke(TICK)
            between(self)
            return content, publish.invoke(TICK)

    def averages(self, namespace):
        """What CloudWatch itself answers: each metric's average there, and of how many datums."""
        found = {}
        for metric in faults.OF_REDIS + faults.OF_WORKERS:
            if kept := self.aws.statistics(metric, {"Service": "worker"}, namespace):
                count = sum(each["SampleCount"] for each in kept)
                found[metric] = (sum(each["Sum"] for each in kept) / count, count)
        return found

    def fill(self, **options):
        """Where Redis takes it; else the truth stays what it was."""
        self.ticks += 1
        self.content = known_broker.put(self.redis, self.ticks, **options)
        return self.content

    def heal(self):
        self.front.heal()
        self.proxy.heal()

    def close(self):
        self.stack.close()

    def _start_workers(self):
        ecs = self.aws.client("ecs")
        ecs.create_cluster(clusterName=CLUSTER)
        ecs.register_task_definition(
            family=SERVICE,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "worker", "image": images.redis(), "command": ["sleep", "3600"]}],
        )
        network = {"awsvpcConfiguration": {"subnets": ["subnet-00000001"]}}
        ecs.create_service(
            cluster=CLUSTER, serviceName=SERVICE, taskDefinition=SERVICE, desiredCount=WORKERS, networkConfiguration=network
        )
        until("the workers run", lambda: self._running() == WORKERS)

    def _running(self):
        (service,) = self.aws.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
        return service["runningCount"]

    def _stop_workers(self):
        self.aws.client("ecs").delete_service(cluster=CLUSTER, service=SERVICE, force=True)

    # What a Redis can do to its readers.

    def restart(self):
        docker("restart", "--time", "0", self.redis.name)
        until("Redis answers again", self.redis.answers)

    def pause(self):
        docker("pause", self.redis.name)

    def unpause(self):
        docker("unpause", self.redis.name)

    def sleep(self):
        """As in a slow command of somebody else's."""
        self._in_background("DEBUG", "SLEEP", "3")

    def run_out_of_memory(self):
        """Writes fail, reads go on."""
        self.redis.cli("CONFIG", "SET", "maxmemory", "1mb")
        assert "OOM" in self.redis.cli("SET", "some", "thing")

    def have_memory(self):
        self.redis.cli("CONFIG", "SET", "maxmemory", "0")

    def load(self):
        """Reads its data in again, each key so slowly that it tells every caller it is LOADING."""
        self.redis.cli("EVAL", "for i = 1, 500 do redis.call('SET', 'filler' .. i, ('x'):rep(2000)) end", "0")
        self.redis.cli("CONFIG", "SET", "key-load-delay", "20000")
        self._in_background("DEBUG", "RELOAD")
        until("Redis is loading", lambda: "LOADING" in self.redis.cli("PING"))

    def finish_loading(self):
        self.redis.cli("CONFIG", "SET", "key-load-delay", "0")
        until("Redis has loaded", self.redis.answers)

    def _in_background(self, *command):
        docker("exec", "--detach", self.redis.name, "redis-cli", *command)

    def lose_the_primary(self):
        """A replica knows all that the primary knew, and is not promoted yet."""
        self.replica = Redis(self.network, "--replicaof", self.redis.host, "6379", name="replica")
        self.stack.callback(self.replica.remove)
        until("the replica is in step", lambda: "master_link_status:up" in self.replica.cli("INFO", "replication"))
        self.redis.cli("WAIT", "1", "5000")
        docker("kill", self.redis.name)

    def promote_the_replica(self):
        self.replica.cli("REPLICAOF", "NO", "ONE")
        self.redis = self.replica
        self.proxy.lead_to(f"{self.redis.host}:6379")

    def packets_vanish(self):
        """From now on nobody hears anything of the other side, not even that it is gone."""
        self._iptables("--insert")

    def packets_arrive(self):
        self._iptables("--delete")

    def _iptables(self, what):
        process = str(self.proxy.inspect()["State"]["Pid"])
        rule = [what, "INPUT", "--protocol", "tcp", "--dport", "6379", "--jump", "DROP"]
        subprocess.run(["nsenter", "--target", process, "--net", "iptables", *rule], check=True)
