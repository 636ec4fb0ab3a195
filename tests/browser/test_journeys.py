"""What people do with the app, from a fresh server on, in Chromium."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import onnxruntime
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.console import ConsoleLog
from tests.browser.harness import (
    LOOKS,
    no_exception,
    overflow_px,
    set_theme,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import ROOT, AppServer, serve
from tests.imaging.synthetic_strokes import mnist_digits

TRAINED_MS = 240_000
BUSY_MS = 120_000


def quick(page: Page, server: AppServer, *, name: str) -> None:
    """On Train: a short run of the quick recipe under a name."""
    named(page, server, name)
    for stage in ("teacher", "baseline", "distilled"):
        epochs(page, stage, 2)
    start(page)


def long(page: Page, server: AppServer, *, name: str) -> None:
    """On Train: a run whose teacher no test sees the end of."""
    named(page, server, name)
    epochs(page, "teacher", 400)
    start(page)


def named(page: Page, server: AppServer, name: str) -> None:
    visit(page, server, "/train")
    page.get_by_text("Name, seeds, schedule and precision").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Name", exact=True).press("Tab")
    wait_idle(page)


def epochs(page: Page, stage: str, count: int) -> None:
    page.get_by_role("tab", name=stage.capitalize()).click()
    field = widget(page, f"{stage}_train-epochs").get_by_role("spinbutton")
    field.fill(str(count))
    field.press("Tab")
    wait_idle(page)


def start(page: Page) -> None:
    widget(page, "start").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"experiment="), timeout=BUSY_MS)


def press(page: Page, key: str) -> None:
    button = widget(page, key).get_by_role("button")
    expect(button).to_be_visible(timeout=BUSY_MS)
    button.click()


def shown(page: Page, name: str) -> None:
    """Wait until an experiment is shown, and nothing of the one that was shown before."""
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=BUSY_MS)
    wait_idle(page)


def trained(page: Page, name: str) -> None:
    """Wait for the end of the job of the experiment that is shown."""
    shown(page, name)
    tested = page.get_by_text("test accuracy, read once")
    expect(tested).to_have_count(3, timeout=TRAINED_MS)
    expect(page.get_by_text("Gap closed (test)")).to_be_visible(timeout=BUSY_MS)
    wait_idle(page)
    no_exception(page)


# The first test here: nobody has been at this module's server yet.
def test_a_fresh_servers_first_visit_may_be_a_deep_link(page: Page, app_server: AppServer) -> None:
    visit(page, app_server, "/train")
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stTopNavLink").first).to_be_visible()
    expect(widget(page, "start").get_by_role("button")).to_be_enabled()


def test_home_leads_to_training_and_training_ends_with_the_gap(
    page: Page, app_server: AppServer
) -> None:
    visit(page, app_server)
    page.get_by_role("button", name="Train your own").click()
    wait_idle(page)
    quick(page, app_server, name="first")
    trained(page, "first")
    widget(page, "compare").get_by_role("button").click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    wait_idle(page)
    no_exception(page)


def test_a_job_outlives_reload_pause_resume_and_cancel_in_two_tabs(
    page: Page, context: BrowserContext, app_server: AppServer
) -> None:
    long(page, app_server, name="long")
    progress = page.get_by_test_id("stProgress")
    expect(progress).to_contain_text(re.compile("teacher"), timeout=BUSY_MS)
    page.reload()
    expect(page.get_by_role("heading", name="long")).to_be_visible(timeout=BUSY_MS)
    expect(progress).to_contain_text("Training", timeout=BUSY_MS)

    other = context.new_page()
    other.goto(page.url)
    press(other, "job_pause")
    expect(progress).to_contain_text("Paused", timeout=BUSY_MS)
    expect(other.get_by_test_id("stProgress")).to_contain_text("Paused", timeout=BUSY_MS)

    press(page, "job_step")
    stepped = page.get_by_text(re.compile(r"epoch [1-9]\d* of 400 done")).first
    expect(stepped).to_be_visible(timeout=BUSY_MS)
    expect(progress).to_contain_text("Paused", timeout=BUSY_MS)
    press(page, "job_resume")
    expect(progress).to_contain_text("Training", timeout=BUSY_MS)

    press(other, "job_cancel")
    expect(page.get_by_text("Cancelled").first).to_be_visible(timeout=BUSY_MS)
    expect(widget(page, "job_resume").get_by_role("button")).to_be_visible(timeout=BUSY_MS)
    wait_idle(other)
    other.close()


def test_live_curves_are_updated_in_place(page: Page, app_server: AppServer) -> None:
    long(page, app_server, name="steady")
    shown(page, "steady")
    chart = widget(page, "live_validation_accuracy").locator("canvas").first
    expect(chart).to_be_visible(timeout=BUSY_MS)
    chart.evaluate("node => { node.dataset.mine = 'yes' }")
    said = page.get_by_test_id("stProgress")
    for _ in range(3):
        expect(said).not_to_have_text(said.inner_text(), timeout=BUSY_MS)
    assert chart.get_attribute("data-mine") == "yes", "the chart was mounted anew"
    press(page, "job_cancel")
    expect(page.get_by_text("Cancelled").first).to_be_visible(timeout=BUSY_MS)


def test_two_experiments_are_compared_and_the_link_can_be_shared(
    page: Page, context: BrowserContext, app_server: AppServer
) -> None:
    visit(page, app_server, "/compare")
    expect(page.get_by_text("The demo pair").first).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    page.get_by_role("radio", name="validation").click()
    wait_idle(page)
    shared = context.new_page()
    shared.goto(page.url)
    wait_idle(shared)
    no_exception(shared)
    expect(shared.locator(".js-plotly-plot")).to_have_count(3)
    shared.close()


def test_keys_alone_reach_and_press_the_start_button(page: Page, app_server: AppServer) -> None:
    visit(page, app_server, "/train")
    button = widget(page, "start").get_by_role("button")
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("node => node === document.activeElement"):
            break
    expect(button).to_be_focused()


PAGES = ("/", "/train", "/compare")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_barriers_of_its_own_or_scrolls_sideways(
    page: Page, app_server: AppServer, axe_baseline: Violations, path: str
) -> None:
    for size, theme in LOOKS:
        page.set_viewport_size(size)
        visit(page, app_server, path)
        set_theme(page, theme)
        assert not axe_violations(page, axe_baseline), (size, theme)
        assert overflow_px(page) == 0, (size, theme)


@pytest.mark.parametrize("path", ["/train?experiment=gone", "/compare?experiments=gone"])
def test_a_link_that_names_nothing_is_one_sentence(
    page: Page, app_server: AppServer, path: str
) -> None:
    visit(page, app_server, path)
    expect(page.get_by_text('There is no experiment "gone"')).to_be_visible()


def test_a_link_sets_the_form_and_the_form_sets_the_link(page: Page, app_server: AppServer) -> None:
    visit(page, app_server, "/train?teacher=lenet-5&T=3.7&lambda=0.35&data=nonsense")
    expect(widget(page, "T")).to_contain_text("3.7")
    expect(widget(page, "lambda")).to_contain_text("0.35")
    expect(page).to_have_url(re.compile(r"data=mnist-5k"))
    widget(page, "T").get_by_role("slider").press("ArrowRight")
    expect(page).to_have_url(re.compile(r"T=4\.0"))


def test_after_a_kill_the_job_is_interrupted_and_can_be_resumed(
    page: Page, context: BrowserContext, console: ConsoleLog, tmp_path: Path
) -> None:
    console.allow(".")  # a server that dies takes its connections along
    home = tmp_path / "home"
    with serve(ROOT / "app.py", home) as first:
        long(page, first, name="cut off")
        shown(page, "cut off")
        expect(page.get_by_test_id("stProgress")).to_contain_text("loss", timeout=BUSY_MS)
        first.kill()
    page.close()
    with serve(ROOT / "app.py", home) as second:
        again = context.new_page()
        visit(again, second, "/train?experiment=cut off")
        expect(again.get_by_text("the process that trained it is gone")).to_be_visible()
        press(again, "job_resume")
        expect(again.get_by_test_id("stProgress")).to_contain_text("epoch", timeout=BUSY_MS)
        press(again, "job_cancel")
        expect(again.get_by_text("Cancelled").first).to_be_visible(timeout=BUSY_MS)


def test_the_student_is_taken_away(page: Page, app_server: AppServer, tmp_path: Path) -> None:
    """From the button to a file that answers: pixels in, a digit out."""
    visit(page, app_server, "/train?experiment=demo")
    page.get_by_role("button", name="Take the student away").click()
    download = page.get_by_role("button", name=re.compile(r"Download \("))
    expect(download).to_be_visible(timeout=BUSY_MS)
    with page.expect_download() as waited:
        download.click()
    place = tmp_path / waited.value.suggested_filename
    waited.value.save_as(place)
    with zipfile.ZipFile(place) as file:
        net = onnxruntime.InferenceSession(file.read(f"{place.stem}/net.onnx"))
    pixels_N = mnist_digits()[0][:8]
    (z_NC,) = net.run(["logits"], {"images": pixels_N})
    assert (z_NC.argmax(axis=1) == mnist_digits()[1][:8]).mean() > 0.8
    no_exception(page)
