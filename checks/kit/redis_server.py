"""A redis-server process of its own."""

import subprocess
import tempfile

import redis
from kit.machine import Closing, free_port, until


class RedisServer(Closing):
    """On a free loopback port, keeps nothing on disk; `client` is connected to it."""

    def __init__(self, *options, program="redis-server"):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        here = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder.name, "--save", ""]
        self.process = subprocess.Popen([program, *here, *options], stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port)
        try:
            until(f"redis-server answers on port {self.port}", self._answers, pause=0.01)
            # Another program may have taken the port in between, and many a test begins with FLUSHALL.
            owner = self.client.info("server")["process_id"]
            assert owner == self.process.pid, f"port {self.port} must belong to our redis-server, belongs to process {owner}"
        except BaseException:
            self.close()
            raise

    def _answers(self):
        assert self.process.poll() is None, f"redis-server must keep running, ended with status {self.process.returncode}"
        try:
            return self.client.ping()
        except redis.ConnectionError:
            return False

    def close(self):
        self.client.close()
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()
