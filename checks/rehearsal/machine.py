"""Docker by its own command, and folders for a run.

Everything carries the run's name, so that two runs at the same time do not meet, and the label by which `run` removes
what an interrupted run left behind.
"""

import contextlib
import itertools
import json
import os
import shutil
import subprocess

from kit.machine import ROOT, run

WORK = ROOT / "target/rehearsal"
RUN = os.environ["REHEARSAL_RUN"]
LABEL = f"rehearsal={RUN}"

_numbers = itertools.count(1)


def docker(*arguments, **options):
    return run("docker", *arguments, **options)


def logs(container):
    return docker("logs", container, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, capture_output=False)


def fresh_folder(name):
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


class Network(contextlib.AbstractContextManager):
    """A Docker network of this run's own; what listens on this machine for it does so at its gateway."""

    def __init__(self, name=RUN):
        self.name = name
        docker("network", "create", "--label", LABEL, name)
        self.gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", name)

    def __exit__(self, *_):
        docker("network", "rm", self.name)


class Container(contextlib.AbstractContextManager):
    """A started container. Its name is its host name on the network."""

    def __init__(self, network, image, *command, name="container", options=()):
        self.name = self.host = f"{RUN}-{name}-{next(_numbers)}"
        self.network = network
        place = ["--name", self.name, "--network", network.name, "--label", LABEL]
        docker("run", "--detach", *place, *options, image, *command)

    @property
    def address(self):
        """Reachable from this machine; asked every time, since a restart may change it."""
        return self.inspect()["NetworkSettings"]["Networks"][self.network.name]["IPAddress"]

    @property
    def running(self):
        return self.inspect()["State"]["Running"]

    def inspect(self):
        return json.loads(docker("inspect", self.name))[0]

    def execute(self, *command, **options):
        interactive = ["--interactive"] if "input" in options else []
        return docker("exec", *interactive, self.name, *command, **options)

    def logs(self):
        return logs(self.name)

    def remove(self):
        docker("rm", "--force", "--volumes", self.name)

    def __exit__(self, *_):
        self.remove()
