"""A real Redis 7 in a container of its own."""

import images
from kit.machine import until
from machine import Container

# So that a replica is served when it asks, and not when others may have come.
AT_ONCE = ("--repl-diskless-sync-delay", "0")


class Redis(Container):
    """Answers PING once it is made, unless told not to wait for that (as with a password for everybody)."""

    def __init__(self, network, *arguments, name="redis", options=(), wait=True):
        # Open to the network, which nobody else is on; no persistence unless asked for.
        command = ["redis-server", "--protected-mode", "no", "--save", "", *arguments]
        options = ["--entrypoint", "", *options]
        super().__init__(network, images.redis(), *command, name=name, options=options)
        if wait:
            until(f"{self.name} answers PING", self.answers)

    def answers(self):
        assert self.running, self.logs()
        try:
            return self.cli("PING") == "PONG"
        except RuntimeError:
            return False

    def cli(self, *arguments, **options):
        """What redis-cli prints; one more argument `-x` or options such as `--user` may come first."""
        return self.execute("redis-cli", *arguments, **options)
