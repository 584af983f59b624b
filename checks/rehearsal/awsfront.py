"""Stands between the functions and the local AWS: sees every call, and misbehaves on demand."""

import contextlib
import http.client
import itertools
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import cbor2

CBOR_OPERATION = re.compile(r"/service/\w+/operation/(\w+)$")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Call:
    """A call as the client made it. `input` is decoded, `status` None where no answer was given."""

    operation: str
    at: float
    input: dict
    status: int | None


# Faults. Each is given the handler of a call, and answers with status, headers and body, or None for no answer at all.


def refuse(status, code, message):
    """An error in the protocol of the call, as AWS words it."""
    return lambda handler: (status, *worded(status, code, message, handler.headers))


INTERNAL_ERROR = refuse(500, "InternalServiceError", "The request processing has failed because of an unknown error")
THROTTLED = refuse(400, "ThrottlingException", "Rate exceeded")
DENIED = refuse(400, "AccessDeniedException", "User is not authorized to perform this operation")


def delay(seconds):
    """The true answer, but that much later."""

    def late(handler):
        time.sleep(seconds)
        return handler.hand_on()

    return late


def silence(handler):
    """Takes the call, does not hand it on and says nothing until healed; the connection stays open."""
    handler.front.healed.wait()
    handler.close_connection = True


def reset(handler):
    """Ends the connection with RST instead of an answer; the call is not handed on."""
    # Linger 0: the kernel sends RST and not FIN.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


class AwsFront(contextlib.AbstractContextManager):
    """Listens on `host` once made; hands on to `target` (an address such as http://…:4566), which may be set later.

    With `tls`, an SSLContext, it speaks HTTPS to the caller, as AWS does.
    """

    def __init__(self, host, target=None, tls=None):
        self.target, self.healed = target, threading.Event()
        self._calls, self._faults, self.telling = [], {}, threading.Lock()
        self._server = ThreadingHTTPServer((host, 0), type("Handler", (Handler,), {"front": self}))
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def misbehave(self, operation, fault, *times):
        """Answers the operation (PutMetricData, DescribeServices, …) with the fault so many times, or until healed."""
        self.healed.clear()
        self._faults[operation] = itertools.repeat(fault, *times)

    def heal(self):
        self._faults.clear()
        self.healed.set()

    def answer(self, operation):
        return next(self._faults.get(operation, iter(())), Handler.hand_on)

    def tell(self, call):
        self._calls.append(call)

    @property
    def calls(self):
        """All that were answered, or ended without an answer; whoever has the answer finds the call here."""
        with self.telling:
            return list(self._calls)

    def of(self, operation):
        """The calls of one operation, oldest first."""
        return [call for call in self.calls if call.operation == operation]

    def close(self):
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    def __exit__(self, *_):
        self.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        at = time.time()
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation, given = understood(self.path, self.headers, self.body)
        answer = self.front.answer(operation)(self)
        with self.front.telling:
            self.front.tell(Call(operation, at, given, self.send(*answer) if answer else None))

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST

    def hand_on(self):
        connection = http.client.HTTPConnection(urlsplit(self.front.target).netloc, timeout=60)
        try:
            # With the Host that was signed.
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "expect")}
            connection.request(self.command, self.path, self.body, headers)
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in HOP_BY_HOP}
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def send(self, status, headers, body):
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            return status
        except OSError:  # The caller has given up; so there was no answer.
            self.close_connection = True
            return None

    def log_message(self, *_):
        pass


def understood(path, headers, body):
    """The operation's name and input, of the calls that our functions make; the path of any other."""
    if match := CBOR_OPERATION.search(path):
        return match[1], cbor2.loads(body)
    if target := headers.get("X-Amz-Target"):
        return target.rpartition(".")[2], json.loads(body or b"{}")
    return urlsplit(path).path, {}


def worded(status, code, message, headers):
    """Headers and body of an error, in the protocol of the call."""
    if headers.get("smithy-protocol") != "rpc-v2-cbor":
        body = json.dumps({"__type": code, "message": message}).encode()
        return {"Content-Type": "application/x-amz-json-1.1"}, body
    body = cbor2.dumps({"__type": f"com.amazonaws.cloudwatch#{code}", "message": message})
    fault = f"{code};{'Receiver' if status >= 500 else 'Sender'}"
    return {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "x-amzn-query-error": fault}, body
