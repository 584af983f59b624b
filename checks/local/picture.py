"""Makes the README's picture, docs/local-run.png."""

from kit.browser import chromium, tab
from kit.local_run import LocalRun
from kit.machine import ROOT, until

with LocalRun("-Dtick=1") as run:
    run.wait_until_it_listens()
    with chromium() as browser, tab(browser, run.url, viewport={"width": 1000, "height": 1600}) as page:
        until("a number", lambda: page.locator("[data-metric=DramatiqQueueDepth]").text_content().isdigit())
        page.wait_for_timeout(6_000)
        page.get_by_role("button", name="burst").click()
        page.wait_for_timeout(41_000)
        workers = page.locator(".chart").nth(1).bounding_box()
        clip = {"x": 0, "y": 0, "width": 1000, "height": workers["y"] + workers["height"]}
        page.screenshot(path=ROOT / "docs/local-run.png", clip=clip)
