"""The functions' processes: Lambda's Runtime API on loopback with the real runtime clients behind it, and FastAPI under uvicorn."""

import contextlib
import http.client
import os
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
from kit.loopback import Handler, Server
from kit.machine import Closing, free_port, until
from servers import cpu


class RuntimeApi(Server):
    """Hands one event at a time to a runtime client and takes what comes of it."""

    def __init__(self):
        self.events, self.results = queue.Queue(), queue.Queue()
        self.ready = threading.Event()
        super().__init__(Exchange)

    def invoke(self, event, timeout=30):
        """Seconds that the invocation took, and its result."""
        self.events.put(event)
        at, succeeded, body = self.results.get(timeout=timeout)
        assert succeeded, f"the invocation failed: {body.decode()}"
        return at - self.handed_at, body

    def close(self):
        self.events.put(None)
        self.shutdown()
        self.server_close()


class Exchange(Handler):
    def do_GET(self):
        if not self.server.ready.is_set():
            self.server.ready_at = time.monotonic()
            self.server.ready.set()
        event = self.server.events.get()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 20_000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-west-2:123456789012:function:f",
            "Content-Type": "application/json",
        }
        self.server.handed_at = time.monotonic()
        self.answer(200, headers, event)

    def do_POST(self):
        body = self.body()
        self.answer(202)
        self.server.results.put((time.monotonic(), not self.path.endswith("/error"), body))


class Process(Closing):
    """A process whose clock runs from before it exists, and what the system knows of it."""

    def start(self, command, **options):
        self.started_at = time.monotonic()
        self.process = psutil.Popen(command, **options)
        self.pid = self.process.pid

    def cpu(self):
        return cpu(self.pid)

    def peak_megabytes(self):
        (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
        return int(peak) / 1024

    def local_ports(self):
        """Of its TCP connections."""
        return {connection.laddr.port for connection in self.process.net_connections("tcp")}

    def close(self):
        self.process.kill()
        self.process.wait()


class Function(Process):
    """A function's process, started as Lambda starts it."""

    def __init__(self, command, folder, environment, log):
        self.api = RuntimeApi()
        whole = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(folder),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/25/[$LATEST]1",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": "us-west-2",
            "AWS_DEFAULT_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": "ASIAPERFORMANCE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token" * 40,
        }
        self.log = open(log, "w")
        self.start(command, env=whole | environment, cwd=folder, stdout=self.log, stderr=subprocess.STDOUT)
        if not self.api.ready.wait(30):
            self.close()
            raise AssertionError(f"not ready within 30 s: {' '.join(command)}, see {log}")
        self.ready_seconds = self.api.ready_at - self.started_at

    def invoke(self, event):
        return self.api.invoke(event)

    def close(self):
        super().close()
        self.api.close()
        self.log.close()


class FastApi(Process):
    """The peer's endpoint under uvicorn, as a container runs it, asked over one kept connection."""

    def __init__(self, where, environment):
        port = free_port()
        asked = ["query:app", "--port", str(port), "--log-level", "warning", "--no-access-log"]
        self.start([sys.executable, "-m", "uvicorn", *asked], cwd=where, env=os.environ | environment)
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            until("uvicorn answers", self.connects, seconds=30, pause=0.002)
        except AssertionError:
            self.close()
            raise
        self.ready_seconds = time.monotonic() - self.started_at

    def connects(self):
        assert self.process.poll() is None, "uvicorn must keep running"
        with contextlib.suppress(ConnectionRefusedError):
            self.connection.connect()
            return True

    def invoke(self, _):
        started = time.monotonic()
        self.connection.request("GET", "/api/metrics/queue")
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return time.monotonic() - started, body


class CpuShare(Closing):
    """Holds a process to a share of one CPU, by a control group of its own, in Lambda's periods of 20 ms; needs root."""

    PERIOD = 20_000

    def __init__(self, pid, share):
        first_version = Path("/sys/fs/cgroup/cpu")
        self.parent, self.pid = first_version if first_version.is_dir() else first_version.parent, pid
        self.group = self.parent / f"performance-{pid}"
        self.group.mkdir()
        quota = max(1_000, int(self.PERIOD * share))
        if first_version.is_dir():
            (self.group / "cpu.cfs_period_us").write_text(str(self.PERIOD))
            (self.group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (self.group / "cpu.max").write_text(f"{quota} {self.PERIOD}")
        (self.group / "cgroup.procs").write_text(str(pid))

    def close(self):
        (self.parent / "cgroup.procs").write_text(str(self.pid))
        self.group.rmdir()
