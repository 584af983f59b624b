"""Redis as ElastiCache has it: TLS, each login mode, the least user, a replica."""

import datetime
import json
import re
import time
from urllib.parse import quote

import pytest
from fleet import Fleet
from iam_door import IamDoor
from kit.machine import ROOT, until
from localaws import REGION
from reader import QUEUES, Reader, agree
from redis_server import AT_ONCE, Redis
from tls import DOMAIN, TlsRedis

PASSWORD = "correct/horse+battery=staple"
LEAST_USER = re.search(r"^ACL SETUSER .*%R~.*$", (ROOT / "README.md").read_text(), re.MULTILINE)[0]
USER, USERS_PASSWORD = LEAST_USER.split()[2], "users-own-password"
NAME, OTHER_NAME = f"main.{DOMAIN}", "main.another.test"
CACHE = "suna-redis"


@pytest.fixture(scope="module")
def cache(network, certificates):
    with TlsRedis(network, certificates, [NAME, OTHER_NAME], PASSWORD) as made:
        made.cli(*as_the_readme_makes_it())
        yield made


def as_the_readme_makes_it():
    return LEAST_USER.replace("PASSWORD", USERS_PASSWORD).split()


@pytest.fixture
def work(cache, certificates):
    """A fleet that reaches the cache by TLS and password too: 4 in flight, 6 waiting."""
    cache.cli("FLUSHALL")
    # By its address, for which no certificate is made.
    trust = f"ssl_ca_certs={certificates.root}&ssl_check_hostname=false"
    url = f"rediss://:{quote(PASSWORD, safe='')}@{cache.address}:6379/0?{trust}"
    with Fleet("1.18.0", url, QUEUES) as fleet:
        fleet.send(10)
        fleet.workers(processes=1, threads=2)
        fleet.settle(running=2, in_memory=2)
        yield fleet


@pytest.fixture
def reader(network, package, front, aws, certificates):
    """Makes a reader of the cache: with its name, TLS and trust, unless told otherwise."""
    made = []

    def make(options=certificates.trusted, **environment):
        usual = {"REDIS_HOST": NAME, "REDIS_TLS": "true"}
        made.append(Reader(network, package, front, options, **usual | environment))
        return made[-1]

    yield make
    for each in made:
        each.all.close()


def with_password(password=PASSWORD, **more):
    return {"REDIS_AUTHENTICATION": "password", "REDIS_PASSWORD": password} | more


OF_PASSWORD = "(REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD)"
NO_LOGIN = "requires a login (REDIS_AUTHENTICATION is none)"
AT_TLS = "failed at TLS (REDIS_TLS=true)"
AS_LEAST_USER = with_password(USERS_PASSWORD, REDIS_USER=USER)


def test_over_tls_with_the_password_of_the_default_user(work, reader):
    agree(work, reader(**with_password()), brokers=2, default={"waiting": 6, "in_flight": 4})


def test_the_least_user_of_the_readme_can_do_all_that_is_asked_and_nothing_is_denied(cache, work, reader):
    cache.cli("ACL", "LOG", "RESET")
    least = reader(**AS_LEAST_USER)
    agree(work, least, brokers=2, default={"waiting": 6, "in_flight": 4})
    health = least.query_function.invoke(json.loads((ROOT / "events/health-docker.json").read_text())).payload
    assert health["statusCode"] == 200
    assert cache.cli("ACL", "LOG") == ""


@pytest.mark.parametrize(
    "command",
    [
        "SET dramatiq:a 1",
        "DEL dramatiq:default",
        "LRANGE dramatiq:default 0 -1",
        "KEYS *",
        "HGETALL dramatiq:default.msgs",
        "EVAL 'return 1' 0",
        "LLEN another:default",
        "FLUSHALL",
        "CONFIG GET requirepass",
        "ACL LIST",
    ],
)
def test_the_least_user_of_the_readme_can_do_nothing_else(cache, command):
    login = f"AUTH {USER} {USERS_PASSWORD}\n"
    ok, answer = cache.cli(input=login + command).split("\n", 1)
    assert (ok, answer.split()[0]) == ("OK", "NOPERM")


KEPT_OUT = {
    "password": (with_password("wrong"), f"refused the login of the default user {OF_PASSWORD}: WRONGPASS"),
    "users-password": (
        with_password("wrong", REDIS_USER=USER),
        f"refused the login of {USER} {OF_PASSWORD}: WRONGPASS",
    ),
    "no-login": ({}, f"{NO_LOGIN}: NOAUTH"),
    "no-login-many-queues": (
        {"QUEUE_NAMES": ",".join(f"q{number}" for number in range(8))},
        f"{NO_LOGIN}: ERR Protocol error: unauthenticated multibulk length",
    ),
    "untrusted": (with_password(), f"{AT_TLS}: (certificate_unknown) PKIX path building failed"),
    "another-name": (
        with_password(REDIS_HOST=OTHER_NAME),
        f"{AT_TLS}: (certificate_unknown) No subject alternative DNS name matching {OTHER_NAME} found",
    ),
    "no-tls": (with_password(REDIS_TLS="false"), "failed to answer (REDIS_TLS=false, it may require TLS)"),
}


@pytest.mark.parametrize("case", KEPT_OUT)
def test_what_keeps_it_out_fails_the_tick_by_name_and_publishes_nothing(cache, reader, case):
    environment, said = KEPT_OUT[case]
    kept_out = reader(options=(), **environment) if case == "untrusted" else reader(**environment)
    invocation, published = kept_out.ticked()
    assert published is None
    assert f"{environment.get('REDIS_HOST', NAME)}:6379 (REDIS_HOST, REDIS_PORT) {said}" in invocation.error
    assert PASSWORD not in invocation.log + invocation.error
    answer = kept_out.asked().payload
    assert (answer["statusCode"], answer["body"]) == (500, '{"detail":"Failed to get queue metrics"}')


@pytest.fixture
def plain(network):
    with Redis(network) as made:
        yield made


@pytest.fixture
def door(network, certificates, plain):
    credentials = ("test", "test", "session+token/with=signs")
    options = {"user": USER, "cache": CACHE, "region": REGION, "credentials": credentials}
    with IamDoor(network.gateway, certificates, plain, **options) as made:
        yield made


@pytest.fixture
def by_iam(network, certificates, door, reader):
    def make(**environment):
        usual = {
            "REDIS_HOST": f"iam.{DOMAIN}", "REDIS_PORT": door.port, "REDIS_AUTHENTICATION": "iam", "REDIS_USER": USER,
            "REDIS_CACHE_NAME": CACHE, "AWS_SESSION_TOKEN": "session+token/with=signs",
        }  # fmt: skip
        options = [*certificates.trusted, "--add-host", f"iam.{DOMAIN}:{network.gateway}"]
        return reader(options, **usual | environment)

    return make


def test_with_iam_each_connection_is_opened_with_a_token_of_its_own(door, plain, by_iam):
    with Fleet("2.2.0", plain, QUEUES) as fleet:
        fleet.send(3)
        reader = by_iam()
        agree(fleet, reader, brokers=1, default={"waiting": 3})
        assert len(door.tokens) == 2, "each function connects once"
        first = set(door.tokens)
        # A token of the same second would be the same.
        signed_at = max(re.search(r"X-Amz-Date=(\w+)", token)[1] for token in first)
        until("the second is over", lambda: time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) > signed_at)
        door.hang_up()
        agree(fleet, reader, brokers=1, default={"waiting": 3})
        assert len(door.tokens) == 4
        assert not first & set(door.tokens[2:])


@pytest.mark.parametrize(
    ("environment", "ahead", "why"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another"}, 0, "wrong signature"),
        ({"AWS_REGION": "eu-central-1"}, 0, "wrong signature"),
        ({"REDIS_CACHE_NAME": "another"}, 0, "not to connect to this cache"),
        ({"REDIS_USER": "another"}, 0, "another user"),
        ({}, 16, "too old"),
    ],
    ids=["secret", "region", "cache", "user", "time"],
)
def test_a_token_that_does_not_fit_is_refused_and_the_tick_fails(door, by_iam, environment, ahead, why):
    door.ahead = datetime.timedelta(minutes=ahead)
    invocation, published = by_iam(**environment).ticked()
    assert published is None
    assert "(REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME): WRONGPASS" in invocation.error
    # At the start and by the tick.
    assert [token.partition(" refused: ")[2] for token in door.tokens] == [why] * 2
    assert "X-Amz-Signature" not in invocation.log + invocation.error


def test_a_replica_tells_what_its_primary_told_it_even_to_the_least_user(network, reader):
    with Redis(network, *AT_ONCE) as primary, Redis(network, "--replicaof", primary.host, "6379") as replica:
        replica.cli(*as_the_readme_makes_it())
        with Fleet("2.2.0", primary, QUEUES) as fleet:
            fleet.send(5)
            assert primary.cli("WAIT", "1", "10000") == "1"
            of_replica = reader(REDIS_HOST=replica.host, REDIS_TLS="false", **AS_LEAST_USER)
            agree(fleet, of_replica, brokers=1, default={"waiting": 5})
            # Cut off, it goes on with what it has, unless it is told not to; and then that is no 0.
            primary.remove()
            until("the link is down", lambda: "master_link_status:down" in replica.cli("INFO", "replication"))
            assert of_replica.tick().totals["waiting"] == 5
            replica.cli("CONFIG", "SET", "replica-serve-stale-data", "no")
            invocation, published = of_replica.ticked()
            assert published is None
            assert "MASTERDOWN" in invocation.error
