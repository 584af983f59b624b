"""The functions' processes: Lambda's Runtime API on loopback with the real runtime clients behind it, and FastAPI under uvicorn."""

import contextlib
import http.client
import http.server
import os
import queue
import re
import subprocess
import sys
import threading
import time

from kit.machine import free_port
from servers import cpu


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A function that was ended hangs up: what counts is what it answered before."""


class RuntimeApi:
    """Hands one event at a time to a runtime client and takes what comes of it."""

    def __init__(self):
        self.events, self.results = queue.Queue(), queue.Queue()
        self.ready = threading.Event()
        self.ready_at = 0
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self):
                api.ready_at = api.ready_at or time.monotonic()
                api.ready.set()
                event = api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 20_000))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-west-2:123456789012:function:f")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                api.handed_at = time.monotonic()
                self.wfile.write(event)
                self.wfile.flush()

            def do_POST(self):
                body = self.body()
                failed = self.path.endswith("/error")
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                api.results.put((time.monotonic(), not failed, body))

            def body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                whole = b""
                while size := int(self.rfile.readline(), 16):
                    whole += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return whole

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def invoke(self, event, timeout=30):
        """Seconds that the invocation took, and its result."""
        self.events.put(event)
        at, succeeded, body = self.results.get(timeout=timeout)
        if not succeeded:
            raise AssertionError(f"the invocation failed: {body.decode()}")
        return at - self.handed_at, body

    def close(self):
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()


class Process:
    """A process whose clock runs from before it exists, and what the system knows of it."""

    def start(self, command, **options):
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(command, **options)
        self.pid = self.process.pid

    def cpu(self):
        return cpu(self.pid)

    def peak_megabytes(self):
        return self.status("VmHWM") / 1024

    def status(self, name):
        with open(f"/proc/{self.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def local_ports(self):
        """Of its TCP connections."""
        sockets = set()
        for number in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # It may close one meanwhile.
                sockets |= set(re.findall(r"^socket:\[(\d+)\]", os.readlink(f"/proc/{self.pid}/fd/{number}")))
        ports = set()
        for table in ("tcp", "tcp6"):
            with open(f"/proc/{self.pid}/net/{table}") as lines:
                ports |= {int(columns[1].rsplit(":", 1)[1], 16) for columns in map(str.split, lines) if columns[9] in sockets}
        return ports

    def close(self):
        self.process.kill()
        self.process.wait()


class Function(Process):
    """A function's process, started as Lambda starts it."""

    def __init__(self, command, environment, log):
        self.api = RuntimeApi()
        whole = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
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
            **environment,
        }
        self.log = open(log, "w")
        self.start(command, env=whole, cwd=whole["LAMBDA_TASK_ROOT"], stdout=self.log, stderr=subprocess.STDOUT)
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
        self.start(
            [sys.executable, "-m", "uvicorn", "query:app", "--port", str(port), "--log-level", "warning", "--no-access-log"],
            cwd=where,
            env={**os.environ, **environment},
        )
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            try:
                self.connection.connect()
                break
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > self.started_at + 30:
                    self.close()
                    raise AssertionError("uvicorn does not start") from None
                time.sleep(0.002)
        self.ready_seconds = time.monotonic() - self.started_at

    def invoke(self, _):
        started = time.monotonic()
        self.connection.request("GET", "/api/metrics/queue")
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return time.monotonic() - started, body


class CpuShare:
    """Holds a process to a share of one CPU, by a control group of its own, in Lambda's periods of 20 ms; needs root."""

    PERIOD = 20_000

    def __init__(self, pid, share):
        first_version = os.path.isdir("/sys/fs/cgroup/cpu")
        self.parent, self.pid = "/sys/fs/cgroup" + ("/cpu" if first_version else ""), pid
        self.group = os.path.join(self.parent, f"performance-{pid}")
        os.mkdir(self.group)
        quota = max(1_000, int(self.PERIOD * share))
        if first_version:
            self.write("cpu.cfs_period_us", self.PERIOD)
            self.write("cpu.cfs_quota_us", quota)
        else:
            self.write("cpu.max", f"{quota} {self.PERIOD}")
        self.write("cgroup.procs", pid)

    def write(self, name, value):
        with open(os.path.join(self.group, name), "w") as file:
            file.write(str(value))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with open(os.path.join(self.parent, "cgroup.procs"), "w") as parent:
            parent.write(str(self.pid))
        os.rmdir(self.group)
