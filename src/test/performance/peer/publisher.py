"""The same tick as a good Python shop would write it: one script to Redis, one DescribeServices, one PutMetricData."""

import json
import os
import time
from datetime import datetime, timezone

import boto3
import redis
from botocore.config import Config

CONFIG = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "max_attempts": 3})
NAMESPACE = os.environ.get("DRAMATIQ_NAMESPACE", "dramatiq")
QUEUES = os.environ.get("QUEUE_NAMES", "default").split(",")
DIMENSIONS = [{"Name": "Service", "Value": os.environ.get("SERVICE_NAME", "worker")}]

cache = redis.Redis(
    host=os.environ["REDIS_HOST"],
    port=int(os.environ.get("REDIS_PORT", 6379)),
    ssl=os.environ.get("REDIS_TLS", "true") == "true",
    socket_connect_timeout=1,
    socket_timeout=2,
)
cloudwatch = boto3.client("cloudwatch", config=CONFIG)
ecs = boto3.client("ecs", config=CONFIG)

with open(os.path.join(os.path.dirname(__file__), "snapshot.lua")) as source:
    snapshot = cache.register_script(source.read())


def read(now):
    keys = [f"{NAMESPACE}:__heartbeats__"]
    for name in QUEUES:
        keys += [f"{NAMESPACE}:{name}{part}" for part in ("", ".msgs", ".DQ.msgs", ".XQ")]
    brokers, *queues = snapshot(keys=keys, args=[int((now - 60) * 1000)])
    waiting, held, delayed, dead, recently_dead = (sum(queue[i] for queue in queues) for i in range(5))
    sent = [int(value) for queue in queues for value in queue[5:7] if value is not None]
    return {
        "DramatiqQueueDepth": waiting,
        "DramatiqJobsInFlight": held - waiting,
        "DramatiqJobsDelayed": delayed,
        "DramatiqDeadLetters": dead,
        "DramatiqNewDeadLetters": recently_dead,
        "DramatiqOldestJobAge": max(0.0, now - min(sent) / 1000) if sent else 0.0,
        "DramatiqActiveBrokers": brokers,
    }


def handler(event, context):
    now = time.time()
    metrics = read(now)
    services = ecs.describe_services(cluster=os.environ["ECS_CLUSTER"], services=[os.environ["ECS_WORKER_SERVICE"]])
    running = services["services"][0]["runningCount"]
    metrics["DramatiqRunningWorkers"] = running
    metrics["DramatiqBacklogPerWorker"] = (metrics["DramatiqQueueDepth"] + metrics["DramatiqJobsInFlight"]) / max(1, running)
    timestamp = datetime.fromtimestamp(now, timezone.utc)
    cloudwatch.put_metric_data(
        Namespace=os.environ.get("METRIC_NAMESPACE", "Kortix"),
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": DIMENSIONS,
                "Timestamp": timestamp,
                "Value": value,
                "Unit": "Seconds" if name == "DramatiqOldestJobAge" else "Count",
            }
            for name, value in metrics.items()
        ],
    )
    print(json.dumps({"event": "tick", **metrics}))
