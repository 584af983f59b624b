"""What the rehearsal's tests share. Whatever is expensive lives for the session, and starts only where it is asked for."""

import collections
import shutil
from pathlib import Path

import pytest
from awsfront import AwsFront
from deployed import account, account_front, account_over_tls, broker, database, pager, parameters, stack, target_group  # noqa: F401
from functions import Function
from kit.machine import ROOT, run
from localaws import LocalAws
from machine import RUN, Network, fresh_folder
from redis_server import Redis
from tls import Certificates

pytest.register_assert_rewrite("fleet", "reader")
pytest_plugins = ["long_waits"]


def pytest_addoption(parser):
    parser.addoption("--soak-seconds", type=int, default=120, help="how long work is sent at random")
    parser.addoption("--soak-seed", type=int, default=20261125, help="what decides which work that is")


def pytest_configure(config):
    config.addinivalue_line("markers", "deployed: needs a stack in a local AWS; one half of a whole run")


def pytest_collection_modifyitems(items):
    for item in items:
        if {"account", "seen", "world"} & set(item.fixturenames):
            item.add_marker("deployed")


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


@pytest.fixture
def redis(network):
    """An empty Redis 7."""
    with Redis(network) as made:
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
    """The release's archive."""
    archive = Path(run(ROOT / ".ci/release", f"0.0.0-{RUN}").splitlines()[-1])
    yield archive
    archive.unlink()


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


@pytest.fixture
def function(network, package, front, aws):
    """Makes a function that calls the local AWS: `function(PUBLISH, REDIS_HOST=redis.host)`."""
    made = []

    def make(handler, options=(), **environment):
        defaults = {"REDIS_TLS": "false", "AWS_ENDPOINT_URL": front.url}
        made.append(Function(network, package, handler, defaults | environment, options))
        return made[-1]

    yield make
    for each in made:
        each.remove()
