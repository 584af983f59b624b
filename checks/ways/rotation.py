"""Rotates a password under a publisher that goes on ticking, with a Secrets Manager of its own."""

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from front import Function

SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:redis-AbCdEf"


class Aws(ThreadingHTTPServer):
    """Holds one secret, or none, and takes any metric."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.secret, self.reads = None, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("X-Amz-Target") != "secretsmanager.GetSecretValue":
            # An empty map in CBOR.
            self.answer(200, b"\xa0", {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"})
            return
        self.server.reads += 1
        assert json.loads(body) == {"SecretId": SECRET}, body
        if self.server.secret is None:
            status, said = 400, {"__type": "ResourceNotFoundException", "message": "Secrets Manager can't find the secret."}
        else:
            status, said = 200, {"SecretString": json.dumps({"username": "metrics", "password": self.server.secret})}
        self.answer(status, json.dumps(said).encode(), {"Content-Type": "application/x-amz-json-1.1"})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def redis(port, *commands):
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile() as replies:
        for command in commands:
            connection.sendall(command.encode() + b"\r\n")
            reply = replies.readline()
            assert reply[0] in "+:", (command, reply)


def rotate(port, password):
    redis(port, f"ACL SETUSER metrics on resetpass >{password} allkeys +@all", "CLIENT KILL USER metrics")


def check(command, port):
    """
    Ticks without numbers in each of three rotations.

    :param command: starts the publisher
    :param port: of a Redis
    """
    aws = Aws()
    redis(port, "ACL SETUSER metrics on >before allkeys +@all")
    environment = {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(port),
        "REDIS_TLS": "false",
        "REDIS_AUTHENTICATION": "password",
        "REDIS_USER": "metrics",
        "REDIS_PASSWORD": "before",
        "REDIS_PASSWORD_SECRET_ARN": f"{SECRET}:SecretString:password",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.server_port}",
        "AWS_REGION": "us-west-2",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    with contextlib.closing(Function(command, environment)) as publisher:
        tick = publisher.fault_of_a_tick
        assert (tick(), aws.reads) == (None, 0)

        # The secret first, as rotation functions for two users do: no tick notices.
        aws.secret = "first"
        rotate(port, "first")
        assert (tick(), aws.reads) == (None, 1)
        redis(port, "CLIENT KILL USER metrics")
        assert (tick(), aws.reads) == (None, 1), "the next tick must start with what worked"

        # Redis first, and a tick in between.
        rotate(port, "second")
        assert "WRONGPASS" in tick()
        aws.secret = "second"
        assert (tick(), aws.reads) == (None, 3)

        aws.secret = None
        rotate(port, "third")
        fault = tick()
        assert f"secret {SECRET} not read: Secrets Manager can't find the secret." in fault, fault
        aws.secret = "third"
        assert tick() is None
    redis(port, "ACL DELUSER metrics")
    return "0, 1 and, as long as the secret is gone, each"
