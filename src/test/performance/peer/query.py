"""The same answer from FastAPI, whose shapes the query function keeps; each query reads Redis, as the original does."""

import logging
import os
import time
from datetime import datetime, timezone

import redis.asyncio
from fastapi import FastAPI, HTTPException

NAMESPACE = os.environ.get("DRAMATIQ_NAMESPACE", "dramatiq")
QUEUES = os.environ.get("QUEUE_NAMES", "default").split(",")
KEYS = [f"{NAMESPACE}:__heartbeats__"] + [
    f"{NAMESPACE}:{name}{part}" for name in QUEUES for part in ("", ".msgs", ".DQ.msgs", ".XQ")
]

app = FastAPI()
cache = redis.asyncio.Redis(
    host=os.environ["REDIS_HOST"], port=int(os.environ.get("REDIS_PORT", 6379)), ssl=os.environ.get("REDIS_TLS", "true") == "true", socket_connect_timeout=1, socket_timeout=2
)
with open(os.path.join(os.path.dirname(__file__), "snapshot.lua")) as source:
    snapshot = cache.register_script(source.read())


def answer(now, queues):
    waiting, held, delayed, dead, recently_dead = (sum(queue[i] for queue in queues) for i in range(5))
    sent = [int(value) for queue in queues for value in queue[5:7] if value is not None]
    return {
        "queue_depth": waiting,
        "delay_queue_depth": delayed,
        "dead_letter_depth": dead,
        "in_flight": held - waiting,
        "oldest_job_age_seconds": max(0.0, now - min(sent) / 1000) if sent else 0.0,
        "new_dead_letters": recently_dead,
    }


@app.get("/api/metrics/queue")
async def queue_metrics():
    now = time.time()
    try:
        brokers, *queues = await snapshot(keys=KEYS, args=[int((now - 60) * 1000)])
    except redis.RedisError:
        logging.exception("queue metrics not read")
        raise HTTPException(500, "Failed to get queue metrics")
    return {
        **answer(now, queues),
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "active_brokers": brokers,
        "queues": {name: answer(now, [queue]) for name, queue in zip(QUEUES, queues)},
    }
