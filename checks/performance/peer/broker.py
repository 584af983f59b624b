"""What the publisher and the query ask Redis, and what they make of the reply."""

import os

NAMESPACE = os.environ.get("DRAMATIQ_NAMESPACE", "dramatiq")
QUEUES = os.environ.get("QUEUE_NAMES", "default").split(",")
REDIS = {
    "host": os.environ["REDIS_HOST"],
    "port": int(os.environ.get("REDIS_PORT", 6379)),
    "ssl": os.environ.get("REDIS_TLS", "true") == "true",
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
}
KEYS = [f"{NAMESPACE}:__heartbeats__"]

with open(os.path.join(os.path.dirname(__file__), "snapshot.lua")) as source:
    SCRIPT = source.read()


def arguments(now):
    return [NAMESPACE, int((now - 60) * 1000), "age", *QUEUES]


def figures(now, queues):
    """Of one queue's reply, or of several together."""
    waiting, _, fetched, delayed, _, delayed_fetched, dead, recently_dead = (sum(queue[i] for queue in queues) for i in range(8))
    sent = [int(value) for queue in queues for value in queue[8:10] if value is not None]
    return {
        "queue_depth": waiting,
        "delay_queue_depth": delayed + delayed_fetched,
        "dead_letter_depth": dead,
        "in_flight": fetched,
        "oldest_job_age_seconds": max(0.0, now - min(sent) / 1000) if sent else 0.0,
        "new_dead_letters": recently_dead,
        "orphaned": sum(max(0, queue[i + 1] - queue[i] - queue[i + 2]) for queue in queues for i in (0, 3)),
    }
