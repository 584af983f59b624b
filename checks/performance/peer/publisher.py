"""The same tick as a good Python shop would write it: one script to Redis, one DescribeServices, one PutMetricData."""

import json
import os
import time
from datetime import UTC, datetime

import boto3
import redis
from botocore.config import Config
from broker import KEYS, REDIS, SCRIPT, arguments, figures

CONFIG = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "max_attempts": 3})
DIMENSIONS = [{"Name": "Service", "Value": os.environ.get("SERVICE_NAME", "worker")}]
METRICS = {
    "DramatiqQueueDepth": "queue_depth",
    "DramatiqJobsDelayed": "delay_queue_depth",
    "DramatiqDeadLetters": "dead_letter_depth",
    "DramatiqJobsInFlight": "in_flight",
    "DramatiqOldestJobAge": "oldest_job_age_seconds",
    "DramatiqNewDeadLetters": "new_dead_letters",
    "DramatiqOrphanedMessages": "orphaned",
}

snapshot = redis.Redis(**REDIS).register_script(SCRIPT)
cloudwatch = boto3.client("cloudwatch", config=CONFIG)
ecs = boto3.client("ecs", config=CONFIG)


def handler(event, context):
    now = time.time()
    brokers, *queues = snapshot(keys=KEYS, args=arguments(now))
    totals = figures(now, queues)
    answer = ecs.describe_services(cluster=os.environ["ECS_CLUSTER"], services=[os.environ["ECS_WORKER_SERVICE"]])
    service = answer["services"][0]
    metrics = {name: totals[field] for name, field in METRICS.items()} | {
        "DramatiqActiveBrokers": brokers,
        "DramatiqRunningWorkers": service["runningCount"],
        "DramatiqDesiredWorkers": service["desiredCount"],
        "DramatiqBacklogPerWorker": (totals["queue_depth"] + totals["in_flight"]) / max(1, service["runningCount"]),
    }
    # The end of the minute before: an alarm evaluates complete minutes only.
    timestamp = datetime.fromtimestamp(now // 60 * 60 - 0.001, UTC)
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
