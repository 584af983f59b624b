"""Toxiproxy, in a container between a function and Redis: late, silent or broken answers on demand."""

import functools
import http.client
import json
import os

import images
from kit.machine import programs, run, until
from machine import RUN, WORK, Container, fresh_folder

VERSION = "v2.5.0"
SERVER = "github.com/Shopify/toxiproxy/v2/cmd/server"
API_PORT = 8474


@functools.cache
def program():
    """Built here, as its makers publish an image only; once for all runs."""
    built = WORK / f"toxiproxy-{VERSION}"
    if not built.exists():
        folder = fresh_folder(f"toxiproxy-{RUN}")
        # Within target/, and so that it may be removed; statically, since it runs in another Debian.
        go = {"GOBIN": folder, "GOPATH": folder / "path", "GOCACHE": folder / "cache", "GOFLAGS": "-modcacherw"}
        environment = os.environ | {name: str(value) for name, value in go.items()} | {"CGO_ENABLED": "0"}
        run(programs("rehearsal/requirements-go.txt") / "go", "install", f"{SERVER}@{VERSION}", env=environment)
        (folder / "server").rename(built)
    return built


class Toxiproxy(Container):
    """Listens on the port for `upstream`, a HOST:PORT that may change."""

    def __init__(self, network, port, upstream):
        volume = ["--volume", f"{program()}:/toxiproxy:ro", "--entrypoint", ""]
        super().__init__(network, images.redis(), "/toxiproxy", "-host", "0.0.0.0", name="toxiproxy", options=volume)
        self.port = port
        until("Toxiproxy answers", self._answers)
        self._ask("POST", "/proxies", name="proxy", listen=f"0.0.0.0:{port}", upstream=upstream)

    def toxic(self, kind, **attributes):
        """Spoils the answers: latency, timeout (0: for ever), reset_peer, limit_data, slicer."""
        self._ask("POST", "/proxies/proxy/toxics", type=kind, attributes=attributes)

    def refuse(self):
        """Nobody listens any more, and the connections end."""
        self._ask("POST", "/proxies/proxy", enabled=False)

    def lead_to(self, upstream):
        """Ends the connections too."""
        self._ask("POST", "/proxies/proxy", upstream=upstream)

    def heal(self):
        self._ask("POST", "/reset")

    def _answers(self):
        assert self.running, self.logs()
        try:
            return self._ask("GET", "/version")
        except ConnectionRefusedError:
            return None

    def _ask(self, method, path, **body):
        connection = http.client.HTTPConnection(self.address, API_PORT, timeout=10)
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            answer = connection.getresponse()
            said = answer.read().decode()
            assert answer.status < 300, f"Toxiproxy {method} {path} {body}: {answer.status} {said}"
            return said or "done"
        finally:
            connection.close()
