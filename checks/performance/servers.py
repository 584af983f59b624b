"""What a function talks to, on loopback: Redis 7 with and without TLS, CloudWatch and ECS."""

import json
import os
import time
import zipfile
from pathlib import Path

import cbor2
from kit.certificates import Authority
from kit.loopback import Handler, Server
from kit.machine import free_port
from kit.redis_server import RedisServer


class Localhost(Authority):
    """With a trust store for Python too, whose list of other authorities is `python_bundle`."""

    def __init__(self, folder, python_bundle):
        super().__init__(folder, "localhost")
        self.python_store = Path(folder) / "bundle.pem"
        self.python_store.write_text(python_bundle.read_text() + self.root.read_text())


class Redis(RedisServer):
    """Filled as Dramatiq fills it."""

    FILL = """
      local queue, from, to, at = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
      for i = from, to do
        local id = string.format('%08x-0000-4000-8000-%012x', i, i)
        redis.call('RPUSH', queue, id)
        redis.call('HSET', queue .. '.msgs', id, '{"queue_name":"default","actor_name":"run_agent","args":["' .. id ..
          '"],"kwargs":{},"options":{"redis_message_id":"' .. id .. '"},"message_id":"' .. id .. '","message_timestamp":' .. at .. '}')
      end"""

    def __init__(self, jar, where, authority):
        name = "redis-server-7.0.15-linux-" + {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        program = zipfile.ZipFile(jar).extract(name, where)
        os.chmod(program, 0o755)
        self.tls_port = free_port()
        tls = ["--tls-port", str(self.tls_port), "--tls-auth-clients", "no", "--tls-ca-cert-file", str(authority.root)]
        tls += ["--tls-cert-file", str(authority.chain), "--tls-key-file", str(authority.key)]
        super().__init__("--slowlog-max-len", "10000", *tls, program=program)

    def fill(self, queues, waiting, brokers):
        """Nothing else than this: in each queue messages that wait, and of each broker one in flight; one delayed, and one dead letter."""
        now = int(time.time() * 1000)
        ids = [f"held-by-{number}" for number in range(brokers)]
        self.client.flushall()
        self.client.zadd("dramatiq:__heartbeats__", {broker: now + 86_400_000 for broker in ids})
        for queue in queues:
            key = f"dramatiq:{queue}"
            for start in range(0, waiting, 10_000):
                self.client.eval(self.FILL, 1, key, start + 1, min(waiting, start + 10_000), now - 5_000)
            pipeline = self.client.pipeline(transaction=False)
            for broker in ids:
                pipeline.sadd(f"dramatiq:__acks__.{broker}.{queue}", broker).hset(f"{key}.msgs", broker, "{}")
            pipeline.rpush(f"{key}.DQ", "delayed").hset(f"{key}.DQ.msgs", "delayed", "{}").zadd(
                f"{key}.XQ", {"dead": now}
            ).execute()

    def cpu(self):
        return cpu(self.process.pid)

    def connections_from(self, ports):
        return {client["id"] for client in self.client.client_list() if int(client["addr"].rsplit(":", 1)[1]) in ports}

    def end(self, connections):
        for connection in connections:
            self.client.client_kill_filter(_id=connection)

    def commands(self, run):
        """What Redis is sent while something runs, and what its scripts call, each as a list of commands."""
        seen = []
        with self.client.monitor() as monitor:
            self.client.echo("from here")
            run()
            self.client.echo("to here")
            while [name for name, _ in seen].count("ECHO") < 2:
                entry = monitor.next_command()
                seen.append((entry["command"].split(" ", 1)[0].upper(), entry["client_type"] == "lua"))
        between = seen[[name for name, _ in seen].index("ECHO") + 1 : -1]
        return [name for name, inside in between if not inside], [name for name, inside in between if inside]


class Aws(Server):
    """One AWS service: keeps the requests that it gets, and closes TLS after each answer, as an idle minute does."""

    def __init__(self, context):
        self.context = context
        self.requests, self.connections, self.resumed = [], 0, 0
        super().__init__(Answer)
        self.url = f"{'https' if context else 'http'}://localhost:{self.server_port}"

    def get_request(self):
        self.connections += 1
        return super().get_request()

    def finish_request(self, connection, client_address):
        if not self.context:
            super().finish_request(connection, client_address)
            return
        with self.context.wrap_socket(connection, server_side=True) as encrypted:
            self.resumed += encrypted.session_reused
            super().finish_request(encrypted, client_address)
            encrypted.settimeout(1)
            encrypted.unwrap()

    def metric_names(self):
        """Of the last PutMetricData, sorted."""
        headers, body = self.requests[-1]
        decode = cbor2.loads if "cbor" in headers["Content-Type"] else json.loads
        return sorted(datum["MetricName"] for datum in decode(body)["MetricData"])


class Answer(Handler):
    def do_POST(self):
        self.server.requests.append((self.headers, self.body()))
        headers, reply = {"Content-Type": "application/x-amz-json-1.1"}, b"{}"
        if "Describe" in self.headers.get("X-Amz-Target", ""):
            reply = b'{"services":[{"status":"ACTIVE","runningCount":2,"desiredCount":2}],"failures":[]}'
        elif "smithy-protocol" in self.headers:
            headers, reply = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, b"\xa0"
        self.answer(200, headers, reply)
        self.close_connection = bool(self.server.context)


def cpu(pid):
    """Seconds of CPU, user and system, of a process and all the threads it ever had (see clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)
