"""The login at Redis by IAM, as botocore would sign it, and a function that cannot start."""

import contextlib
import datetime
import socket
import threading
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from deployment import Deployment
from localaws import HERE, REGION

USER, CACHE = "publisher", "suna-redis"


class Door:
    """Speaks TLS, keeps the logins offered, each a user and a token, and refuses them as Redis does."""

    def __init__(self, host, certificates):
        self.offered = []
        self.server = certificates.server_context().wrap_socket(socket.create_server((host, 0)), server_side=True)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self.server.accept()
                with client, client.makefile("rb") as words:
                    name, *login = read_command(words)
                    assert name == "AUTH"
                    self.offered.append(tuple(login))
                    client.sendall(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")

    def close(self):
        self.server.close()


def read_command(words):
    """A command as clients send it: an array of strings, each with its length."""
    count = int(words.readline()[1:])
    return [words.read(int(words.readline()[1:]) + 2)[:-2].decode() for _ in range(count)]


@pytest.fixture
def door(network, certificates):
    with contextlib.closing(Door(network.gateway, certificates)) as made:
        yield made


@pytest.fixture
def stack(aws, target_group, door):
    login = {"RedisAuthentication": "iam", "RedisUser": USER, "RedisCacheName": CACHE}
    return Deployment(aws, "iam", RedisHost=HERE, RedisPort=door.port, RedisTls="true", **login)


def signed_by_botocore(credentials, at):
    request = AWSRequest("GET", f"https://{CACHE}/", params={"Action": "connect", "User": USER})
    with mock.patch("botocore.auth.get_current_datetime", return_value=at):
        SigV4QueryAuth(credentials, "elasticache", REGION, expires=900).add_auth(request)
    return urlsplit(request.url)


def test_each_login_offers_the_token_that_botocore_signs_and_a_bad_setting_is_named_at_each_start(aws, stack, door):
    tick = stack.tick()
    assert "(REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME): WRONGPASS" in tick.error
    variables, log = stack.instance("PublishFunction")
    assert "X-Amz-Signature" not in log + tick.error
    assert len(door.offered) == 2, "expected one login at the start and one by the tick"
    publisher = stack.resource("PublishFunction")
    role = Credentials(*(variables[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")))
    for user, token in door.offered:
        offered = urlsplit(f"https://{token}")
        at = datetime.datetime.strptime(parse_qs(offered.query)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
        assert abs(datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - at) < datetime.timedelta(minutes=1)
        wanted = signed_by_botocore(role, at)
        assert (user, offered.netloc, offered.path) == (USER, wanted.netloc, wanted.path)
        assert parse_qs(offered.query) == parse_qs(wanted.query)

    # As somebody does who changes a variable by hand.
    functions = aws.client("lambda")
    environment = functions.get_function_configuration(FunctionName=publisher)["Environment"]
    environment["Variables"]["REDIS_PORT"] = "none"
    functions.update_function_configuration(FunctionName=publisher, Environment=environment)
    for _ in range(2):
        assert "REDIS_PORT must be 1 to 65535, was none" in stack.tick().error
