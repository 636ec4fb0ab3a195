"""The T × λ map: set a grid, train it, open a cell, make it an experiment, pause and cancel."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.harness import (
    SIZES_AND_THEMES,
    no_exception,
    overflow_px,
    set_theme,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer

BUSY_MS = 120_000
SMALL = "/sweep?teacher=mlp-64&student=hinton-narrow"


def sweep_id(page: Page) -> str:
    """The sweep in the URL, or an empty text."""
    return parse_qs(urlsplit(page.url).query).get("sweep", [""])[0]


def cells(page: Page) -> Locator:
    return page.get_by_role("grid").get_by_role("gridcell")


def fill_in_values(page: Page, key: str, text: str) -> None:
    field = widget(page, key).get_by_role("textbox")
    field.fill(text)
    field.press("Enter")
    wait_idle(page)


def fill_in_number(page: Page, key: str, value: int) -> None:
    field = widget(page, key).get_by_role("spinbutton")
    field.fill(str(value))
    field.press("Tab")
    wait_idle(page)


def start_small_sweep(page: Page, server: AppServer, *, epochs: int) -> None:
    """Start a grid of four cells and two seeds, and wait for its map."""
    visit(page, server, SMALL)
    earlier = sweep_id(page)
    fill_in_values(page, "sweep-temperatures", "2, 7.5")
    fill_in_values(page, "sweep-lambdas", "0, 1")
    fill_in_number(page, "sweep-seeds", 2)
    page.get_by_text("Learning rates, schedule, cluster and name").click()
    fill_in_number(page, "distilled_train-epochs", epochs)
    page.get_by_role("tab", name="Teacher").click()
    fill_in_number(page, "teacher_train-epochs", 1)
    expect(page.get_by_text("4 cells, 2 seeds")).to_be_visible()
    widget(page, "sweep_start").get_by_role("button").click()
    expect(page).not_to_have_url(re.compile(rf"sweep={earlier}(&|$)"), timeout=BUSY_MS)
    expect(page).to_have_url(re.compile(r"sweep=."), timeout=BUSY_MS)
    expect(widget(page, f"map_{sweep_id(page)}")).to_be_visible(timeout=BUSY_MS)


def expect_finished(page: Page) -> None:
    heading = page.get_by_role("heading", name="The cell chosen on validation")
    expect(heading).to_be_visible(timeout=BUSY_MS)
    wait_idle(page)


@pytest.fixture(scope="module")
def trained_paths(app_server: AppServer) -> list[str]:
    """Paths of the sweeps that the tests of this file have trained."""
    return []


def test_a_map_fills_in_place_and_a_cell_becomes_an_experiment(
    page: Page, app_server: AppServer, trained_paths: list[str]
) -> None:
    start_small_sweep(page, app_server, epochs=12)
    expect(cells(page)).to_have_count(4, timeout=BUSY_MS)
    first = cells(page).first
    first.evaluate("node => (node.dataset.kept = 'yes')")
    expect(widget(page, "job_pause")).to_be_visible()
    first_text = first.inner_text()
    expect(first).not_to_have_text(first_text, timeout=BUSY_MS)
    expect_finished(page)
    expect(first).to_have_attribute("data-kept", "yes")  # the same element with a new text
    expect(page.locator(".stPlotlyChart")).to_have_count(2)

    trained_paths.append(page.url.removeprefix(app_server.url))
    page.reload()
    expect_finished(page)
    rows = page.get_by_role("grid").get_by_role("row")
    expect(rows.nth(1).get_by_role("rowheader")).to_have_text("0")
    expect(rows.nth(2).get_by_role("rowheader")).to_have_text("1 = labels")
    expect(rows.nth(0).get_by_role("columnheader").nth(2)).to_have_text("7.5")

    cells(page).nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    box = widget(page, "cell")
    expect(box.get_by_role("heading")).to_have_text("T = 7.5, λ = 0")
    expect(cells(page).nth(1)).to_have_attribute("aria-selected", "true")
    expect(box).to_contain_text("t over 2 seeds")
    widget(page, "adopt").get_by_role("button").click()
    expect(box).to_contain_text("It is the experiment", timeout=BUSY_MS)
    widget(page, "to_compare").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"/compare\?experiments="))
    wait_idle(page)
    no_exception(page)
    expect(page.get_by_test_id("stMultiSelect")).to_contain_text("T 7.5, λ 0")


def test_the_map_is_saved_as_numbers_and_a_picture(
    page: Page, app_server: AppServer, trained_paths: list[str]
) -> None:
    visit(page, app_server, trained_paths[0])
    expect_finished(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Numbers (CSV)").click()
    text = Path(saved.value.path()).read_text()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [(float(row["T"]), float(row["λ"])) for row in table] == [
        *((2.0, 0.0), (7.5, 0.0)),
        *((2.0, 1.0), (7.5, 1.0)),
    ]
    numbers = page.locator(".cell .number").all()
    shown = [number.inner_text().strip("★ ") for number in numbers]
    assert shown == [f"{float(row['Accuracy (%)']):.2f}" for row in table]
    with page.expect_download() as saved:
        page.locator(".matrices").get_by_role("button", name="SVG").click()
    picture = Path(saved.value.path()).read_text()
    assert all(text in picture for text in (*shown, "7.5", "1 = labels", "λ ↓  T →"))
    assert saved.value.suggested_filename == "map-accuracy.svg"


def test_maps_are_accessible_in_both_sizes_and_themes(
    page: Page, app_server: AppServer, trained_paths: list[str], axe_baseline: Violations
) -> None:
    for path in ("/sweep?finding=quick", trained_paths[0]):
        visit(page, app_server, path)
        expect_finished(page)
        cells(page).nth(3).click()
        expect(widget(page, "cell")).to_be_visible()
        for size, theme in SIZES_AND_THEMES:
            page.set_viewport_size(size)
            set_theme(page, theme)
            assert not axe_violations(page, axe_baseline), (path, size, theme)
            assert overflow_px(page) == 0, (path, size, theme)


def test_a_sweep_can_be_paused_resumed_and_cancelled(page: Page, app_server: AppServer) -> None:
    start_small_sweep(page, app_server, epochs=400)
    expect(cells(page)).to_have_count(4, timeout=BUSY_MS)
    widget(page, "job_pause").get_by_role("button").click()
    progress = page.get_by_test_id("stProgress")
    expect(progress).to_contain_text("Paused", timeout=BUSY_MS)
    link = page.url
    page.goto("about:blank")  # ends the session, as closing the tab does
    page.goto(link)
    expect(progress).to_contain_text("Paused", timeout=BUSY_MS)
    widget(page, "job_resume").get_by_role("button").click()
    expect(progress).not_to_contain_text("Paused", timeout=BUSY_MS)
    widget(page, "job_cancel").get_by_role("button").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible(timeout=BUSY_MS)
    wait_idle(page)
    expect(cells(page)).to_have_count(4)  # the results so far
    expect(widget(page, "job_resume")).to_be_visible()
