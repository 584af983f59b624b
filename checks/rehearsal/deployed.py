"""Fixtures: an account of its own in which suna's services run, and the real template deployed there.

Apart from the local AWS of the other tests: here the rule fires every minute, and other tests count calls.
"""

import json

import pytest
import suna
from awsfront import AwsFront
from deployment import deploy
from localaws import LocalAws
from postgres_server import Postgres
from reader import QUEUES


@pytest.fixture(scope="session")
def account_front(network):
    with AwsFront(network.gateway) as made:
        yield made


@pytest.fixture(scope="session")
def account(network, account_front, certificates):
    with LocalAws(network, account_front.url, certificates.trusted) as made:
        account_front.target = made.url
        yield made


@pytest.fixture(scope="session")
def account_over_tls(network, account, certificates, tmp_path_factory):
    """Environment in which real curl finds the function URLs, which begin with https as on AWS, in the account."""
    with AwsFront(network.gateway, target=account.url, tls=certificates.server_context()) as door:
        home = tmp_path_factory.mktemp("curl")
        # Nobody here has a certificate for the URL's name.
        (home / ".curlrc").write_text(f'connect-to = "::{door.url.removeprefix("https://")}"\ninsecure\n')
        yield account.environment | {"CURL_HOME": str(home)}


@pytest.fixture(scope="session")
def target_group(account):
    """ARN of the API's target group; with it stand both of suna's services, two real tasks each."""
    return suna.make_services(account)


@pytest.fixture(scope="session")
def broker(network, certificates):
    with suna.Broker(network, certificates) as made:
        yield made


@pytest.fixture(scope="session")
def database(network):
    with Postgres(network) as made:
        yield made


@pytest.fixture(scope="session")
def pager(account):
    return suna.Pager(account)


@pytest.fixture(scope="session")
def parameters(account, target_group, broker, database, pager):
    """Everything that can be had at once."""
    return {
        "VpcId": suna.vpc(account),
        "SubnetIds": ",".join(suna.subnets(account)),
        "RedisHost": broker.domain_name,
        "RedisSecurityGroupId": suna.make_security_group(account),
        "RedisAuthentication": "password",
        "RedisUser": suna.USER,
        "RedisPasswordSecretArn": suna.make_secret(account, "redis", json.dumps({"password": suna.PASSWORD}))
        + ":SecretString:password",
        "QueueNames": ",".join(QUEUES),
        "PerQueueMetrics": "true",
        "ApiServiceName": suna.API,
        "WorkerServiceName": suna.WORKER,
        "DatabaseUrlSecretArn": suna.make_secret(account, "database", database.url),
        "AlarmTopicArn": pager.topic,
    }


@pytest.fixture(scope="session")
def stack(account, account_over_tls, lambda_zip, parameters):
    return deploy(account, account_over_tls, lambda_zip, "queue-metrics", **parameters)
