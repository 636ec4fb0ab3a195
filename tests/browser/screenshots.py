"""Take the README's pictures: ``make screenshots``.

Trains ``quick`` in a new home, so that the pictures show the app of a new user.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium
from tests.browser.harness import PHONE, WIDE, shoot, visit, wait_idle, widget
from tests.browser.server import ROOT, AppServer, serve

PICTURES = ROOT / "assets" / "screenshots"
TRAINED_MS = 240_000


def open_page(browser: Browser, server: AppServer, path: str, *, phone: bool = False) -> Page:
    """Open a page in a new window."""
    page = browser.new_page(viewport=PHONE if phone else WIDE, reduced_motion="reduce")
    visit(page, server, path)
    return page


def wait_for_charts(page: Page) -> None:
    """Wait until charts have drawn their last frame."""
    wait_idle(page)
    page.wait_for_timeout(1500)


def home(browser: Browser, server: AppServer) -> None:
    """The first page of a new user."""
    page = open_page(browser, server, "/")
    wait_for_charts(page)
    shoot(page, "home", PICTURES)


def train(browser: Browser, server: AppServer) -> None:
    """A running job, in a wide window and on a phone; waits for its end."""
    page = open_page(browser, server, "/train")
    widget(page, "start").get_by_role("button").click()
    page.get_by_text("validation accuracy so far").first.wait_for(timeout=TRAINED_MS)
    page.get_by_text("distilled (net 3 of 3) · epoch 1").first.wait_for(timeout=TRAINED_MS)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    page.screenshot(path=PICTURES / "train.png", animations="disabled")
    address = page.url.removeprefix(server.url)
    on_phone = open_page(browser, server, address, phone=True)
    on_phone.wait_for_timeout(1500)
    on_phone.screenshot(path=PICTURES / "train-phone.png", animations="disabled")
    widget(page, "job_cancel").wait_for(state="detached", timeout=TRAINED_MS)


def data(browser: Browser, server: AppServer) -> None:
    """Example images before they are kept."""
    page = open_page(browser, server, "/data")
    page.get_by_role("button", name="Try it with example images").click()
    page.get_by_role("button", name="Keep", exact=True).wait_for(timeout=TRAINED_MS)
    wait_for_charts(page)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    page.screenshot(path=PICTURES / "data.png", animations="disabled")
    page.get_by_role("button", name="Discard").click()
    wait_idle(page)


def try_digit(browser: Browser, server: AppServer) -> None:
    """A drawing and its classification."""
    page = open_page(browser, server, "/try_digit")
    box = widget(page, "pad").get_by_role("application", name="Paper").bounding_box()
    assert box is not None
    fractions = [(0.27, 0.3), (0.73, 0.26), (0.5, 0.55), (0.42, 0.85)]
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in fractions]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=10)
    page.mouse.up()
    page.get_by_text("All agree").or_(page.get_by_text("They disagree")).wait_for(
        timeout=TRAINED_MS
    )
    wait_for_charts(page)
    page.screenshot(path=PICTURES / "try-digit.png", animations="disabled")


def soft_targets(browser: Browser, server: AppServer) -> None:
    """One image of the demo in the lens."""
    page = open_page(browser, server, "/soft_targets")
    wait_for_charts(page)
    page.screenshot(path=PICTURES / "soft-targets.png", animations="disabled")


def compare(browser: Browser, server: AppServer) -> None:
    """The trained experiment and the demo."""
    page = open_page(browser, server, "/compare")
    wait_for_charts(page)
    shoot(page, "compare", PICTURES)


def sweep_map(browser: Browser, server: AppServer) -> None:
    """A ready-made map, scrolled past the form."""
    page = open_page(browser, server, "/sweep?finding=mlp-64")
    wait_for_charts(page)
    page.mouse.move(WIDE["width"] * 0.7, WIDE["height"] / 2)
    page.mouse.wheel(0, 780)
    wait_for_charts(page)
    page.screenshot(path=PICTURES / "t-lambda-map.png", animations="disabled")


def never_seen(browser: Browser, server: AppServer) -> None:
    """The shipped student that was trained without 3s, with the bias of the label-free rule."""
    page = open_page(browser, server, "/never_seen")
    widget(page, "never_rule_label-free").get_by_role("button").click()
    wait_for_charts(page)
    page.screenshot(path=PICTURES / "never-seen.png", animations="disabled")


def main() -> None:
    """Take all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(ROOT / "app.py", Path(folder) / "home", env={"TSEXPLORER_THREADS": "1"}) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium.require(), args=list(chromium.FLAGS)
        )
        for take in (home, train, data, try_digit, soft_targets, sweep_map, never_seen, compare):
            take(browser, server)
        browser.close()


if __name__ == "__main__":
    main()
