"""Asks the query function in every way in: by docs/openapi.yaml with schemathesis, and as Prometheus scrapes."""

import contextlib
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from front import WAYS, Front, Function
from kit import metrics
from kit.local_run import LocalRun
from kit.machine import ROOT, free_port, until
from prometheus_client.openmetrics.parser import text_string_to_metric_families

TOKEN = "0123456789abcdef"
# Of Prometheus 3.5, with native histograms.
ACCEPT = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.1"
)


def ask(url, accept="*/*"):
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/metrics/queue", headers=headers), timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


@pytest.fixture(scope="module")
def run():
    with LocalRun(QUERY_TOKEN=TOKEN) as started:
        started.wait_until_it_listens()
        until("the local run answers", lambda: answers(started.url))
        yield started


def answers(url):
    with contextlib.suppress(OSError):
        return ask(url)


def function(run, redis):
    """The query function's process as the local run starts it, at the Redis on a port."""
    (command,) = (args.split() for args in run.processes() if args.endswith("FunctionMain so.suna.queuemetrics.QueryHandler"))
    environment = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis), "REDIS_TLS": "false", "QUERY_TOKEN": TOKEN}
    return contextlib.closing(Function(command, environment))


@pytest.fixture(scope="module", params=[None, *WAYS], ids=lambda way: way.__name__ if way else "local_run")
def url(request, run):
    if request.param is None:
        yield run.url
    else:
        with function(run, run.redis_port()) as started:
            yield Front(request.param, started).url


def scrape(url):
    """The samples by name and queue, as Prometheus' own parser reads them."""
    kind, text = ask(url, ACCEPT)
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = list(text_string_to_metric_families(text))
    for family in families:
        assert (family.type, bool(family.documentation)) == ("gauge", True), family
        assert family.unit == ("seconds" if family.name.endswith("_seconds") else ""), family
    return {(s.name, s.labels.get("queue")): s.value for family in families for s in family.samples}


def test_both_formats_say_the_same(url):
    for _ in range(20):
        # Within a second all three share a read.
        before, scraped, after = ask(url), scrape(url), ask(url)
        if before == after:
            break
    assert before == after, "three queries must share a read"
    body = json.loads(before[1])
    own = list(metrics.fields().items())[: metrics.per_queue()]
    expected = {(scraped_name(name), queue): values[field] for name, field in own for queue, values in body["queues"].items()}
    assert scraped == expected | {("dramatiq_active_brokers", None): body["active_brokers"]}


def scraped_name(metric):
    """In snake case, with the unit at the end if it has one."""
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", metric).lower()
    return snake + ("_seconds" if metrics.units()[metric] == "Seconds" else "")


def check_against_openapi(url, *options):
    command = [
        Path(sys.executable).with_name("schemathesis"),
        *["run", ROOT / "docs/openapi.yaml", "--url", url, "--header", f"Authorization: Bearer {TOKEN}"],
        *["--generation-database", "none", "--seed", "1", "--max-examples", "30", *options],
    ]
    # It leaves a folder of its own.
    done = subprocess.run(command, cwd=ROOT / "target", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "generated" in done.stdout


def test_every_answer_is_one_that_openapi_yaml_describes(url):
    check_against_openapi(url)


def test_without_redis_every_answer_is_one_that_openapi_yaml_describes(run):
    with function(run, free_port()) as without_redis:
        url = Front(next(iter(WAYS)), without_redis).url
        check_against_openapi(url, "--exclude-checks", "not_a_server_error,positive_data_acceptance")
