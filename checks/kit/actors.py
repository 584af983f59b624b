"""Dramatiq's side, run in an environment with one version of Dramatiq: actors that do as they are told, and a journal.

    dramatiq actors         workers, by Dramatiq's own command line
    python actors.py        a producer: reads a line of JSON for what to send, answers with a line when it is sent

The variable FLEET, in JSON, holds: folder, where the journal and the sockets are; redis, a URL; queues; encoder, a class of
Dramatiq's; broker, arguments of RedisBroker. PROTECTION, if set, adds the middleware of deploy/worker; it holds attributes to
set on that, for tests that cannot wait for minutes. Everything told here comes from Dramatiq's middleware events and from the
workers' memory, nothing from Redis.

Journal: all processes append to one file, a line of JSON an event. A thread has started a message, which it then begins once
no middleware holds it up. What is done to Redis has two lines, before it (enqueuing, acking, nacking) and after it (enqueued,
acked, nacked): it took place at some instant between them.
Memory: each worker process answers on PID.sock what it has fetched and not begun.
"""

import contextlib
import json
import os
import pathlib
import socket
import sys
import threading
import time

import dramatiq
import dramatiq.encoder
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Callbacks, Pipelines, Retries, ShutdownNotifications, SkipMessage, TimeLimit

FLEET = json.loads(os.environ["FLEET"])
FOLDER = pathlib.Path(FLEET["folder"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
PRIORITIES = (0, 10, 100)


class Journal(dramatiq.Middleware):
    def __init__(self):
        self.file = os.open(FOLDER / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, event, message=None, **more):
        line = {"at": time.time(), "pid": os.getpid(), "event": event, **more}
        if message is not None:
            line |= {"id": redis_id(message), "queue": message.queue_name, "sent": message.message_timestamp}
        # One write in append mode: lines of several processes and threads do not mix.
        os.write(self.file, (json.dumps(line) + "\n").encode())

    def before_enqueue(self, broker, message, delay):
        # A retry carries its traceback; a recording must not depend on where the repository lies.
        if "traceback" in message.options:
            message.options["traceback"] = message.options["traceback"].replace(str(ROOT), ".")
        self.note("enqueuing", message)

    def after_enqueue(self, broker, message, delay):
        self.note("enqueued", message)

    def before_process_message(self, broker, message):
        self.note("started", message)

    def before_ack(self, broker, message):
        self.note("acking", message)

    def after_ack(self, broker, message):
        self.note("acked", message)

    def before_nack(self, broker, message):
        self.note("nacking", message)

    def after_nack(self, broker, message):
        self.note("nacked", message)

    def after_worker_boot(self, broker, worker):
        threading.Thread(target=tell_memory, args=(worker,), daemon=True).start()
        self.note("booted", parent=os.getppid())

    def before_worker_shutdown(self, broker, worker):
        self.note("stopping")


class Begun(dramatiq.Middleware):
    """The last: what another middleware skips does not begin. It skips a message itself if that has the option `skip`."""

    def before_process_message(self, broker, message):
        if message.options.get("skip"):
            raise SkipMessage
        journal.note("begun", message)

    def after_process_message(self, broker, message, *, result=None, exception=None):
        if exception is None:
            journal.note("ended", message)


def redis_id(message):
    """Of this copy in Redis; message_id stays the same when a message is delayed or retried."""
    return message.options["redis_message_id"]


def tell_memory(worker):
    asked = False
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(FOLDER / f"{os.getpid()}.sock"))
        server.listen()
        while True:
            caller, _ = server.accept()
            consumers = [thread.consumer for thread in list(worker.consumers.values()) if thread.consumer]
            # Something came, or nothing did: in either case it has asked Redis and is known there.
            asked = asked or any(each.misses or each.outstanding_message_count for each in consumers)
            stopping = not any(thread.running for thread in worker.workers)
            with caller, contextlib.suppress(OSError):
                caller.sendall(json.dumps({"asked": asked, "stopping": stopping, "memory": memory(worker)}).encode())


def memory(worker):
    """By redis_message_id: fetched, but no thread has begun it."""
    ids = []
    for queue in [worker.work_queue, *(thread.delay_queue for thread in list(worker.consumers.values()))]:
        with queue.mutex:
            items = list(queue.queue)
        # 1.x keeps (priority, message), 2.x an object.
        ids += [redis_id(item[1] if isinstance(item, tuple) else item.message) for item in items]
    for thread in list(worker.consumers.values()):
        if thread.consumer:
            ids += [redis_id(dramatiq.Message.decode(data)) for data in list(thread.consumer.message_cache)]
    return ids


def act(what="wait", seconds=0):
    if what == "wait":
        with socket.socket(socket.AF_UNIX) as gate:
            gate.connect(str(FOLDER / "gate.sock"))
            gate.recv(16)  # until somebody lets it through
    elif what == "sleep":
        time.sleep(seconds)
    elif what == "fail":
        raise RuntimeError("fails as it was told")


def broker():
    dramatiq.set_encoder(getattr(dramatiq.encoder, FLEET["encoder"])())
    # Dramatiq's defaults but for Prometheus, which would open a port.
    usual = [each() for each in (AgeLimit, TimeLimit, ShutdownNotifications, Callbacks, Pipelines, Retries)]
    made = RedisBroker(url=FLEET["redis"], middleware=[journal, *usual, Begun()], **FLEET["broker"])
    if "PROTECTION" in os.environ:
        from task_protection import TaskProtection

        protection = TaskProtection()
        for name, value in json.loads(os.environ["PROTECTION"]).items():
            assert hasattr(protection, name), name
            setattr(protection, name, value)
        made.add_middleware(protection, before=TimeLimit)
    dramatiq.set_broker(made)
    for queue in FLEET["queues"]:
        for priority in PRIORITIES:
            dramatiq.actor(act, actor_name=f"{queue}:{priority}", queue_name=queue, priority=priority)
    return made


def produce():
    for line in sys.stdin:
        order, sent = json.loads(line), []
        if "flush" in order:
            made_broker.flush(order["flush"])
        for _ in range(order.get("count", 0)):
            sent.append(made_broker.get_actor(order["actor"]).send_with_options(**order["options"]))
        print(json.dumps([redis_id(message) for message in sent]), flush=True)


journal = Journal()
made_broker = broker()
if __name__ == "__main__":
    produce()
