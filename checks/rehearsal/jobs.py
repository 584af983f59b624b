"""The workers' program in test_loop.py: an actor whose every beginning and end is kept in Redis, beside Dramatiq's keys."""

import os
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Retries, ShutdownNotifications, TimeLimit
from task_protection import TaskProtection

broker = RedisBroker(url=os.environ["REDIS_URL"], middleware=[AgeLimit(), TimeLimit(), ShutdownNotifications(), Retries()])
broker.add_middleware(TaskProtection())
dramatiq.set_broker(broker)


@dramatiq.actor
def work(number, seconds):
    broker.client.rpush("began", number)
    time.sleep(seconds)
    broker.client.rpush("done", number)
