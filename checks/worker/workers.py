"""A Redis, and containers of real Dramatiq workers over it, each a process group that can be stopped or killed whole."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from kit.machine import ROOT, until
from kit.redis_server import RedisServer

HERE = Path(__file__).resolve().parent


class Redis(RedisServer):
    """With a broker that sends to it."""

    def __init__(self):
        super().__init__()
        self.broker = RedisBroker(host="127.0.0.1", port=self.port, middleware=[])


class Jobs:
    """What is sent, and what the workers noted."""

    def __init__(self, redis):
        self.redis = redis
        redis.client.flushall()

    def send(self, *seconds, actor="work", **options):
        """A job for each number of seconds it shall take; their names."""
        names = [f"secret-{number}" for number in range(self.count, self.count + len(seconds))]
        for name, each in zip(names, seconds, strict=True):
            kwargs = {"job": name} | ({"seconds": each} if actor == "work" else {})
            message = dramatiq.Message(queue_name="default", actor_name=actor, args=(), kwargs=kwargs, options=options)
            self.redis.broker.enqueue(message)
        self.redis.client.incrby("sent", len(seconds))
        return names

    @property
    def count(self):
        return int(self.redis.client.get("sent") or 0)

    def journal(self, event=None):
        lines = [json.loads(line) for line in self.redis.client.lrange("journal", 0, -1)]
        return [line for line in lines if event in (None, line["event"])]

    def begun(self, count=1):
        """The journal's lines, once so many jobs have begun."""
        return until(f"{count} begun", lambda: (found := self.journal("begun")) and len(found) >= count and found)

    def ended(self, count=1):
        return until(f"{count} ended", lambda: (found := self.journal("ended")) and len(found) >= count and found)

    def held_up(self, job):
        """Seconds between the moment that a thread took the job and its beginning."""
        at = {line["event"]: line["at"] for line in self.journal() if line["job"] == job}
        return at["begun"] - at["taken"]

    @property
    def waiting(self):
        return self.redis.client.llen("dramatiq:default")


class Container:
    """The workers below one `dramatiq` command, with the environment that ECS gives a container.

    Prefetches as many messages as threads if not told otherwise; 0 is Dramatiq's default.
    """

    def __init__(self, redis, folder, agent_uri, processes=1, threads=1, protected=True, prefetch=None, **attributes):
        kit = {"redis": redis.port, "protected": protected, "attributes": attributes}
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "deploy/worker"),
            "KIT": json.dumps(kit),
        }
        if agent_uri:
            environment["ECS_AGENT_URI"] = agent_uri
        # Nobody listens there: the agent must be asked without it.
        environment["http_proxy"] = "http://127.0.0.1:9"
        environment["dramatiq_queue_prefetch"] = str(threads if prefetch is None else prefetch)
        self.log = folder / f"container-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "dramatiq", "actors", "--processes", str(processes), "--threads", str(threads)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=log, stderr=log, start_new_session=True)
        self.processes = processes

    def wait_until_ready(self):
        until("the workers are ready", self._is_ready)

    def _is_ready(self):
        assert self.process.poll() is None, self.said()
        return self.said().count("is ready for action") == self.processes

    def said(self):
        return self.log.read_text()

    def warned(self):
        """The warnings so far, once there is one: a process says it through the `dramatiq` command, which may take a while."""
        return until(
            "a warning", lambda: [line for line in self.said().splitlines() if "task_protection" in line and "WARN" in line]
        )

    def ask_to_stop(self):
        """As ECS does first."""
        self.process.send_signal(signal.SIGTERM)

    @property
    def running(self):
        return self.process.poll() is None

    def kill(self):
        """As ECS does once the stop timeout is over."""
        if self.running:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
