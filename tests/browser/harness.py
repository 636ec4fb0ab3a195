"""Actions on a page of the app, and what it shows: the helpers of all browser tests."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.server import AppServer

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SHOTS = Path(__file__).parent / "shots"
PATIENCE_MS = 30_000

# Time from a click until the page says that the script runs, as in Streamlit's own browser tests.
START_OF_RUN_MS = 155
MAX_SCREENSHOT_PX = 12_000

Theme = Literal["light", "dark"]
SIZES_AND_THEMES: tuple[tuple[ViewportSize, Theme], ...] = ((WIDE, "light"), (PHONE, "dark"))
"""Both sizes and both themes; contrast depends on the theme only, overflow on the size only."""


def visit(page: Page, server: AppServer, path: str = "/") -> None:
    """Open a page of the app and wait until it is drawn, without an exception."""
    page.goto(f"{server.url}{path}")
    wait_idle(page)
    no_exception(page)


def wait_idle(page: Page, timeout_ms: float = PATIENCE_MS) -> None:
    """Wait until the script has run and the page shows nothing of an earlier run."""
    app = page.locator("[data-testid=stApp]")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=timeout_ms)
    page.wait_for_timeout(START_OF_RUN_MS)
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=timeout_ms)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0, timeout=timeout_ms)
    expect(page.locator("[data-stale=true]")).to_have_count(0, timeout=timeout_ms)


def widget(page: Page, key: str) -> Locator:
    """The element that the page gave this key."""
    return page.locator(f".st-key-{key}")


def exceptions(page: Page) -> list[str]:
    """Texts of the exceptions that the page shows."""
    return page.locator("[data-testid=stException]").all_inner_texts()


def no_exception(page: Page) -> None:
    """Fail if the page shows an exception."""
    shown = exceptions(page)
    assert not shown, f"{page.url} shows an exception: {shown}"


def set_theme(page: Page, theme: Theme) -> None:
    """Make the system prefer light or dark, as a person's settings do."""
    page.emulate_media(color_scheme=theme)
    wait_idle(page)


def overflow_px(page: Page) -> int:
    """How far the page can be scrolled sideways; it should be 0."""
    return int(
        page.locator("[data-testid=stMain]").evaluate("node => node.scrollWidth - node.clientWidth")
    )


def count_animated(element: Locator) -> int:
    """How many elements inside have an animation or a transition."""
    return int(
        element.locator("*").evaluate_all(
            """nodes => nodes.filter(node => {
                const style = getComputedStyle(node);
                const still = /^0s(, 0s)*$/.test(style.transitionDuration);
                return style.animationName !== "none" || !still;
            }).length"""
        )
    )


def shoot(page: Page, name: str, folder: Path = SHOTS) -> Path:
    """Take a screenshot of the page from top to bottom.

    Streamlit scrolls inside the page, which the browser's own full-page screenshot ignores, so
    the window is made as tall as the content for a moment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.png"
    size = page.viewport_size or WIDE
    content = int(page.locator("[data-testid=stMain]").evaluate("node => node.scrollHeight"))
    height = min(max(size["height"], content), MAX_SCREENSHOT_PX)
    page.set_viewport_size({"width": size["width"], "height": height})
    try:
        page.mouse.move(0, 0)
        wait_idle(page)
        page.screenshot(path=target, animations="disabled")
    finally:
        page.set_viewport_size(size)
    return target
