"""What a person does with a page, and what they see: the words the browser tests are written in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.server import AppServer

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SHOTS = Path(__file__).parent / "shots"
PATIENCE_MS = 30_000

# A click is on its way to the server for so long before the page says that it runs. Streamlit's
# own browser tests wait 155 ms.
SETTLING_MS = 155
TALLEST_PX = 12_000

Theme = Literal["light", "dark"]
LOOKS: tuple[tuple[ViewportSize, Theme], ...] = ((WIDE, "light"), (PHONE, "dark"))
"""Both sizes and both themes: contrast is a matter of the theme alone, room of the size alone."""


def visit(page: Page, server: AppServer, path: str = "/") -> None:
    """Open a page of the app and wait until it stands, without an exception."""
    page.goto(f"{server.url}{path}")
    wait_idle(page)
    no_exception(page)


def wait_idle(page: Page, timeout_ms: float = PATIENCE_MS) -> None:
    """Wait until the script has run and nothing shown is left over from an earlier run."""
    app = page.locator("[data-testid=stApp]")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=timeout_ms)
    page.wait_for_timeout(SETTLING_MS)
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
    """Let the system prefer light or dark, as a person's own settings do."""
    page.emulate_media(color_scheme=theme)
    wait_idle(page)


def overflow_px(page: Page) -> int:
    """How far the page can be scrolled sideways; anything but 0 is a nuisance on a phone."""
    return int(
        page.locator("[data-testid=stMain]").evaluate("node => node.scrollWidth - node.clientWidth")
    )


def shoot(page: Page, name: str, folder: Path = SHOTS) -> Path:
    """Take a picture of the page from top to bottom, not only of what fits the window.

    Streamlit scrolls inside the page, which the browser's own full-page picture does not see:
    the window is made as tall as the content for a moment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.png"
    size = page.viewport_size or WIDE
    content = int(page.locator("[data-testid=stMain]").evaluate("node => node.scrollHeight"))
    height = min(max(size["height"], content), TALLEST_PX)
    page.set_viewport_size({"width": size["width"], "height": height})
    try:
        page.mouse.move(0, 0)
        wait_idle(page)
        page.screenshot(path=target, animations="disabled")
    finally:
        page.set_viewport_size(size)
    return target
