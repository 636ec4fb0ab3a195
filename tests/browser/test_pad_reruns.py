"""The draw pad across runs of the script and page changes; its themes and accessibility."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.harness import (
    SIZES_AND_THEMES,
    Theme,
    count_animated,
    overflow_px,
    set_theme,
    wait_idle,
    widget,
)
from tests.browser.pad_actions import (
    CROSSBAR,
    SEVEN,
    announcement,
    button,
    canvas_pixels,
    draw,
    expect_strokes,
    has_ink,
    opacity,
    open_pad,
    page_position,
    paper,
    picture,
    press,
    shown_number,
)
from tests.browser.server import AppServer
from tsexplorer.ui.pad import DEFAULT_BRUSH


def test_a_run_does_not_change_the_drawing(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    draw(page, pad, SEVEN)
    expect_strokes(page, DEFAULT_BRUSH)
    before = opacity(pad)
    node = pad.evaluate_handle("node => node")
    run = shown_number(page, "run")
    widget(page, "again").get_by_role("button").click()
    expect(page.get_by_text("run ")).to_have_text(f"run {run + 1}")
    expect_strokes(page, DEFAULT_BRUSH)
    assert pad.evaluate("(node, before) => node === before && before.isConnected", node)
    assert (opacity(pad) == before).all()


def test_runs_during_a_stroke_do_not_interrupt_it(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server, "ticking")
    draw(page, pad, [(40, 240), (240, 240)])
    press(page, pad, SEVEN[:2])
    for _ in range(3):
        run = page.get_by_text("run ").inner_text()
        expect(page.get_by_text("run ")).not_to_have_text(run)
    assert has_ink(pad, (140, 60))
    assert has_ink(pad, (140, 240))
    page.mouse.move(*page_position(pad, SEVEN[2]), steps=10)
    page.mouse.up()
    expect(page.get_by_text("strokes, widths")).to_have_text("2 strokes, widths 18 18")
    assert picture(page)[6, 6:22].all()
    widget(page, "stop").get_by_role("button").click()


def test_a_drawing_is_kept_while_another_page_is_shown(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    draw(page, pad, SEVEN)
    draw(page, pad, CROSSBAR)
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    before = opacity(pad)
    _go_to(page, "Blank")
    expect(pad).to_have_count(0)
    _go_to(page, "Digit")
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    assert (opacity(pad) == before).all()
    expect(announcement(pad)).to_have_text("2 strokes")
    button(pad, "Undo").click()
    expect_strokes(page, DEFAULT_BRUSH)
    draw(page, pad, CROSSBAR)
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)


def test_a_stroke_just_before_a_page_change_is_kept(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server, "slow")  # the run with the stroke ends before the pad
    draw(page, pad, SEVEN)
    page.get_by_role("link", name="Blank").click(no_wait_after=True)
    expect(page.get_by_role("heading", name="Blank")).to_be_visible()
    wait_idle(page)
    _go_to(page, "Digit")
    expect_strokes(page, DEFAULT_BRUSH)
    assert has_ink(pad, (140, 60))


def _go_to(page: Page, title: str) -> None:
    page.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    wait_idle(page)


@pytest.mark.parametrize(("size", "theme"), SIZES_AND_THEMES, ids=["wide", "phone"])
def test_the_pad_is_accessible_in_both_sizes_and_themes(
    page: Page, toy_server: AppServer, axe_baseline: Violations, size: ViewportSize, theme: Theme
) -> None:
    page.set_viewport_size(size)
    pad = open_pad(page, toy_server)
    set_theme(page, theme)
    assert axe_violations(page, axe_baseline) == {}
    draw(page, pad, SEVEN)
    expect_strokes(page, DEFAULT_BRUSH)
    pad.locator("summary").click()
    paper(pad).focus()
    page.keyboard.press("ArrowLeft")
    assert axe_violations(page, axe_baseline) == {}
    assert overflow_px(page) == 0
    assert count_animated(pad) == 0


def test_ink_has_the_text_colour_of_the_theme(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    draw(page, pad, SEVEN)
    expect_strokes(page, DEFAULT_BRUSH)
    expected: dict[Theme, list[int]] = {"light": [14, 22, 27], "dark": [230, 236, 238]}
    for theme, colour in expected.items():
        set_theme(page, theme)
        assert canvas_pixels(pad)[68, 160].tolist() == [*colour, 255]
