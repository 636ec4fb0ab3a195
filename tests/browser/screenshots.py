"""The README's pictures, taken anew: ``make screenshots``.

Trains a little of ``quick`` in a home of its own, so the pictures show what a newcomer sees.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium
from tests.browser.harness import PHONE, WIDE, shoot, visit, wait_idle, widget
from tests.browser.server import ROOT, AppServer, serve

FOLDER = ROOT / "assets" / "screenshots"
TRAINED_MS = 240_000


def opened(browser: Browser, server: AppServer, path: str, *, phone: bool = False) -> Page:
    """A page in a window of its own."""
    page = browser.new_page(viewport=PHONE if phone else WIDE, reduced_motion="reduce")
    visit(page, server, path)
    return page


def settle(page: Page) -> None:
    """Let charts draw their last frame."""
    wait_idle(page)
    page.wait_for_timeout(1500)


def home(browser: Browser, server: AppServer) -> None:
    """What a first visit shows."""
    page = opened(browser, server, "/")
    settle(page)
    shoot(page, "home", FOLDER)


def train(browser: Browser, server: AppServer) -> None:
    """A job at work, on a desk and in a pocket; then it ends."""
    page = opened(browser, server, "/train")
    widget(page, "start").get_by_role("button").click()
    page.get_by_text("validation accuracy so far").first.wait_for(timeout=TRAINED_MS)
    page.get_by_text("distilled (net 3 of 3) · epoch 1").first.wait_for(timeout=TRAINED_MS)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    page.screenshot(path=FOLDER / "train.png", animations="disabled")
    address = page.url.removeprefix(server.url)
    pocket = opened(browser, server, address, phone=True)
    pocket.wait_for_timeout(1500)
    pocket.screenshot(path=FOLDER / "train-phone.png", animations="disabled")
    widget(page, "job_cancel").wait_for(state="detached", timeout=TRAINED_MS)


def try_digit(browser: Browser, server: AppServer) -> None:
    """A drawing and its answers."""
    page = opened(browser, server, "/try_digit")
    box = widget(page, "pad").get_by_role("application", name="Paper").bounding_box()
    assert box is not None
    stops = [(0.27, 0.3), (0.73, 0.26), (0.5, 0.55), (0.42, 0.85)]
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stops]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=10)
    page.mouse.up()
    page.get_by_text("All agree").or_(page.get_by_text("They disagree")).wait_for(
        timeout=TRAINED_MS
    )
    settle(page)
    page.screenshot(path=FOLDER / "try-digit.png", animations="disabled")


def soft_targets(browser: Browser, server: AppServer) -> None:
    """One image of the demo's through the lens."""
    page = opened(browser, server, "/soft_targets")
    settle(page)
    page.screenshot(path=FOLDER / "soft-targets.png", animations="disabled")


def compare(browser: Browser, server: AppServer) -> None:
    """The trained experiment beside the demo."""
    page = opened(browser, server, "/compare")
    settle(page)
    shoot(page, "compare", FOLDER)


def sweep_map(browser: Browser, server: AppServer) -> None:
    """A map that ships, below the form and what it says."""
    page = opened(browser, server, "/sweep?finding=mlp-64")
    settle(page)
    page.mouse.move(WIDE["width"] * 0.7, WIDE["height"] / 2)
    page.mouse.wheel(0, 780)
    settle(page)
    page.screenshot(path=FOLDER / "t-lambda-map.png", animations="disabled")


def never_seen(browser: Browser, server: AppServer) -> None:
    """The student that ships without threes, its bias raised by the rule without labels."""
    page = opened(browser, server, "/never_seen")
    widget(page, "never_rule_label-free").get_by_role("button").click()
    settle(page)
    page.screenshot(path=FOLDER / "never-seen.png", animations="disabled")


def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(ROOT / "app.py", Path(folder) / "home", env={"TSEXPLORER_THREADS": "1"}) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium.require(), args=list(chromium.FLAGS)
        )
        for take in (home, train, try_digit, soft_targets, sweep_map, never_seen, compare):
            take(browser, server)
        browser.close()


if __name__ == "__main__":
    main()
