"""A tab of a real browser, on a desk and on a phone."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

DESK = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
PHONE = {"viewport": {"width": 375, "height": 812}, "color_scheme": "dark", "has_touch": True, "device_scale_factor": 2}


@pytest.fixture(scope="session")
def chromium():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # As root, and in a container, Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture(params=[DESK, PHONE], ids=["desk, light", "phone, dark"])
def tab(request, chromium):
    """A tab, which must not have logged an error or a warning when the test ends."""
    context = chromium.new_context(**request.param)
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
