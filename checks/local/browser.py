"""The local run's page in a real browser."""

import contextlib
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

PICTURES = Path("target/local")
SECONDS = 1_000
# The metrics by their fields in the answer to a query; what ECS tells is not asked there.
FIELDS = {
    "DramatiqQueueDepth": "queue_depth",
    "DramatiqJobsInFlight": "in_flight",
    "DramatiqJobsDelayed": "delay_queue_depth",
    "DramatiqOldestJobAge": "oldest_job_age_seconds",
    "DramatiqDeadLetters": "dead_letter_depth",
    "DramatiqNewDeadLetters": "new_dead_letters",
    "DramatiqOrphanedMessages": "orphaned",
    "DramatiqActiveBrokers": "active_brokers",
}
OF_ECS = ["DramatiqRunningWorkers", "DramatiqDesiredWorkers"]
ALL = [*FIELDS, *OF_ECS, "DramatiqBacklogPerWorker"]


@contextlib.contextmanager
def opened(port, failures):
    """The page, whose every error and every request to elsewhere becomes a failure."""
    here = f"http://127.0.0.1:{port}/"
    with sync_playwright() as playwright:
        # As root, and in a container, Chromium has no sandbox.
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), chromium_sandbox=False
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("console", lambda said: said.type == "error" and failures.append(f"the page must log no error, logged {said.text}"))
        page.on("pageerror", lambda error: failures.append(f"the page must throw nothing, threw {error}"))
        page.on(
            "request",
            lambda asked: (
                asked.url.startswith((here, "data:")) or failures.append(f"the page must ask only {here}, asked {asked.url}")
            ),
        )
        page.goto(here)
        yield page
        browser.close()


def figures(page):
    """Each figure that the page shows, as its text, by the name of its metric."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-metric]')].map(e => [e.dataset.metric, e.textContent]))"
    )


def shown(value):
    return "unknown" if value is None else str(value) if value == int(value) else f"{value:.1f}"


def figure(page, metric):
    return page.locator(f"[data-metric={metric}]")


def queried(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/metrics/queue", timeout=10) as answer:
        return json.load(answer)


def check_that_it_shows_what_a_query_says(page, port, failures):
    """Just after a tick both have read the same, but for what moved in between: so it may take a few ticks for each figure."""
    tick = page.locator("#connection")
    expect(figure(page, "DramatiqQueueDepth")).to_have_text(re.compile(r"\d+"), timeout=20 * SECONDS)
    differs = set(FIELDS)
    for _ in range(20):
        before = tick.text_content()
        expect(tick).not_to_have_text(before, timeout=10 * SECONDS)
        answer = {metric: shown(queried(port)[field]) for metric, field in FIELDS.items()}
        page_says = figures(page)
        if sorted(page_says) != sorted(ALL):
            failures.append(f"the page must show the figures {sorted(ALL)}, showed {sorted(page_says)}")
            return
        differs = {metric for metric in differs if page_says[metric] != answer[metric]}
        if not differs:
            return
        time.sleep(1.1)  # A burst of queries shares one read for a second.
    failures.append(f"the page must show what a query says of {sorted(differs)}, said {answer} at last, and showed {page_says}")


def check_that_a_stopped_redis_is_unknown(page, failures):
    page.get_by_role("button", name="Stop Redis").click()
    expect(figure(page, "DramatiqQueueDepth")).to_have_text("unknown", timeout=10 * SECONDS)
    found = figures(page)
    expected = {metric: "2" if metric in OF_ECS else "unknown" for metric in ALL}
    if found != expected:
        failures.append(f"with Redis stopped the page must show {expected}, showed {found}")
    expect(page.locator("#problems")).to_have_text(
        re.compile(r"Redis 127\.0\.0\.1:\d+ \(REDIS_HOST, REDIS_PORT\) could not be reached")
    )
    time.sleep(3)  # A gap that the picture shows.
    page.get_by_role("button", name="Start Redis").click()
    expect(figure(page, "DramatiqQueueDepth")).to_have_text(re.compile(r"\d+"), timeout=10 * SECONDS)


def check_that_a_burst_scales_out_and_back(page, failures):
    running = figure(page, "DramatiqRunningWorkers")
    expect(running).to_have_text("2")
    page.get_by_role("button", name="burst").focus()
    page.keyboard.press("Enter")
    expect(running).not_to_have_text("2", timeout=15 * SECONDS)
    expect(page.locator("#decisions")).to_contain_text("in state ALARM triggered policy worker-queue-")
    take_pictures(page, failures)
    expect(running).to_have_text("2", timeout=150 * SECONDS)
    expect(page.locator("#decisions")).to_contain_text("3 → 2")


def check_that_the_policy_is_switched(page):
    page.get_by_label("QueueDepth").check()
    expect(page.locator("#charts")).to_contain_text("DramatiqQueueDepth")
    page.get_by_label("BacklogPerWorker").check()
    expect(page.locator("#charts")).to_contain_text("DramatiqBacklogPerWorker")


def take_pictures(page, failures):
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, width, scheme in (("light", 1200, "light"), ("dark", 1200, "dark"), ("phone", 390, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            failures.append(f"the page must fit into {width} px, needs {needed}")
    page.set_viewport_size({"width": 1200, "height": 900})


def check_that_it_scales(port, failures):
    with opened(port, failures) as page:
        try:
            check_that_it_shows_what_a_query_says(page, port, failures)
            check_that_a_stopped_redis_is_unknown(page, failures)
            check_that_the_policy_is_switched(page)
            check_that_a_burst_scales_out_and_back(page, failures)
        except AssertionError as failure:
            failures.append(f"the page, which showed {figures(page)}: {failure}")
            page.screenshot(path=PICTURES / "failed.png", full_page=True)


def check_that_it_only_looks(port, failures):
    """With a Redis of somebody's own."""
    with opened(port, failures) as page:
        try:
            expect(figure(page, "DramatiqQueueDepth")).to_have_text(re.compile(r"\d+"), timeout=20 * SECONDS)
            expect(page.get_by_text("it would scale to 2")).to_be_visible()
            expect(page.get_by_role("button")).to_have_count(0)
        except AssertionError as failure:
            failures.append(f"the page with a Redis of somebody's own: {failure}")
    for action in ("burst", "long-jobs", "failing-actor", "stop-redis", "start-redis"):
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"http://127.0.0.1:{port}/actions/{action}", method="POST"), timeout=10
            ) as answer:
                failures.append(f"{action} must be refused with a Redis of somebody's own, was answered {answer.status}")
        except urllib.error.HTTPError as error:
            if error.code != 403:
                failures.append(f"{action} must be refused with 403, was with {error.code}")


def take_the_readme_picture(port, path, failures):
    with opened(port, failures) as page:
        expect(figure(page, "DramatiqQueueDepth")).to_have_text(re.compile(r"\d+"), timeout=20 * SECONDS)
        page.wait_for_timeout(6 * SECONDS)
        page.get_by_role("button", name="burst").click()
        page.wait_for_timeout(40 * SECONDS)
        page.set_viewport_size({"width": 1000, "height": 1600})
        page.wait_for_timeout(SECONDS)
        workers = page.locator(".chart").nth(1).bounding_box()
        page.screenshot(path=path, clip={"x": 0, "y": 0, "width": 1000, "height": workers["y"] + workers["height"]})
