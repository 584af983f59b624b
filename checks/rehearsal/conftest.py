"""What the rehearsal's tests share. Whatever is expensive lives for the session, and starts only where it is asked for."""

import collections
import json
import shutil

import pytest
import suna
from awsfront import AwsFront
from deployment import Deployment
from kit.machine import ROOT, loaded, run
from localaws import LocalAws
from machine import RUN, Network, fresh_folder
from postgres_server import Postgres
from tls import Certificates

pytest.register_assert_rewrite("reader")


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
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def lambda_zip():
    run(ROOT / "checks/kit/package")
    return ROOT / "target/lambda.zip"


@pytest.fixture(scope="session")
def aws(network, certificates, lambda_zip):
    with LocalAws(network, certificates, lambda_zip) as made:
        yield made


@pytest.fixture
def front(aws):
    """What the functions are told is AWS."""
    yield aws.front
    aws.front.heal()


@pytest.fixture(scope="session")
def target_group(aws):
    """ARN of the API's target group; with it stand both of suna's services, two real tasks each."""
    return suna.make_services(aws)


@pytest.fixture(scope="session")
def source(lambda_zip):
    """What a user unpacks of a release, and deploys."""
    folder = fresh_folder(f"release-{RUN}")
    for name, file in loaded(ROOT / ".ci/release").files(lambda_zip):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / name)
    return folder


# A stack with everything that can be had at once.


@pytest.fixture(scope="session")
def broker(network, certificates):
    with suna.Broker(network, certificates) as made:
        yield made


@pytest.fixture(scope="session")
def pager(aws):
    return suna.Pager(aws)


@pytest.fixture(scope="session")
def parameters(network, aws, target_group, broker, pager):
    with Postgres(network) as database:
        secret = suna.make_secret(aws, "redis", json.dumps({"password": suna.PASSWORD}))
        yield {
            "RedisHost": broker.domain_name,
            "RedisTls": "true",
            "RedisSecurityGroupId": suna.make_security_group(aws),
            "RedisAuthentication": "password",
            "RedisUser": suna.USER,
            "RedisPasswordSecretArn": f"{secret}:SecretString:password",
            "QueueNames": ",".join(suna.QUEUES),
            "PerQueueMetrics": "true",
            "ManageApiScaling": "true",
            "ApiServiceName": suna.API,
            "DatabaseUrlSecretArn": suna.make_secret(aws, "database", database.url),
            "AlarmTopicArn": pager.topic,
            "MetricNamespace": "Kortix",
        }


@pytest.fixture(scope="session")
def stack(aws, parameters):
    """Its rule fires by itself."""
    return Deployment(aws, "queue-metrics", by_itself=True, **parameters)


@pytest.fixture(scope="session")
def over_tls(network, aws, certificates, tmp_path_factory):
    """Environment in which real curl finds the function URLs, which begin with https as on AWS."""
    with AwsFront(network.gateway, target=aws.url, tls=certificates.server_context()) as door:
        home = tmp_path_factory.mktemp("curl")
        # Nobody here has a certificate for the URL's name.
        (home / ".curlrc").write_text(f'connect-to = "::{door.url.removeprefix("https://")}"\ninsecure\n')
        yield aws.environment | {"CURL_HOME": str(home)}


@pytest.fixture(scope="session")
def url(stack, over_tls):
    """Asks the stack's function URL by real curl: url("api/health", *options) is its status and body."""

    def ask(path, *options):
        how = ["--silent", "--show-error", "--write-out", "\n%{http_code}", *options]
        body, _, status = run("curl", *how, stack.output("QueryUrl") + path, env=over_tls).rpartition("\n")
        return int(status), json.loads(body) if body else None

    return ask
