"""The temperature lens: colours, accessibility and overflow in both sizes and themes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.harness import (
    SIZES_AND_THEMES,
    Theme,
    count_animated,
    overflow_px,
    set_theme,
)
from tests.browser.lens_actions import cell, open_lens
from tests.browser.server import AppServer
from tsexplorer.plots.style import DARK, LIGHT, Palette
from tsexplorer.specs import ROLES


def test_bars_have_the_colours_of_their_roles(
    page: Page, toy_server: AppServer, subtests: pytest.Subtests
) -> None:
    lens = open_lens(page, toy_server)
    palettes: dict[Theme, Palette] = {"light": LIGHT, "dark": DARK}
    for theme, palette in palettes.items():
        set_theme(page, theme)
        for role in ROLES:
            with subtests.test(theme=theme, role=role):
                bar = cell(lens, role, 2).locator(".bar")
                colour = bar.evaluate("node => getComputedStyle(node).backgroundColor")
                assert colour == _rgb(palette[role])


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[start : start + 2], 16)) for start in (1, 3, 5))})"


@pytest.mark.parametrize("data", ["digits", "letters", "other"])
def test_the_lens_is_accessible_in_both_sizes_and_themes(
    page: Page,
    toy_server: AppServer,
    axe_baseline: Violations,
    subtests: pytest.Subtests,
    data: str,
) -> None:
    lens = open_lens(page, toy_server, f"data={data}")
    assert count_animated(lens) == 0
    for size, theme in SIZES_AND_THEMES:
        page.set_viewport_size(size)
        set_theme(page, theme)
        for axis in ("Linear", "Log"):
            lens.get_by_text(axis, exact=True).click()
            with subtests.test(size=size, theme=theme, axis=axis):
                assert axe_violations(page, axe_baseline) == {}
        with subtests.test("overflow", size=size, theme=theme):
            assert overflow_px(page) == 0
            assert _cut_off_texts(lens) == []


def _cut_off_texts(lens: Locator) -> list[str]:
    """Texts wider than their boxes, except names, which end in an ellipsis."""
    texts: list[str] = lens.locator("span, button, label, figcaption, output").evaluate_all(
        """nodes => nodes
            .filter(node => node.offsetParent && !node.closest(".hidden, .name"))
            .filter(node => node.scrollWidth > node.clientWidth + 1 && node.clientWidth)
            .map(node => node.textContent)"""
    )
    return texts
