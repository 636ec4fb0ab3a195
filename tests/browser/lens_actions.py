"""What a person does with the lens of the toy app, and what the lens and the script show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from playwright.sync_api import Locator, Page, expect
from torch import Tensor

from tests.browser.harness import PATIENCE_MS, visit, wait_idle, widget
from tests.browser.server import AppServer
from tsexplorer.specs import Role

WAIT_FOR_FRAMES = """
async (_, count) => { for (; count; count--) await new Promise(requestAnimationFrame); }
"""


def open_lens(page: Page, server: AppServer, query: str = "") -> Locator:
    """Open the page and return its lens."""
    visit(page, server, f"/lens?{query}")
    lens = widget(page, "lens").locator(".lens")
    expect(lens).to_be_visible()
    return lens


def slider(lens: Locator) -> Locator:
    """The slider of T."""
    return lens.get_by_role("slider", name="Temperature T")


def wait_for_frames(lens: Locator, count: int = 1) -> None:
    """Wait until the browser has drawn this many frames."""
    lens.evaluate(WAIT_FOR_FRAMES, count)


def temperature(lens: Locator) -> float:
    """The T that is shown, after the next frame."""
    wait_for_frames(lens)
    return float(lens.locator("output").inner_text())


def cells(lens: Locator, role: Role) -> Locator:
    """The bars of a role, one for each class."""
    return lens.locator(f".cell[tabindex][data-role={role}]")


def cell(lens: Locator, role: Role, c: int) -> Locator:
    """The bar of a role and a class."""
    return cells(lens, role).nth(c)


def probabilities(lens: Locator, role: Role) -> Tensor:
    """The browser's probabilities, C, in double precision."""
    shown = cells(lens, role).evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.probability))"
    )
    return torch.tensor(shown, dtype=torch.float64)


def bar_lengths(lens: Locator, role: Role) -> list[float]:
    """The lengths of the bars, as shares of their tracks' width."""
    lengths: list[float] = cells(lens, role).evaluate_all(
        """cells => cells.map(cell => {
            const track = cell.querySelector(".track").getBoundingClientRect();
            const bar = cell.querySelector(".bar").getBoundingClientRect();
            return (bar.right - track.left) / track.width;
        })"""
    )
    return lengths


def expect_run(page: Page, run: int, released: float | None) -> None:
    """Wait until the script has run this many times and got this T from the slider."""
    text = f"run {run}, let go at {released}"
    expect(page.get_by_text("let go at")).to_have_text(text, timeout=PATIENCE_MS)
    wait_idle(page)


def expect_no_further_run(page: Page, run: int, released: float | None) -> None:
    """Wait half a second and check that the script has not run again."""
    page.wait_for_timeout(500)
    expect_run(page, run, released)


@contextmanager
def dragging(page: Page, lens: Locator) -> Iterator[tuple[float, float, float]]:
    """Hold the thumb with the mouse; gives the slider's left end, width and middle height."""
    box = slider(lens).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    share = slider(lens).evaluate("range => range.value / range.max")
    page.mouse.move(box["x"] + 10 + share * (box["width"] - 20), y)
    page.mouse.down()
    try:
        yield box["x"], box["width"], y
    finally:
        page.mouse.up()
