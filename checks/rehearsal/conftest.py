"""What the rehearsal's tests share. Whatever is expensive lives for the session, and starts only where it is asked for."""

import collections
import shutil

import pytest
from awsfront import AwsFront
from kit.machine import ROOT, loaded, run
from localaws import LocalAws
from machine import RUN, Network, fresh_folder
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
def lambda_zip():
    run(ROOT / "checks/kit/package")
    return ROOT / "target/lambda.zip"


@pytest.fixture(scope="session")
def package(lambda_zip):
    """The functions' code as Lambda unpacks it: classes and lib/."""
    folder = fresh_folder(f"package-{RUN}")
    shutil.unpack_archive(lambda_zip, folder)
    return folder


@pytest.fixture(scope="session")
def source(lambda_zip):
    """What a user unpacks of a release, and deploys."""
    folder = fresh_folder(f"release-{RUN}")
    for name, file in loaded(ROOT / ".ci/release").files(lambda_zip):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / name)
    return folder
