"""Journeys through the app in Chromium, from a fresh server on: train, watch, compare, export."""

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
    SIZES_AND_THEMES,
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


def start_short_run(page: Page, server: AppServer, name: str) -> None:
    """Start a short run of the quick recipe on the page Train."""
    fill_in_name(page, server, name)
    for stage in ("teacher", "baseline", "distilled"):
        fill_in_epochs(page, stage, 2)
    start(page)


def start_long_run(page: Page, server: AppServer, name: str) -> None:
    """Start a run whose teacher trains longer than any test."""
    fill_in_name(page, server, name)
    fill_in_epochs(page, "teacher", 400)
    start(page)


def fill_in_name(page: Page, server: AppServer, name: str) -> None:
    visit(page, server, "/train")
    page.get_by_text("Name, seeds, schedule and precision").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Name", exact=True).press("Tab")
    wait_idle(page)


def fill_in_epochs(page: Page, stage: str, count: int) -> None:
    page.get_by_role("tab", name=stage.capitalize()).click()
    field = widget(page, f"{stage}_train-epochs").get_by_role("spinbutton")
    field.fill(str(count))
    field.press("Tab")
    wait_idle(page)


def start(page: Page) -> None:
    widget(page, "start").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"experiment="), timeout=BUSY_MS)


def press(page: Page, key: str) -> None:
    """Press a button of the job as soon as it is there."""
    button = widget(page, key).get_by_role("button")
    expect(button).to_be_visible(timeout=BUSY_MS)
    button.click()


def cancel_job(page: Page) -> None:
    press(page, "job_cancel")
    expect(page.get_by_text("Cancelled").first).to_be_visible(timeout=BUSY_MS)


def expect_experiment(page: Page, name: str) -> None:
    """Wait until the page shows this experiment only."""
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=BUSY_MS)
    wait_idle(page)


# The first test of this file: no other has visited the server.
def test_first_visit_to_a_fresh_server_can_be_a_deep_link(
    page: Page, app_server: AppServer
) -> None:
    visit(page, app_server, "/train")
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stTopNavLink").first).to_be_visible()
    expect(widget(page, "start").get_by_role("button")).to_be_enabled()


def test_home_leads_to_training_and_training_to_the_gap(page: Page, app_server: AppServer) -> None:
    visit(page, app_server)
    page.get_by_role("button", name="Train your own").click()
    wait_idle(page)
    start_short_run(page, app_server, "first")
    expect_experiment(page, "first")
    tested = page.get_by_text("test accuracy, read once")
    expect(tested).to_have_count(3, timeout=TRAINED_MS)
    expect(page.get_by_text("Gap closed (test)")).to_be_visible(timeout=BUSY_MS)
    wait_idle(page)
    no_exception(page)
    widget(page, "compare").get_by_role("button").click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    wait_idle(page)
    no_exception(page)


def test_two_tabs_reload_pause_step_resume_and_cancel_a_job(
    page: Page, context: BrowserContext, app_server: AppServer
) -> None:
    start_long_run(page, app_server, "long")
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
    start_long_run(page, app_server, "steady")
    expect_experiment(page, "steady")
    chart = widget(page, "live_validation_accuracy").locator("canvas").first
    expect(chart).to_be_visible(timeout=BUSY_MS)
    chart.evaluate("node => { node.dataset.kept = 'yes' }")
    progress = page.get_by_test_id("stProgress")
    for _ in range(3):
        expect(progress).not_to_have_text(progress.inner_text(), timeout=BUSY_MS)
    assert chart.get_attribute("data-kept") == "yes", "the chart was mounted again"
    cancel_job(page)


def test_job_of_a_killed_server_can_be_resumed(
    page: Page, context: BrowserContext, console: ConsoleLog, tmp_path: Path
) -> None:
    console.allow(".")  # the end of the server breaks the page's connections
    home = tmp_path / "home"
    with serve(ROOT / "app.py", home) as first:
        start_long_run(page, first, "cut off")
        expect_experiment(page, "cut off")
        expect(page.get_by_test_id("stProgress")).to_contain_text("loss", timeout=BUSY_MS)
        first.kill()
    page.close()
    with serve(ROOT / "app.py", home) as second:
        again = context.new_page()
        visit(again, second, "/train?experiment=cut off")
        expect(again.get_by_text("the process that trained it has ended")).to_be_visible()
        press(again, "job_resume")
        expect(again.get_by_test_id("stProgress")).to_contain_text("epoch", timeout=BUSY_MS)
        cancel_job(again)


# -- without training ---------------------------------------------------------------------------


def test_link_to_a_comparison_shows_the_same(
    page: Page, context: BrowserContext, shared_server: AppServer
) -> None:
    visit(page, shared_server, "/compare")
    expect(page.get_by_text("The demo pair").first).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    page.get_by_role("radio", name="validation").click()
    wait_idle(page)
    other = context.new_page()
    other.goto(page.url)
    wait_idle(other)
    no_exception(other)
    expect(other.locator(".js-plotly-plot")).to_have_count(3)
    other.close()


def test_tab_key_reaches_the_button_that_starts_training(
    page: Page, shared_server: AppServer
) -> None:
    visit(page, shared_server, "/train")
    button = widget(page, "start").get_by_role("button")
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("node => node === document.activeElement"):
            break
    expect(button).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/train", "/compare"])
def test_pages_are_accessible_in_both_sizes_and_themes(
    page: Page, shared_server: AppServer, axe_baseline: Violations, path: str
) -> None:
    visit(page, shared_server, path)
    for size, theme in SIZES_AND_THEMES:
        page.set_viewport_size(size)
        set_theme(page, theme)
        assert not axe_violations(page, axe_baseline), (size, theme)
        assert overflow_px(page) == 0, (size, theme)


@pytest.mark.parametrize("path", ["/train?experiment=gone", "/compare?experiments=gone"])
def test_link_to_a_missing_experiment_is_one_sentence(
    page: Page, shared_server: AppServer, path: str
) -> None:
    visit(page, shared_server, path)
    expect(page.get_by_text('There is no experiment "gone"')).to_be_visible()


def test_link_sets_the_form_and_the_form_sets_the_link(
    page: Page, shared_server: AppServer
) -> None:
    visit(page, shared_server, "/train?teacher=lenet-5&T=3.7&lambda=0.35&data=nonsense")
    expect(widget(page, "T")).to_contain_text("3.7")
    expect(widget(page, "lambda")).to_contain_text("0.35")
    expect(page).to_have_url(re.compile(r"data=mnist-5k"))
    widget(page, "T").get_by_role("slider").press("ArrowRight")
    expect(page).to_have_url(re.compile(r"T=4\.0"))


def test_exported_student_classifies_digits(
    page: Page, shared_server: AppServer, tmp_path: Path
) -> None:
    visit(page, shared_server, "/train?experiment=demo")
    page.get_by_role("button", name="Export the student").click()
    download = page.get_by_role("button", name=re.compile(r"Download \("))
    expect(download).to_be_visible(timeout=BUSY_MS)
    with page.expect_download() as saved:
        download.click()
    path = tmp_path / saved.value.suggested_filename
    saved.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        net = onnxruntime.InferenceSession(archive.read(f"{path.stem}/net.onnx"))
    images, labels = mnist_digits()
    (z_NC,) = net.run(["logits"], {"images": images[:8]})
    assert (z_NC.argmax(axis=1) == labels[:8]).mean() > 0.8
    no_exception(page)
