"""A function in Lambda's image: its IAM login at Redis, as botocore would sign it, and a start that fails."""

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
from functions import PUBLISH, Function
from localaws import REGION
from reader import TICK
from tls import DOMAIN

USER, CACHE, SESSION_TOKEN = "publisher", "suna-redis", "session+token/with=signs"
HOST = f"iam.{DOMAIN}"


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


def signed_by_botocore(at):
    request = AWSRequest("GET", f"https://{CACHE}/", params={"Action": "connect", "User": USER})
    with mock.patch("botocore.auth.get_current_datetime", return_value=at):
        SigV4QueryAuth(Credentials("test", "test", SESSION_TOKEN), "elasticache", REGION, expires=900).add_auth(request)
    return urlsplit(request.url)


def test_a_start_that_fails_is_told_with_its_message_every_time(network, package):
    with Function(network, package, PUBLISH, {"REDIS_HOST": "nowhere.test", "REDIS_PORT": "none"}) as publish:
        for _ in range(2):
            assert "REDIS_PORT must be 1 to 65535, was none" in publish.invoke(TICK).error


def test_each_login_offers_the_token_that_botocore_signs(network, package, certificates, door):
    environment = {
        "REDIS_HOST": HOST, "REDIS_PORT": door.port, "REDIS_AUTHENTICATION": "iam", "REDIS_USER": USER,
        "REDIS_CACHE_NAME": CACHE, "AWS_SESSION_TOKEN": SESSION_TOKEN,
    }  # fmt: skip
    options = [*certificates.trusted, "--add-host", f"{HOST}:{network.gateway}"]
    with Function(network, package, PUBLISH, environment, options) as publish:
        invocation = publish.invoke(TICK)
    assert "(REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME): WRONGPASS" in invocation.error
    assert "X-Amz-Signature" not in invocation.log + invocation.error
    assert len(door.offered) == 2, "expected one login at the start and one by the tick"
    for user, token in door.offered:
        offered = urlsplit(f"https://{token}")
        at = datetime.datetime.strptime(parse_qs(offered.query)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
        assert abs(datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - at) < datetime.timedelta(minutes=1)
        wanted = signed_by_botocore(at)
        assert (user, offered.netloc, offered.path) == (USER, wanted.netloc, wanted.path)
        assert parse_qs(offered.query) == parse_qs(wanted.query)
