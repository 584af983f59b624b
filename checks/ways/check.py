"""Asks the query function in every way in: by docs/openapi.yaml with schemathesis, and as Prometheus scrapes. Then rotates
the password by which the publisher gets into Redis.

Changes nothing; ends what it started."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import rotation
from front import WAYS, Front, Function
from kit.machine import ROOT, free_port, until
from prometheus_client.openmetrics.parser import text_string_to_metric_families

TOKEN = "0123456789abcdef"
SECONDS_TO_START = 180
# Of Prometheus 3.5, with native histograms.
ACCEPT = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.1"
)
FIELDS = {
    "dramatiq_queue_depth": "queue_depth",
    "dramatiq_jobs_delayed": "delay_queue_depth",
    "dramatiq_dead_letters": "dead_letter_depth",
    "dramatiq_jobs_in_flight": "in_flight",
    "dramatiq_oldest_job_age_seconds": "oldest_job_age_seconds",
    "dramatiq_new_dead_letters": "new_dead_letters",
    "dramatiq_orphaned_messages": "orphaned",
}


def ask(url, accept="*/*"):
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/metrics/queue", headers=headers), timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


@contextlib.contextmanager
def local_run():
    """Its URL, and the command lines of its processes."""
    port = free_port()
    run = subprocess.Popen(
        ["./mvnw", "-q", "-B", "-Plocal", f"-Dport={port}"],
        cwd=ROOT,
        env=os.environ | {"QUERY_TOKEN": TOKEN},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until("the local run answers", lambda: answers(run, url), SECONDS_TO_START, pause=0.5)
        yield url, processes(run.pid)
    finally:
        os.killpg(run.pid, signal.SIGTERM)
        run.wait(30)


def answers(run, url):
    assert run.poll() is None, "the local run must keep running"
    with contextlib.suppress(OSError):
        return ask(url)


def processes(group):
    listed = subprocess.run(["ps", "-ww", "-eo", "pgid=,args="], capture_output=True, text=True, check=True).stdout
    return [args for pgid, _, args in (line.strip().partition(" ") for line in listed.splitlines()) if pgid == str(group)]


def scrape(url):
    """The samples by name and queue, as Prometheus' own parser reads them."""
    kind, text = ask(url, ACCEPT)
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8", kind
    families = list(text_string_to_metric_families(text))
    for family in families:
        assert (family.type, bool(family.documentation)) == ("gauge", True), family
        assert family.unit == ("seconds" if family.name.endswith("_seconds") else ""), family
    return {(s.name, s.labels.get("queue")): s.value for family in families for s in family.samples}


def check_that_both_formats_say_the_same(url):
    for _ in range(20):
        # Within a second all three share a read.
        before, scraped, after = ask(url), scrape(url), ask(url)
        if before == after:
            break
    else:
        raise AssertionError("three queries must share a read")
    body = json.loads(before[1])
    expected = {(name, queue): own[field] for name, field in FIELDS.items() for queue, own in body["queues"].items()}
    assert scraped == expected | {("dramatiq_active_brokers", None): body["active_brokers"]}, (scraped, body)
    return len(scraped)


def schemathesis(url, *options):
    """How many requests it sent."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *["run", str(ROOT / "docs/openapi.yaml"), "--url", url, "--header", f"Authorization: Bearer {TOKEN}"],
        *["--generation-database", "none", "--seed", "1", "--max-examples", "30", *options],
    ]
    # It leaves a folder of its own.
    done = subprocess.run(command, cwd=ROOT / "target", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return re.findall(r"^.*generated.*$", done.stdout, re.MULTILINE)


def main():
    with local_run() as (url, running):
        print("the local run:", check_that_both_formats_say_the_same(url), "samples;", *schemathesis(url), flush=True)
        (redis,) = {match[1] for args in running if (match := re.search(r"redis-server\S* \S*:(\d+)", args))}
        (command,) = (args.split() for args in running if args.endswith("FunctionMain so.suna.queuemetrics.QueryHandler"))
        environment = {"REDIS_HOST": "127.0.0.1", "REDIS_TLS": "false", "QUERY_TOKEN": TOKEN}
        with (
            contextlib.closing(Function(command, environment | {"REDIS_PORT": redis})) as function,
            contextlib.closing(Function(command, environment | {"REDIS_PORT": str(free_port())})) as without_redis,
        ):
            for way in WAYS:
                url = Front(way, function).url
                print(way.__name__, check_that_both_formats_say_the_same(url), "samples;", *schemathesis(url), flush=True)
            failing = Front(next(iter(WAYS)), without_redis).url
            print("without Redis:", *schemathesis(failing, "--exclude-checks", "not_a_server_error,positive_data_acceptance"))
        publisher = [word.replace("QueryHandler", "PublishHandler") for word in command]
        print("ticks without numbers in rotations:", rotation.check(publisher, int(redis)))
    print("every way in: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
