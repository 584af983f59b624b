"""A publisher with all that it depends on, each of which can be made to fail."""

import contextlib
import http.client
import json
import os
import re
import threading
import time
from urllib.parse import urlsplit

import faults
import known_broker
from deployment import Deployment
from kit.machine import run, until
from machine import docker
from redis_server import Redis
from toxiproxy import Toxiproxy

TOKEN = "of-two-hundred-callers"
WORKERS = 2
INSTANCES = 4


class World:
    """The real template, deployed. Its publisher reaches Redis through `proxy`, and AWS through `front`.

    Every tick meets another content in Redis.
    """

    def __init__(self, network, aws):
        self.network, self.aws, self.front = network, aws, aws.front
        self.ticks = 0
        self.instances = threading.Semaphore(INSTANCES)
        with contextlib.ExitStack() as stack:
            self.redis = stack.enter_context(
                Redis(network, "--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes",
                      "--loading-process-events-interval-bytes", "1024")
            )  # fmt: skip
            self.proxy = stack.enter_context(Toxiproxy(network, 6379, f"{self.redis.host}:6379"))
            open_url = {"QueryAuthType": "NONE", "QueryToken": TOKEN, "QueryReservedConcurrency": INSTANCES}
            self.deployed = Deployment(aws, "faults", RedisHost=self.proxy.host, **open_url)
            self.publisher = self.deployed.resource("PublishFunction")
            self.url_id = urlsplit(self.deployed.output("QueryUrl")).hostname.split(".")[0]
            self.stack = stack.pop_all()

    def tick(self, content=None):
        """:raises AssertionError: if a wrong number reached CloudWatch"""
        content = content or self.fill()
        errors, duration = self.kept_by_lambda("Errors"), self.kept_by_lambda("Duration")
        tick = self.deployed.tick()
        assert not (lies := faults.wrong(tick.datums, content, WORKERS, tick.began, tick.ended)), lies
        return faults.Seen(
            metrics=frozenset(datum["MetricName"] for datum in tick.datums),
            error=tick.error,
            errors=self.kept_by_lambda("Errors") - errors,
            seconds=(self.kept_by_lambda("Duration") - duration) / 1000,
        )

    def kept_by_lambda(self, metric):
        """The sum of one of Lambda's own metrics of the publisher, which its alarms look at."""
        kept = self.aws.statistics(metric, {"FunctionName": self.publisher}, "AWS/Lambda")
        return sum(each["Sum"] for each in kept)

    def tick_twice(self, namespace, between):
        """In a namespace that nothing else was published to: what both ticks met in Redis, and the second."""
        self.deployed.update(MetricNamespace=namespace)
        content = self.fill()
        self.deployed.tick()
        between(self)
        return content, self.deployed.tick()

    def query(self, statuses):
        """One caller at the function URL, who asks again after a 429; adds each status, and returns the last body.

        MiniStack does not limit an alias to the reserved concurrency, so what Lambda would refuse is refused here.
        """
        server = urlsplit(self.aws.url).netloc
        path = f"/_aws/lambda-url/{self.url_id}/api/metrics/queue"
        while not self.instances.acquire(blocking=False):
            statuses.append(429)
            time.sleep(1)
        try:
            with contextlib.closing(http.client.HTTPConnection(server, timeout=60)) as connection:
                connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
                answer = connection.getresponse()
                statuses.append(answer.status)
                return json.loads(answer.read())
        finally:
            self.instances.release()

    def redis_saw(self):
        """Connections so far, and reads so far."""
        connections = re.search(r"total_connections_received:(\d+)", self.redis.cli("INFO", "stats"))
        reads = re.search(r"cmdstat_eval_ro:calls=(\d+)", self.redis.cli("INFO", "commandstats"))
        return int(connections[1]), int(reads[1])

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

    def start_at_silence(self):
        """The next tick meets a function that has to start first, and waits for Redis then too."""
        self.proxy.toxic("timeout", timeout=0)
        functions = self.aws.client("lambda")
        # Any change of the configuration ends the instances that run.
        functions.update_function_configuration(FunctionName=self.publisher, Description="started again")
        functions.get_waiter("function_updated_v2").wait(FunctionName=self.publisher, WaiterConfig={"Delay": 1})

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
        as_root = ["sudo", "--non-interactive"] if os.geteuid() else []
        run(*as_root, "nsenter", "--target", process, "--net", "iptables", *rule)
