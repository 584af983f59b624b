"""Stands in for the endpoint of the ECS agent that switches task protection, as its source answers it:
https://github.com/aws/amazon-ecs-agent, ecs-agent/tmds/handlers/taskprotection/v1"""

import http.server
import json
import threading
import time
from dataclasses import dataclass

ARN = "arn:aws:ecs:us-west-2:123456789012:task/suna-ecs/0123456789abcdef"


@dataclass(frozen=True)
class Call:
    at: float
    wanted: dict

    @property
    def on(self):
        return self.wanted["ProtectionEnabled"]


def done(wanted):
    return 200, {"protection": {"ProtectionEnabled": wanted["ProtectionEnabled"], "TaskArn": ARN}}


REFUSED = 400, {"error": {"Arn": ARN, "Code": "AccessDeniedException", "Message": "not authorized"}}
BLOCKED = 200, {"failure": {"Arn": ARN, "Detail": None, "Reason": "DEPLOYMENT_BLOCKED"}}
# After 4 s, and ECS may have done it.
TIMED_OUT = 504, {"error": {"Arn": ARN, "Code": "RequestCanceled", "Message": "Timed out calling ECS Task Protection API"}}
# By an agent that is older than task protection.
UNKNOWN_PATH = 404, "404 page not found\n"
NONSENSE = 200, "<html>"
EMPTY = 200, {}


class Agent:
    """For any number of containers, each with an address of its own."""

    def __init__(self):
        self.answer, self.pause_seconds = None, 0  # None: does what it is told
        self.calls, self.protected = {}, {}
        agent = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self):
                wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                container = self.path.removeprefix("/api/").removesuffix("/task-protection/v1/state")
                assert "/" not in container, self.path
                agent.calls.setdefault(container, []).append(Call(time.time(), wanted))
                time.sleep(agent.pause_seconds)
                status, answer = agent.answer or done(wanted)
                if "protection" in answer:
                    agent.protected[container] = wanted["ProtectionEnabled"]
                body = json.dumps(answer).encode() if isinstance(answer, dict) else answer.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def uri(self, container):
        return f"http://127.0.0.1:{self.server.server_port}/api/{container}"

    def said(self, container):
        """What the container asked for, in order: True for on."""
        return [call.on for call in self.calls.get(container, [])]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
