"""Stands between the functions and the local AWS: sees every call, and misbehaves on demand."""

import http.client
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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


@dataclass(frozen=True)
class Refuse:
    """An error in the protocol of the call, as AWS words it."""

    status: int
    code: str
    message: str


INTERNAL_ERROR = Refuse(500, "InternalServiceError", "The request processing has failed because of an unknown error")
THROTTLED = Refuse(400, "ThrottlingException", "Rate exceeded")
DENIED = Refuse(400, "AccessDeniedException", "User is not authorized to perform this operation")


@dataclass(frozen=True)
class Delay:
    """The true answer, but that much later."""

    seconds: float


@dataclass(frozen=True)
class Silence:
    """Takes the call, does not hand it on and says nothing until healed; the connection stays open."""


@dataclass(frozen=True)
class Reset:
    """Ends the connection with RST instead of an answer; the call is not handed on."""


class AwsFront:
    """Listens on `host` once made; hands on to `target` (an address such as http://…:4566), which may be set later.

    With `tls`, an SSLContext, it speaks HTTPS to the caller, as AWS does.
    """

    def __init__(self, host, target=None, tls=None):
        self.target = target
        self._calls = []
        self._faults = {}
        self._healed = threading.Event()
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def misbehave(self, operation, fault, times=None):
        """Answers the operation (PutMetricData, DescribeServices, …) with the fault so many times, or until healed."""
        with self._lock:
            self._healed.clear()
            self._faults[operation] = [fault, times]

    def heal(self):
        with self._lock:
            self._faults.clear()
            self._healed.set()

    @property
    def calls(self):
        """All that were answered, or ended without an answer; whoever has the answer finds the call here."""
        with self._telling:
            return list(self._calls)

    def of(self, operation):
        """The calls of one operation, oldest first."""
        return [call for call in self.calls if call.operation == operation]

    def close(self):
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _fault(self, operation):
        with self._lock:
            fault, times = self._faults.get(operation, (None, None))
            if times is not None:
                if times <= 1:
                    del self._faults[operation]
                else:
                    self._faults[operation][1] = times - 1
            return fault

    def _handler(front):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                at = time.time()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                operation, given = understood(self.path, self.headers, body)
                answer = self.answer(front._fault(operation), body)
                with front._telling:
                    status = self.send(*answer) if answer else None
                    front._calls.append(Call(operation, at, given, status))

            do_GET = do_PUT = do_DELETE = do_HEAD = do_POST

            def answer(self, fault, body):
                """Status, headers and body; None where there shall be no answer."""
                match fault:
                    case Refuse():
                        return fault.status, *worded(fault, self.headers)
                    case Silence():
                        front._healed.wait()
                        self.close_connection = True
                        return None
                    case Reset():
                        # Linger 0: the kernel sends RST and not FIN.
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        self.connection.close()
                        self.close_connection = True
                        return None
                    case Delay(seconds):
                        time.sleep(seconds)
                return self.hand_on(body)

            def hand_on(self, body):
                connection = http.client.HTTPConnection(urlsplit(front.target).netloc, timeout=60)
                try:
                    # With the Host that was signed.
                    headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "expect")}
                    connection.request(self.command, self.path, body, headers)
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

        return Handler


def understood(path, headers, body):
    """The operation's name and input, in whichever of AWS's protocols."""
    if match := CBOR_OPERATION.search(path):
        return match[1], cbor2.loads(body)
    if target := headers.get("X-Amz-Target"):
        return target.rpartition(".")[2], json.loads(body or b"{}")
    form = {key: values[0] for key, values in parse_qs(body.decode("latin-1")).items()}
    return form.get("Action", f"{urlsplit(path).path}"), form


def worded(refusal, headers):
    """Headers and body of an error, in the protocol of the call."""
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        fault = "Receiver" if refusal.status >= 500 else "Sender"
        body = cbor2.dumps({"__type": f"com.amazonaws.cloudwatch#{refusal.code}", "message": refusal.message})
        return {
            "Content-Type": "application/cbor",
            "smithy-protocol": "rpc-v2-cbor",
            "x-amzn-query-error": f"{refusal.code};{fault}",
        }, body
    if "X-Amz-Target" in headers:
        body = json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
        return {"Content-Type": "application/x-amz-json-1.1"}, body
    body = f"<ErrorResponse><Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error></ErrorResponse>"
    return {"Content-Type": "text/xml"}, body.encode()
