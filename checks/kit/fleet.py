"""A fleet of real Dramatiq: producers and workers in processes of their own, as actors.py tells them to be."""

import collections
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from kit.journal import Journal, Look
from kit.machine import programs, until

HERE = pathlib.Path(__file__).resolve().parent
VERSIONS = ("1.18.0", "2.2.0")
PATIENCE_SECONDS = 30


class Fleet(contextlib.AbstractContextManager):
    """Over one Redis. Whatever is still there at the end of the `with` is killed."""

    def __init__(self, redis, queues, encoder="JSONEncoder", **broker):
        """`redis`: its URL; `broker`: arguments of RedisBroker."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fleet-"))  # short, as a socket's path must be
        self.silent_for = broker.get("heartbeat_timeout", 60_000) / 1000  # then Dramatiq may forget a broker
        settings = {"redis": redis, "queues": queues, "encoder": encoder, "broker": broker, "folder": str(self.folder)}
        self.environment = {"PATH": os.environ["PATH"], "FLEET": json.dumps(settings)}
        self.gate = Gate(self.folder / "gate.sock")
        self.journal = Journal(self.folder / "journal")
        self.crews, self.producers = [], []

    def kill(self):
        for crew in self.crews:
            crew.kill()

    def __exit__(self, *_):
        self.kill()
        for crew in self.crews:
            crew.log.close()
        for producer in self.producers:
            producer.close()
        self.gate.close()
        shutil.rmtree(self.folder)

    def command(self, version, name, *arguments, environment=None, **more):
        program = programs(f"kit/requirements-dramatiq-{version}.txt") / name
        return subprocess.Popen([program, *arguments], cwd=HERE, env=self.environment | (environment or {}), **more)

    def producer(self, version):
        """A connection of its own; Redis knows it once it has sent something."""
        self.producers.append(Producer(self, version))
        return self.producers[-1]

    def begin_workers(self, version, processes, threads, *options, **environment):
        """`options` of the `dramatiq` command."""
        self.crews.append(Crew(self, version, processes, threads, options, environment))
        return self.crews[-1]

    def settle(self, running, in_memory):
        """Waits until this many messages run and this many more are in the workers' memory; nothing moves then."""

        def settled():
            look = self.look()
            return (len(look.running), len(look.memory)) == (running, in_memory)

        until(f"{running} run and {in_memory} more are in memory", settled)

    def look(self):
        """All that Dramatiq's side knows now."""
        # What a worker that shuts down has in memory, it may have given back a moment later.
        memory = {one for crew in self.crews if crew.steady for one in crew.memory()}
        senders = [producer.sent_at for producer in self.producers if producer.sent_at]
        return Look(self.journal, memory, [crew.describe() for crew in self.crews], senders, self.silent_for)


class Producer:
    """A broker that only sends."""

    def __init__(self, fleet, version):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = fleet.command(version, "python", "actors.py", **pipes)
        self._told({})  # Answers once it has started, so that no time that is measured begins before.
        self.sent_at = None

    def send(self, count, actor, *args, **options):
        """The ids, once all are sent. `options`: kwargs of the actor, and those of the message."""
        return self._told({"actor": actor, "options": {"args": args} | options, "count": count})

    def flush(self, queue):
        self._told({"flush": queue})

    def _told(self, order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the producer ended with status {self.process.wait()} when told {order}")
        self.sent_at = time.time()
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:  # It waits for a Redis that is gone.
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Crew:
    """The worker processes below one `dramatiq` command: what an ECS task runs."""

    def __init__(self, fleet, version, processes, threads, options, environment):
        self.fleet, self.processes = fleet, processes
        self.log = open(fleet.folder / f"workers-{len(fleet.crews)}.log", "w+")
        counts = ["--processes", str(processes), "--threads", str(threads)]
        # A session of its own, so that it can be killed whole, as a container is.
        self.process = fleet.command(
            version, "dramatiq", "actors", *counts, *options,
            environment=environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.steady = True  # keeps what it has fetched
        self.left_at = None
        self.asked = 0
        self.fetch_ahead = 2 * threads * processes  # of each queue: Dramatiq's default

    def all_asked(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the workers ended with status {self.process.returncode}:\n{self.said()}")
        self.asked = sum(answer["asked"] for answer in self.answers())
        return self.asked == self.processes

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def pids(self):
        return self.fleet.journal.read_on().children.get(self.process.pid, [])

    def answers(self):
        return [answer for pid in self.pids() if (answer := self._ask(pid))]

    def _ask(self, pid):
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as teller:
            teller.connect(str(self.fleet.folder / f"{pid}.sock"))
            return json.load(teller.makefile())
        return None

    def memory(self):
        """Ids that were fetched and not begun."""
        return [one for answer in self.answers() for one in answer["memory"]]

    def begin_shutdown(self):
        """As ECS stops a task: the workers finish what runs, and give back what they only fetched."""
        self.steady = False
        self.process.send_signal(signal.SIGTERM)

    def has_left(self):
        if self.left_at is None and self.process.poll() is not None:
            self.left_at = time.time()
        return self.left_at is not None

    def kill(self):
        """As the kernel does when memory runs out: nothing is finished or given back."""
        if not self.has_left():
            self.steady = False
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.left_at = time.time()

    def freeze(self):
        """
        Between two commands: whether one that is under way has reached Redis nobody could tell once its process is
        killed, and its message would count as undone for ever.
        """
        until("no command is under way", self._is_frozen)

    def _is_frozen(self):
        os.killpg(self.process.pid, signal.SIGSTOP)
        pids = self.pids()
        until("every thread stands still", lambda: all(_stands_still(pid) for pid in pids))
        under_way = self.fleet.journal.read_on().under_way
        if any(under_way[pid] for pid in pids):
            os.killpg(self.process.pid, signal.SIGCONT)
            return False
        return True

    def describe(self):
        counts = {"processes": self.processes, "asked": self.asked, "room": self.fetch_ahead}
        self.has_left()
        return counts | {"left_at": self.left_at, "pids": self.pids()}


def _stands_still(pid):
    states = set()
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            states.add(path.read_text().rpartition(")")[2].split()[0])
    return states <= set("TZX")  # stopped, or ended


class Gate:
    """Where actors that were told to wait, wait: a connection each."""

    def __init__(self, path):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(1000)
        self.at_it = collections.deque()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                self.at_it.append(self.server.accept()[0])

    def let_through(self, count):
        """The first that came; waits for them where they have not come yet."""
        for number in range(1, count + 1):
            with until(f"message {number} of {count} is at the gate", self._first) as actor:
                actor.sendall(b"finish")

    def _first(self):
        """Whose worker has not been killed: an actor says nothing, so whatever can be read is its end."""
        while self.at_it:
            actor = self.at_it.popleft()
            if not select.select([actor], [], [], 0)[0]:
                return actor
            actor.close()
        return None

    def close(self):
        self.server.close()
        while self.at_it:
            self.at_it.popleft().close()
