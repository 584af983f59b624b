"""`./mvnw -q -Plocal`, as a user starts it."""

import os
import re
import signal
import subprocess
import threading
import urllib.request

from kit.machine import ROOT, Closing, free_port, until

SECONDS_TO_START = 300


class LocalRun(Closing):
    """In a process group of its own, all of which is killed at the end of a `with`."""

    def __init__(self, *options, port=None, **environment):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [ROOT / "mvnw", "-q", "-B", "-Plocal", f"-Dport={self.port}", *options]
        said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        self.process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, start_new_session=True, **said)
        # So that reading what it says cannot wait for ever.
        self.timer = threading.Timer(SECONDS_TO_START, self.signal, [signal.SIGKILL])
        self.timer.start()

    def wait_until_it_listens(self):
        """From then on it may run as long as it is needed."""
        said = []
        while not (said and said[-1].startswith("http://")):
            said.append(self.process.stdout.readline())
            assert said[-1], f"the local run must say its address, said {''.join(said)}"
        self.timer.cancel()

    def ask(self, path="api/metrics/queue", method="GET", **headers):
        request = urllib.request.Request(f"{self.url}/{path}", headers=headers, method=method)
        return urllib.request.urlopen(request, timeout=30)

    def processes(self):
        """The command lines of all that runs."""
        listed = subprocess.run(["ps", "-ww", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
        rows = [line.split(maxsplit=2) for line in listed.splitlines()]
        return [args for group, state, args in rows if group == str(self.process.pid) and state[0] != "Z"]

    def redis_port(self):
        return re.search(r"redis-server\S* \S*:(\d+)", "\n".join(self.processes()))[1]

    def signal(self, number):
        """To all of it, as Ctrl-C in a terminal."""
        if self.processes():
            os.killpg(self.process.pid, number)

    def nothing_is_left(self):
        # Maven may end before what it started.
        until("everything ends", lambda: not self.processes(), seconds=15)
        return True

    def close(self):
        self.timer.cancel()
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
