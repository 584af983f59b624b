"""./mvnw -q -Psimulate: what it prints, and its page, which is complete without network, on a desk and on a phone."""

import json
import subprocess

import pytest
from kit.browser import chromium, tab
from kit.machine import ROOT

DESK = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
PHONE = {"viewport": {"width": 375, "height": 812}, "color_scheme": "dark", "has_touch": True, "device_scale_factor": 2}
LOAD = "-Dload=20/min for 20m, 200/min for 10m, 20/min for 30m"
# Share of a chart's pixels that are drawn: lines, axes and grid.
DRAWN = """canvas => {
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let drawn = 0;
  for (let i = 3; i < pixels.length; i += 4) drawn += pixels[i] > 0;
  return drawn * 4 / pixels.length;
}"""


def simulate(*options):
    command = ["./mvnw", "-q", "-B", "-Psimulate", LOAD, *options]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def written():
    page = ROOT / "target/simulation.html"
    page.unlink(missing_ok=True)
    assert simulate("-Dpolicy=seed; template").returncode == 0
    return page.as_uri()


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(params=[DESK, PHONE], ids=["desk, light", "phone, dark"])
def simulation(request, browser, written):
    with tab(browser, written, offline=True, **request.param) as page:
        yield page


def test_standard_output_is_a_line_of_json_for_each_policy():
    ran = simulate("-Dformat=json", "-Dpolicy=target=12; seed")
    assert ran.returncode == 0
    assert [json.loads(line)["policy"] for line in ran.stdout.splitlines()] == ["target=12", "seed"]


def test_a_bad_input_gets_one_sentence_and_nothing_of_maven():
    ran = simulate("-Dformat=json", "-Dpolicy=min=9 max=5")
    assert ran.returncode == 64
    assert ran.stdout == ""
    assert ran.stderr == "policy: min must be at most max, was 9 with max 5\n"


def test_each_policy_has_three_charts_and_a_row(simulation):
    assert simulation.locator("section h3").all_inner_texts() == ["seed", "template"]
    assert simulation.locator("table:not(.u-legend) td:first-child").all_inner_texts() == ["seed", "template"]
    charts = simulation.locator("canvas").all()
    assert len(charts) == 6
    for chart in charts:
        assert chart.evaluate(DRAWN) > 0.01


def test_nothing_is_wider_than_the_screen(simulation):
    assert simulation.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_point_of_a_chart_tells_its_values_and_the_last_decision(simulation):
    section = simulation.locator("section").last
    chart = section.locator(".u-over").nth(1)
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    point = {"x": box["width"] * 0.9, "y": box["height"] / 2}
    if simulation.viewport_size["width"] < 400:
        chart.tap(position=point)
    else:
        chart.hover(position=point)
    assert "monitor alarm" in section.locator(".reason").inner_text()
    for legend in section.locator(".u-legend").all():
        assert legend.locator(".u-value").first.inner_text() != ""


def test_the_charts_follow_the_scheme(simulation):
    scheme = "dark" if simulation.evaluate("matchMedia('(prefers-color-scheme: light)').matches") else "light"
    before = simulation.locator("canvas").first.evaluate("canvas => canvas.toDataURL()")
    simulation.emulate_media(color_scheme=scheme)
    simulation.wait_for_function("before => document.querySelector('canvas').toDataURL() !== before", arg=before)


def test_the_settings_can_be_copied(simulation):
    settings = simulation.locator("section").last.locator("details").last
    settings.locator("summary").click()
    assert "parameter_overrides" in settings.locator("pre").inner_text()
