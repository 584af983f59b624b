"""What the rehearsal's tests share. Whatever is expensive lives for the session, and starts only where it is asked for."""

import collections
import os
import shutil

import pytest
from awsfront import AwsFront
from kit.machine import ROOT, run
from localaws import LocalAws
from machine import RUN, Network, fresh_folder, one_at_a_time
from tls import Certificates

pytest.register_assert_rewrite("fleet", "reader")
pytest_plugins = ["deployed"]


def pytest_addoption(parser):
    parser.addoption("--soak-seconds", type=int, default=120, help="how long work is sent at random")
    parser.addoption("--soak-seed", type=int, default=20261125, help="what decides which work that is")


def pytest_terminal_summary(terminalreporter):
    """How long each part took."""
    seconds = collections.Counter()
    for report in (each for kind in terminalreporter.stats.values() for each in kind if hasattr(each, "duration")):
        seconds[report.nodeid.partition("::")[0]] += report.duration
    for part, took in seconds.items():
        terminalreporter.write_line(f"{took:6.1f} s  {part}")


@pytest.fixture(scope="session")
def network():
    with Network() as made:
        yield made


@pytest.fixture(scope="session")
def front(network):
    """What the functions are told is AWS."""
    with AwsFront(network.gateway) as made:
        yield made


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def aws(network, front, certificates):
    """Its functions call the front, and trust the certificates."""
    with LocalAws(network, functions_call=front.url, function_options=certificates.trusted) as made:
        front.target = made.url
        yield made


@pytest.fixture(autouse=True)
def _healed(request):
    yield
    if "front" in request.fixturenames:
        request.getfixturevalue("front").heal()


@pytest.fixture(scope="session")
def release():
    """The release's archive, made once for all lanes of a run, which removes it."""
    version = os.environ["REHEARSAL_VERSION"]
    archive = ROOT / f"target/dramatiq-queue-metrics-{version}.zip"
    with one_at_a_time("release"):
        if not archive.exists():
            run(ROOT / ".ci/release", version)
    return archive


@pytest.fixture(scope="session")
def source(release):
    """The release, unpacked: what a user deploys."""
    folder = fresh_folder(f"release-{RUN}")
    shutil.unpack_archive(release, folder)
    return folder / release.stem


@pytest.fixture(scope="session")
def package(source):
    """The functions' code as Lambda unpacks it: classes and lib/."""
    folder = fresh_folder(f"package-{RUN}")
    shutil.unpack_archive(source / "target/lambda.zip", folder)
    return folder
