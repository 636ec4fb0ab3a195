"""The T × λ map: set a grid, watch it fill, look into a cell, make it an experiment."""

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
    LOOKS,
    no_exception,
    overflow_px,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer

BUSY_MS = 120_000
SMALL = "/sweep?teacher=mlp-64&student=hinton-narrow"


def asked(page: Page) -> str:
    """The sweep that the URL names; empty where it names none."""
    return parse_qs(urlsplit(page.url).query).get("sweep", [""])[0]


def cells(page: Page) -> Locator:
    return page.get_by_role("grid").get_by_role("gridcell")


def values(page: Page, key: str, text: str) -> None:
    """Fill in the values of an axis."""
    field = widget(page, key).get_by_role("textbox")
    field.fill(text)
    field.press("Enter")
    wait_idle(page)


def number(page: Page, key: str, value: int) -> None:
    field = widget(page, key).get_by_role("spinbutton")
    field.fill(str(value))
    field.press("Tab")
    wait_idle(page)


def train(page: Page, server: AppServer, *, epochs: int) -> None:
    """Set a small grid, start it, and wait for its map."""
    visit(page, server, SMALL)
    shown = asked(page)
    values(page, "sweep-temperatures", "2, 7.5")
    values(page, "sweep-lambdas", "0, 1")
    number(page, "sweep-seeds", 2)
    page.get_by_text("Learning rates, schedule, cluster and name").click()
    number(page, "distilled_train-epochs", epochs)
    page.get_by_role("tab", name="Teacher").click()
    number(page, "teacher_train-epochs", 1)
    expect(page.get_by_text("4 cells, 2 seeds")).to_be_visible()
    widget(page, "sweep_start").get_by_role("button").click()
    expect(page).not_to_have_url(re.compile(rf"sweep={shown}(&|$)"), timeout=BUSY_MS)
    expect(page).to_have_url(re.compile(r"sweep=."), timeout=BUSY_MS)
    expect(widget(page, f"map_{asked(page)}")).to_be_visible(timeout=BUSY_MS)


def finished(page: Page) -> None:
    heading = page.get_by_role("heading", name="The cell chosen on validation")
    expect(heading).to_be_visible(timeout=BUSY_MS)
    wait_idle(page)


@pytest.fixture(scope="module")
def swept(app_server: AppServer) -> list[str]:
    """Addresses of sweeps that this module's tests have trained."""
    return []


def test_a_map_fills_in_place_and_a_cell_becomes_an_experiment(
    page: Page, app_server: AppServer, swept: list[str]
) -> None:
    train(page, app_server, epochs=12)
    expect(cells(page)).to_have_count(4, timeout=BUSY_MS)
    first = cells(page).first
    first.evaluate("node => (node.dataset.kept = 'yes')")
    expect(widget(page, "job_pause")).to_be_visible()
    begun = first.inner_text()
    expect(first).not_to_have_text(begun, timeout=BUSY_MS)
    finished(page)
    expect(first).to_have_attribute("data-kept", "yes")  # filled anew, not drawn anew
    expect(page.locator(".stPlotlyChart")).to_have_count(2)

    swept.append(page.url.removeprefix(app_server.url))
    page.reload()
    finished(page)
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


def test_the_numbers_and_the_picture_are_those_of_the_map(
    page: Page, app_server: AppServer, swept: list[str]
) -> None:
    visit(page, app_server, swept[0])
    finished(page)
    with page.expect_download() as waited:
        page.get_by_role("button", name="Numbers (CSV)").click()
    text = Path(waited.value.path()).read_text()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [(float(one["T"]), float(one["λ"])) for one in table] == [
        *((2.0, 0.0), (7.5, 0.0)),
        *((2.0, 1.0), (7.5, 1.0)),
    ]
    shown = [one.inner_text().strip("★ ") for one in page.locator(".cell .number").all()]
    assert shown == [f"{float(one['Accuracy (%)']):.2f}" for one in table]
    with page.expect_download() as waited:
        page.locator(".matrices").get_by_role("button", name="SVG").click()
    picture = Path(waited.value.path()).read_text()
    assert all(text in picture for text in (*shown, "7.5", "1 = labels", "λ ↓  T →"))
    assert waited.value.suggested_filename == "map-accuracy.svg"


def test_no_barriers_and_no_scrolling_sideways(
    page: Page, app_server: AppServer, swept: list[str], axe_baseline: Violations
) -> None:
    for path in ("/sweep?finding=quick", swept[0]):
        for size, theme in LOOKS:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=theme)
            visit(page, app_server, path)
            finished(page)
            cells(page).nth(3).click()
            expect(widget(page, "cell")).to_be_visible()
            assert not axe_violations(page, axe_baseline), (path, size, theme)
            assert overflow_px(page) == 0, (path, size, theme)


def test_a_sweep_is_paused_and_cancelled_and_what_is_known_stays(
    page: Page, app_server: AppServer
) -> None:
    train(page, app_server, epochs=400)
    expect(cells(page)).to_have_count(4, timeout=BUSY_MS)
    widget(page, "job_pause").get_by_role("button").click()
    progress = page.get_by_test_id("stProgress")
    expect(progress).to_contain_text("Paused", timeout=BUSY_MS)
    link = page.url
    page.goto("about:blank")  # as a closed tab does, this ends the visit
    page.goto(link)
    expect(progress).to_contain_text("Paused", timeout=BUSY_MS)
    widget(page, "job_resume").get_by_role("button").click()  # goes on
    expect(progress).not_to_contain_text("Paused", timeout=BUSY_MS)
    widget(page, "job_cancel").get_by_role("button").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible(timeout=BUSY_MS)
    wait_idle(page)
    expect(cells(page)).to_have_count(4)
    expect(widget(page, "job_resume")).to_be_visible()
