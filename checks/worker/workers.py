"""Containers of real Dramatiq workers over a Redis, and the jobs they are given. A job is the id of its message."""

import json

import dramatiq
from kit.fleet import Fleet
from kit.machine import ROOT, until


class Workers(Fleet):
    def __init__(self, redis, version=dramatiq.__version__):
        redis.client.flushall()
        super().__init__(f"redis://127.0.0.1:{redis.port}/0", ["default"])
        self.redis, self.version = redis, version
        self.sender = self.producer(version)

    def start(self, agent_uri=None, processes=1, threads=1, protected=True, prefetch=None, **attributes):
        """With the environment that ECS gives a container; 0 is Dramatiq's default prefetch, None as many as threads."""
        environment = {
            "PYTHONPATH": str(ROOT / "deploy/worker"),
            "dramatiq_queue_prefetch": str(threads if prefetch is None else prefetch),
            # Nobody listens there: the agent must be asked without it.
            "http_proxy": "http://127.0.0.1:9",
        }
        if agent_uri:
            environment["ECS_AGENT_URI"] = agent_uri
        if protected:
            environment["PROTECTION"] = json.dumps(attributes)
        crew = self.begin_workers(self.version, processes, threads, **environment)

        def ready():
            assert not crew.has_left(), crew.said()
            return crew.said().count("is ready for action") == processes

        until("the workers are ready", ready)
        return crew

    def send(self, *seconds, what="sleep", **options):
        """A job for each number of seconds it shall take."""
        options = {"max_retries": 0} | options
        return [job for each in seconds for job in self.sender.send(1, "default:0", what, each, **options)]

    def noted(self, event):
        return [line for line in self.journal.read_on().lines if line["event"] == event]

    def begun(self, count=1):
        """The journal's lines, once so many jobs have begun."""
        return until(f"{count} begun", lambda: (found := self.noted("begun")) and len(found) >= count and found)

    def ended(self, count=1):
        return until(f"{count} ended", lambda: (found := self.noted("ended")) and len(found) >= count and found)

    def held_up(self, job):
        """Seconds between the moment that a thread took the job and its beginning."""
        at = self.journal.read_on().at
        return at["begun"][job] - at["started"][job]

    @property
    def waiting(self):
        return self.redis.client.llen("dramatiq:default")


def warned(crew):
    """The warnings so far, once there is one: a process says it through the `dramatiq` command, which may take a while."""
    return until("a warning", lambda: [line for line in crew.said().splitlines() if "task_protection" in line and "WARN" in line])
