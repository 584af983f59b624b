"""The same answer from FastAPI, whose shapes the query function keeps; each query reads Redis, as the original does."""

import logging
import time
from datetime import UTC, datetime

import redis.asyncio
from broker import KEYS, QUEUES, REDIS, SCRIPT, arguments, figures
from fastapi import FastAPI, HTTPException

app = FastAPI()
snapshot = redis.asyncio.Redis(**REDIS).register_script(SCRIPT)


@app.get("/api/metrics/queue")
async def queue_metrics():
    now = time.time()
    try:
        brokers, *queues = await snapshot(keys=KEYS, args=arguments(now))
    except redis.RedisError:
        logging.exception("queue metrics not read")
        raise HTTPException(500, "Failed to get queue metrics") from None
    return {
        **figures(now, queues),
        "timestamp": datetime.now(UTC).isoformat(),
        "active_brokers": brokers,
        "queues": {name: figures(now, [queue]) for name, queue in zip(QUEUES, queues, strict=True)},
    }
