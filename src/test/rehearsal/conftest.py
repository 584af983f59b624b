"""What the rehearsal's tests share. Whatever is expensive lives for the session, and starts only where it is asked for."""

import collections
import os
import shutil

import pytest
from awsfront import AwsFront
from deployed import account, account_front, account_over_tls, broker, database, pager, parameters, stack, target_group  # noqa: F401
from functions import Function
from localaws import LocalAws
from machine import ROOT, WORK, Network, run
from redis_server import Redis
from tls import make_certificates

pytest.register_assert_rewrite("fleet", "reader")
pytest_plugins = ["long_waits"]


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
    return make_certificates(tmp_path_factory.mktemp("tls"))


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
def source():
    """What the build needs of the checkout, as a fresh clone would have it, with what was changed since."""
    folder = WORK / "source"
    # Not src/test: a changed test would make `sam build` build anew what is the same.
    needed = [".mvn", "events", "pom.xml", "src/assembly", "src/main", "template.yaml"]
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *needed).split("\0")
    wanted = {name for name in listed if name and (ROOT / name).is_file()}
    for old in [path for path in folder.rglob("*") if path.is_file() and ".aws-sam" not in path.parts]:
        if str(old.relative_to(folder)) not in wanted:
            old.unlink()
    for name in wanted:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def package(source):
    """The folder that `sam build` made for the functions: classes and lib/."""
    # Without the tests, which .ci/run has run before.
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "MAVEN_OPTS": "-Dmaven.test.skip=true"}
    run(WORK / "tests/bin/sam", "build", "--cached", cwd=source, env=environment)
    return source / ".aws-sam/build/PublishFunction"


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
