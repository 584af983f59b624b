"""
Stands before a Redis as ElastiCache's IAM login does: TLS, and AUTH with a token that only the right credentials sign.

What that proves: the token is one that botocore, AWS's own signer, would make of the same credentials, region, cache
and user at that time; it is no older than it may be, and new for each connection. What it cannot prove: that
ElastiCache takes it, and that the role's policy allows elasticache:Connect.
"""

import contextlib
import datetime
import socket
import threading
from unittest import mock
from urllib.parse import parse_qs, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

LONGEST_SECONDS = 900  # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html


class IamDoor:
    """Listens on `host`. `tokens` keeps what was offered; `ahead` is how far the door's clock runs ahead."""

    def __init__(self, host, certificates, redis, *, user, cache, region, credentials):
        self.redis, self.user, self.cache, self.region = redis, user, cache, region
        self.credentials = Credentials(*credentials)
        self.tokens, self.open = [], []
        self.ahead = datetime.timedelta()
        self.context = certificates.server_context()
        self.server = socket.create_server((host, 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()
        self.hang_up()

    def hang_up(self):
        """Ends all connections, as ElastiCache does after 12 hours."""
        while self.open:
            with contextlib.suppress(OSError):
                self.open.pop().shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                threading.Thread(target=self._serve, args=(self.server.accept()[0],), daemon=True).start()

    def _serve(self, plain):
        with contextlib.suppress(OSError), self.context.wrap_socket(plain, server_side=True) as client:
            self.open.append(client)
            words = client.makefile("rb")
            command = read_command(words)
            if len(command) != 3 or command[0] != "AUTH":
                client.sendall(b"-NOAUTH Authentication required.\r\n")
            elif why := self.refuses(*command[1:]):
                # As Redis words it for whatever reason; ours goes where a test can see it.
                self.tokens[-1] += f" refused: {why}"
                client.sendall(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
            else:
                client.sendall(b"+OK\r\n")
                self._relay(client)

    def _relay(self, client):
        with socket.create_connection((self.redis.address, 6379)) as server:
            threading.Thread(target=copy, args=(server, client), daemon=True).start()
            copy(client, server)

    def refuses(self, user, token):
        """Why, or None where it does not."""
        self.tokens.append(token)
        url = urlsplit("https://" + token)
        query = {name: value for name, (value,) in parse_qs(url.query).items()}
        signed_at = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        lasts = int(query["X-Amz-Expires"])
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + self.ahead
        if (url.hostname, url.path, query["Action"]) != (self.cache, "/", "connect"):
            return "not to connect to this cache"
        if not user == query["User"] == self.user:
            return "another user"
        if lasts > LONGEST_SECONDS or not signed_at <= now <= signed_at + datetime.timedelta(seconds=lasts):
            return "too old"
        if query["X-Amz-Signature"] != self.signature(user, lasts, signed_at):
            return "wrong signature"
        return None

    def signature(self, user, lasts, signed_at):
        request = AWSRequest("GET", f"https://{self.cache}/", params={"Action": "connect", "User": user})
        with mock.patch("botocore.auth.get_current_datetime", return_value=signed_at):
            SigV4QueryAuth(self.credentials, "elasticache", self.region, expires=lasts).add_auth(request)
        return parse_qs(urlsplit(request.url).query)["X-Amz-Signature"][0]


def read_command(words):
    """A command as clients send it: an array of strings, each with its length."""
    count = int(words.readline()[1:])
    return [words.read(int(words.readline()[1:]) + 2)[:-2].decode() for _ in range(count)]


def copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
