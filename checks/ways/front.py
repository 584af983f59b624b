"""HTTP in front of a query function, in the words of each that may pass a request on."""

import json
import subprocess
import threading

from kit.loopback import Handler, Server
from kit.machine import ROOT


def example(event):
    return json.loads((ROOT / f"events/{event}.json").read_text())


def last(headers):
    return {name: values[-1] for name, values in headers.items()}


def load_balancer(method, path, headers):
    return example("load-balancer") | {"httpMethod": method, "path": path, "headers": last(headers)}


def load_balancer_with_all_values(method, path, headers):
    return example("load-balancer-multi-value") | {"httpMethod": method, "path": path, "multiValueHeaders": headers}


def rest_api(method, path, headers):
    event = example("rest-api") | {"httpMethod": method, "path": path, "headers": last(headers), "multiValueHeaders": headers}
    event["requestContext"] |= {"stage": "prod", "path": "/prod" + path, "httpMethod": method}
    return event


def http_api(method, path, headers):
    return {
        "version": "2.0",
        "rawPath": "/prod" + path,
        "rawQueryString": "",
        "headers": {name: ",".join(values) for name, values in headers.items()},
        "requestContext": {"http": {"method": method, "path": "/prod" + path}, "stage": "prod"},
        "isBase64Encoded": False,
    }


# What an answer must hold, and may not go beyond: AWS answers 502 to anything else.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
WAYS = {
    load_balancer: {"statusCode", "statusDescription", "isBase64Encoded", "headers", "body"},
    load_balancer_with_all_values: {"statusCode", "statusDescription", "isBase64Encoded", "multiValueHeaders", "body"},
    rest_api: {"statusCode", "isBase64Encoded", "multiValueHeaders", "body"},
    http_api: {"statusCode", "isBase64Encoded", "headers", "body"},
}


class Function:
    """The handler in a process of its own, as the local run has it: an event a line, an answer a line."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.one_at_a_time = threading.Lock()
        assert self.process.stdout.readline().startswith("READY")

    def invoke(self, event):
        with self.one_at_a_time:
            self.process.stdin.write(json.dumps(event) + "\n")
            self.process.stdin.flush()
            line = next(line for line in self.process.stdout if not line.startswith("LOG"))
        assert line.startswith("RESULT "), line
        return json.loads(line.removeprefix("RESULT "))

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Front(Server):
    """Asks the function in one way."""

    def __init__(self, way, function):
        self.way, self.function = way, function
        super().__init__(Request)
        self.url = f"http://127.0.0.1:{self.server_port}"


class Request(Handler):
    def handle_any(self):
        headers = {}
        for name, value in self.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        self.body()
        answer = self.server.function.invoke(self.server.way(self.command, self.path.partition("?")[0], headers))
        # A stranger to AWS would be a 502.
        status = answer["statusCode"] if answer.keys() == WAYS[self.server.way] else 502
        given = answer.get("headers") or answer["multiValueHeaders"]
        joined = {name: value if isinstance(value, str) else ",".join(value) for name, value in given.items()}
        # A caller that is not told so might send its next request into the closing connection.
        self.answer(status, joined | {"Connection": "close"}, answer["body"].encode())

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)
