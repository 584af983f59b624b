"""This machine: the repository, its commands, free ports, and waiting."""

import functools
import importlib.machinery
import importlib.util
import re
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command, **options):
    """What the command printed; if it fails, an error with all it said."""
    command = [str(part) for part in command]
    options = {"cwd": ROOT, "text": True, "capture_output": True} | options
    done = subprocess.run(command, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return (done.stdout or "").strip()


@functools.cache
def programs(requirements):
    """The folder of the programs of a Python environment, such as of "kit/requirements-ruff.txt"."""
    return Path(run(ROOT / "checks/kit/environment", requirements)) / "bin"


def loaded(script):
    """A Python program as a module, whatever its name ends in."""
    loader = importlib.machinery.SourceFileLoader(Path(script).name, str(script))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def jdk25():
    return Path(run(ROOT / "checks/kit/jdk25"))


def free_port(host="127.0.0.1"):
    with socket.create_server((host, 0)) as server:
        return server.getsockname()[1]


class Closing:
    """Closes itself at the end of a `with`."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def until(what, condition, seconds=60, pause=0.05):
    """The first true value of `condition()`, which is asked again and again.

    :raises AssertionError: after so many seconds without one
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s, last seen {value!r}"
        time.sleep(pause)
    return value


def block(page, language, holding):
    """The one code block of a page that holds the words."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    (found,) = [each for each in blocks if holding in each]
    return found
