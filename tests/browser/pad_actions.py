"""What a person does with the draw pad of the toy app, and what the pad and the script show."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.harness import PATIENCE_MS, visit, wait_idle, widget
from tests.browser.server import AppServer
from tsexplorer.ui.pad import SIDE

Point = tuple[float, float]
"""In the pad's own units, or on the page in pixels."""
SEVEN: list[Point] = [(60, 60), (220, 60), (130, 240)]
CROSSBAR: list[Point] = [(90, 160), (200, 160)]


def open_pad(page: Page, server: AppServer, query: str = "") -> Locator:
    """Open the page and return its pad."""
    visit(page, server, f"/pad?{query}")
    pad = widget(page, "pad").locator(".pad")
    expect(pad).to_be_visible()
    return pad


def paper(pad: Locator) -> Locator:
    """The canvas."""
    return pad.get_by_role("application", name="Paper")


def button(pad: Locator, name: str) -> Locator:
    """Undo or Clear."""
    return pad.get_by_role("button", name=name, exact=True)


def announcement(pad: Locator) -> Locator:
    """The text for screen readers."""
    return pad.locator("[aria-live=polite]")


def page_position(pad: Locator, point: Point) -> Point:
    """The position on the page of a point on the pad."""
    box = paper(pad).bounding_box()
    assert box is not None
    return (
        box["x"] + point[0] * box["width"] / SIDE,
        box["y"] + point[1] * box["height"] / SIDE,
    )


def press(page: Page, pad: Locator, points: Sequence[Point], steps: int = 20) -> None:
    """Draw through the points with the mouse, and leave the button down."""
    page.mouse.move(*page_position(pad, points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*page_position(pad, point), steps=steps)


def draw(page: Page, pad: Locator, points: Sequence[Point], steps: int = 20) -> None:
    """Draw a stroke through the points with the mouse."""
    press(page, pad, points, steps)
    page.mouse.up()


def press_keys(page: Page, key: str, times: int) -> None:
    """Press a key several times."""
    for _ in range(times):
        page.keyboard.press(key)


def expect_strokes(page: Page, *widths: int) -> None:
    """Wait until the script has strokes of these widths, and no others."""
    text = f"{len(widths)} strokes, widths {' '.join(map(str, widths)) or 'none'}"
    expect(page.get_by_text("strokes, widths")).to_have_text(text, timeout=PATIENCE_MS)
    wait_idle(page)


def shown_number(page: Page, name: str) -> int:
    """The script's number of runs (``run``) or points (``points``)."""
    return int(page.get_by_text(f"{name} ").inner_text().split()[1])


def picture(page: Page) -> NDArray[np.bool_]:
    """Whether the script's picture has ink, 28×28."""
    rows = widget(page, "picture").locator("code").inner_text().split()
    return np.array([[mark == "#" for mark in row] for row in rows])


def canvas_pixels(pad: Locator) -> NDArray[np.uint8]:
    """The canvas in its own pixels, H×W×4: red, green, blue, opacity."""
    pad.evaluate("() => new Promise(requestAnimationFrame)")
    url = paper(pad).evaluate("canvas => canvas.toDataURL()")
    png = Image.open(BytesIO(b64decode(url.partition(",")[2])))
    return np.asarray(png.convert("RGBA"))


def opacity(pad: Locator) -> NDArray[np.uint8]:
    """The opacity of the canvas, H×W."""
    return canvas_pixels(pad)[..., 3]


def has_ink(pad: Locator, point: Point) -> bool:
    """Whether the canvas has ink at a point of the pad."""
    pixels = opacity(pad)
    x, y = (int(coordinate * len(pixels) / SIDE) for coordinate in point)
    return bool(pixels[y, x] > 128)
