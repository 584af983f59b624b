"""`./mvnw -q -Plocal` from outside, its page too. The tests of one run follow each other."""

import json
import re
import signal
import socket
import time
import urllib.error
from pathlib import Path

import pytest
from kit import metrics
from kit.browser import chromium, tab
from kit.local_run import LocalRun
from kit.machine import free_port
from playwright.sync_api import expect

PICTURES = Path("target/local")
SECONDS = 1_000
# No orphans, 3 brokers, 2 workers of 2, each metric published and no decision.
STEADY = re.compile(rf"\d\d:\d\d:\d\d +(\d+ +){{5}}[\d.]+ s +0 +3 +2 +2 +[\d.]+ +{len(metrics.units())} +\d+ ms  -$")
# The first rows are not yet those of a steady load.
MOST_ROWS = 40
FIELDS = metrics.fields()
OF_ECS = ["DramatiqRunningWorkers", "DramatiqDesiredWorkers"]
NUMBER = re.compile(r"\d+")


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def run():
    """A run that has shown three right rows."""
    with LocalRun("-Dtick=1") as started:
        rows, right = [], 0
        while right < 3:
            line = started.process.stdout.readline()
            rows.append(line)
            right += bool(STEADY.match(line))
            assert line and len(rows) < MOST_ROWS, "".join(rows)
        started.timer.cancel()
        yield started


@pytest.fixture
def page(browser, run):
    with tab(browser, run.url, viewport={"width": 1200, "height": 900}) as opened:
        expect(figure(opened, "DramatiqQueueDepth")).to_have_text(NUMBER, timeout=20 * SECONDS)
        yield opened


def figure(page, metric):
    return page.locator(f"[data-metric={metric}]")


def figures(page):
    """Each figure that the page shows, as its text, by the name of its metric."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-metric]')].map(e => [e.dataset.metric, e.textContent]))"
    )


def shown(value):
    return "unknown" if value is None else str(value) if value == int(value) else f"{value:.1f}"


def test_a_query_is_answered(run):
    body = json.load(run.ask())
    fields = list(FIELDS.values())
    assert list(body) == [*fields[:3], "timestamp", *fields[3:], "queues"]
    assert (body["active_brokers"], type(body["in_flight"])) == (3, int)


def test_the_page_shows_what_a_query_says(run, page):
    """Just after a tick both have read the same, but for what moved in between: so it may take a few ticks for each figure."""
    tick = page.locator("#connection")
    differs = set(FIELDS)
    for _ in range(20):
        expect(tick).not_to_have_text(tick.text_content(), timeout=10 * SECONDS)
        answer = {metric: shown(json.load(run.ask())[field]) for metric, field in FIELDS.items()}
        page_says = figures(page)
        assert sorted(page_says) == sorted(metrics.units())
        differs = {metric for metric in differs if page_says[metric] != answer[metric]}
        if not differs:
            break
        time.sleep(1.1)  # A burst of queries shares one read for a second.
    assert differs == set(), (answer, page_says)


def test_a_stopped_redis_is_unknown(page):
    page.get_by_role("button", name="Stop Redis").click()
    expect(figure(page, "DramatiqQueueDepth")).to_have_text("unknown", timeout=10 * SECONDS)
    assert figures(page) == {metric: "2" if metric in OF_ECS else "unknown" for metric in metrics.units()}
    expect(page.locator("#problems")).to_have_text(
        re.compile(r"Redis 127\.0\.0\.1:\d+ \(REDIS_HOST, REDIS_PORT\) could not be reached")
    )
    time.sleep(3)  # A gap that the picture shows.
    page.get_by_role("button", name="Start Redis").click()
    expect(figure(page, "DramatiqQueueDepth")).to_have_text(NUMBER, timeout=10 * SECONDS)


@pytest.mark.parametrize("metric", ["QueueDepth", "BacklogPerWorker"])
def test_the_policy_is_switched(page, metric):
    page.get_by_label(metric).check()
    expect(page.locator("#charts")).to_contain_text(f"Dramatiq{metric}")


def test_a_burst_scales_out_and_back(page):
    running = figure(page, "DramatiqRunningWorkers")
    expect(running).to_have_text("2")
    page.get_by_role("button", name="burst").focus()
    page.keyboard.press("Enter")
    expect(running).not_to_have_text("2", timeout=15 * SECONDS)
    expect(page.locator("#decisions")).to_contain_text("in state ALARM triggered policy worker-queue-")
    take_pictures(page)
    expect(running).to_have_text("2", timeout=150 * SECONDS)
    expect(page.locator("#decisions")).to_contain_text("3 → 2")


def take_pictures(page):
    for name, width, scheme in (("light", 1200, "light"), ("dark", 1200, "dark"), ("phone", 390, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1200, "height": 900})


@pytest.fixture(scope="module")
def looking(run):
    """A run at somebody's own Redis."""
    with LocalRun("-Dtick=1", REDIS_HOST="127.0.0.1", REDIS_PORT=run.redis_port(), REDIS_TLS="false") as started:
        started.wait_until_it_listens()
        yield started


def test_at_somebodys_own_redis_the_page_offers_nothing(browser, looking):
    with tab(browser, looking.url) as page:
        expect(figure(page, "DramatiqQueueDepth")).to_have_text(NUMBER, timeout=20 * SECONDS)
        expect(page.get_by_text("it would scale to 2")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("action", ["burst", "long-jobs", "failing-actor", "stop-redis", "start-redis"])
def test_at_somebodys_own_redis_an_action_is_refused(looking, action):
    with pytest.raises(urllib.error.HTTPError, match="^HTTP Error 403: "):
        looking.ask(f"actions/{action}", method="POST")


def test_the_end_of_mavens_process_ends_everything(looking):
    """Where a machine runs out of memory, only Maven may end."""
    looking.process.kill()
    assert looking.nothing_is_left()


def test_ctrl_c_ends_everything(run):
    run.signal(signal.SIGINT)
    assert run.nothing_is_left()


@pytest.mark.parametrize(
    ("listening", "environment", "said"),
    [
        (True, {}, "127.0.0.1:{taken} (-Dport) cannot be listened on: Address already in use"),
        (
            False,
            {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "{nobody}", "REDIS_TLS": "false"},
            "Redis 127.0.0.1:{nobody} (REDIS_HOST, REDIS_PORT) could not be reached: 127.0.0.1: Connection refused",
        ),
        (
            False,
            {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "637900", "PER_QUEUE_METRICS": "yes"},
            "bad settings: REDIS_PORT must be 1 to 65535, was 637900; PER_QUEUE_METRICS must be true or false, was yes",
        ),
    ],
    ids=["a port that is taken", "no Redis", "bad settings"],
)
def test_what_cannot_run_stops_and_says_why_in_a_sentence(listening, environment, said):
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"taken": other.getsockname()[1], "nobody": free_port()}
        given = {name: value.format(**ports) for name, value in environment.items()}
        with LocalRun(port=ports["taken"] if listening else None, **given) as run:
            output, _ = run.process.communicate()
    assert output == said.format(**ports) + "\n"
    assert run.process.returncode != 0
