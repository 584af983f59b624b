"""A real browser."""

import contextlib
import shutil

from playwright.sync_api import sync_playwright


@contextlib.contextmanager
def chromium():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # As root, and in a container, Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        yield browser
        browser.close()


@contextlib.contextmanager
def tab(browser, here, **options):
    """A tab at an address. At the end its page must have logged no error or warning, thrown nothing and asked nobody else."""
    context = browser.new_context(**options)
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: request.url.startswith((here, "data:")) or complaints.append(f"asked for {request.url}"))
    page.goto(here)
    yield page
    context.close()
    assert complaints == []
