"""A function as Lambda runs it, without a deployed stack: its image, Lambda's runtime client, AWS's own emulator."""

import contextlib
import functools
import http.client
import json
import time
from dataclasses import dataclass

import images
from kit.machine import until
from localaws import REGION
from machine import Container

PUBLISH = "so.suna.queuemetrics.PublishHandler::handleRequest"
QUERY = "so.suna.queuemetrics.QueryHandler::handleRequest"
INVOKE = "/2015-03-31/functions/function/invocations"
PORT = 8080

# As in template.yaml; a test compares them.
TIMEOUT_SECONDS = {PUBLISH: 30, QUERY: 20}
MEMORY_MB = 512


@dataclass(frozen=True)
class Invocation:
    """`payload` is what the function returned, `error` the errorMessage that it threw or the runtime's own words."""

    payload: object
    error: str | None
    log: str
    seconds: float


class Function(Container):
    """Keeps its process from one invocation to the next, as a warm function does. One invocation at a time."""

    def __init__(self, network, package, handler, environment, options=()):
        lambda_sets = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_LAMBDA_FUNCTION_NAME": handler.split("::")[0].rpartition(".")[2],
            "AWS_LAMBDA_FUNCTION_TIMEOUT": TIMEOUT_SECONDS[handler],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEMORY_MB,
        }
        code = ["--volume", f"{package}:/var/task:ro", "--memory", f"{MEMORY_MB}m"]
        super().__init__(
            network,
            images.lambda_java(),
            handler,
            name="function",
            env=lambda_sets | environment,
            options=[*code, *options],
        )
        self.timeout = TIMEOUT_SECONDS[handler]
        self.logged = 0

    @functools.cached_property
    def address(self):
        """It is never restarted."""
        return super().address

    def invoke(self, event):
        started = time.monotonic()
        answer = until(f"{self.name} takes an invocation", lambda: self._ask(event))
        seconds = time.monotonic() - started
        log = ""

        def has_ended():
            nonlocal log
            log = self.logs()[self.logged :]
            return "END RequestId:" in log

        # The log may lag behind the answer; and where the start failed it never says END.
        with contextlib.suppress(AssertionError):
            until("the log says END", has_ended, seconds=5)
        self.logged += len(log)
        log = log.strip()
        try:
            payload = json.loads(answer)
        except ValueError:  # Such as "Task timed out after 30.00 seconds".
            return Invocation(None, answer.strip(), log, seconds)
        if isinstance(payload, dict) and "errorType" in payload:
            return Invocation(None, payload.get("errorMessage", payload["errorType"]), log, seconds)
        return Invocation(payload, None, log, seconds)

    def _ask(self, event):
        connection = http.client.HTTPConnection(self.address, PORT, timeout=self.timeout + 30)
        try:
            connection.request("POST", INVOKE, json.dumps(event))
        except ConnectionRefusedError:
            assert self.running, self.logs()
            # The emulator is not listening yet.
            return None
        try:
            return connection.getresponse().read().decode() or "null"
        finally:
            connection.close()
