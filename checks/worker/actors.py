"""The workers' side: actors that note in Redis what they do, with the middleware as a user adds it.

KIT, in JSON, holds: redis, a port; protected, whether to add the middleware; attributes, to set on it, for tests that
cannot wait for minutes.
"""

import json
import os
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Retries, ShutdownNotifications, TimeLimit
from task_protection import TaskProtection

KIT = json.loads(os.environ["KIT"])


class Taken(dramatiq.Middleware):
    """Notes when a thread takes a job, before any other middleware may hold it up."""

    def before_process_message(self, broker, message):
        note("taken", message.kwargs["job"])


def note(event, job):
    broker.client.rpush("journal", json.dumps({"event": event, "job": job, "pid": os.getpid(), "at": time.time()}))


# Dramatiq's defaults but for Prometheus, which would open a port.
usual = [AgeLimit(), TimeLimit(), ShutdownNotifications(), Retries(min_backoff=100, max_backoff=100)]
broker = RedisBroker(host="127.0.0.1", port=KIT["redis"], middleware=[Taken(), *usual])
if KIT["protected"]:
    middleware = TaskProtection()
    for name, value in KIT["attributes"].items():
        assert hasattr(middleware, name), name
        setattr(middleware, name, value)
    broker.add_middleware(middleware, before=TimeLimit)
dramatiq.set_broker(broker)


@dramatiq.actor(max_retries=0)
def work(job, seconds):
    note("begun", job)
    time.sleep(seconds)
    note("ended", job)


@dramatiq.actor(max_retries=2)
def fail(job):
    note("begun", job)
    raise RuntimeError("fails as it was told")
