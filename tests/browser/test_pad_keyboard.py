"""The draw pad by keyboard, and the description of its keys for screen readers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pad_actions import (
    SEVEN,
    Point,
    announcement,
    button,
    draw,
    expect_strokes,
    has_ink,
    open_pad,
    page_position,
    paper,
    picture,
    press_keys,
    shown_number,
)
from tests.browser.server import AppServer
from tsexplorer.ui.pad import DEFAULT_BRUSH


def test_arrows_and_space_draw(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    pad.get_by_role("slider").focus()
    page.keyboard.press("Shift+Tab")
    expect(paper(pad)).to_be_focused()
    outline = pad.locator(".sheet").evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline == "solid"
    cursor = pad.locator(".cursor")
    expect(cursor).to_be_visible()
    press_keys(page, "ArrowUp", 8)
    press_keys(page, "ArrowLeft", 8)
    assert _centre(cursor) == pytest.approx(page_position(pad, (60, 60)), abs=0.6)
    before = shown_number(page, "run")
    page.keyboard.press("Space")
    expect(announcement(pad)).to_have_text("Pen down")
    press_keys(page, "ArrowRight", 16)
    assert has_ink(pad, (140, 60))
    page.wait_for_timeout(500)
    assert shown_number(page, "run") == before
    page.keyboard.press("Space")
    expect(announcement(pad)).to_have_text("Pen up, 1 stroke")
    expect_strokes(page, DEFAULT_BRUSH)
    assert picture(page)[6, 6:22].all()
    assert not picture(page)[8:].any()
    # The paper still has the focus after the run.
    page.keyboard.press("Space")
    press_keys(page, "ArrowDown", 100)
    press_keys(page, "Shift+ArrowUp", 5)
    assert _centre(cursor) == pytest.approx(page_position(pad, (220, 270)), abs=0.6)
    page.keyboard.press("Escape")
    expect(announcement(pad)).to_have_text("Pen up, 2 strokes")
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    assert picture(page)[6:, 22].all()
    assert page.locator("[data-testid=stMain]").evaluate("node => node.scrollTop") == 0


def _centre(cursor: Locator) -> Point:
    box = cursor.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_keys_undo_and_clear(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    paper(pad).focus()
    for steps in range(3):
        press_keys(page, "ArrowRight", steps)
        press_keys(page, "Space", 2)
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH, DEFAULT_BRUSH)
    page.keyboard.press("Backspace")
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    page.keyboard.press("Delete")
    expect_strokes(page)
    expect(announcement(pad)).to_have_text("No strokes")
    page.keyboard.press("Control+z")
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    # An unfinished stroke is removed first; it was never sent.
    before = shown_number(page, "run")
    page.keyboard.press("Space")
    press_keys(page, "ArrowDown", 5)
    page.keyboard.press("Backspace")
    expect(announcement(pad)).to_have_text("2 strokes")
    assert not has_ink(pad, (160, 180))
    page.wait_for_timeout(300)
    assert shown_number(page, "run") == before


def test_the_pen_is_lifted_when_the_paper_loses_focus(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    paper(pad).focus()
    page.keyboard.press("Space")
    press_keys(page, "ArrowDown", 5)
    page.keyboard.press("Tab")
    expect(pad.get_by_role("slider")).to_be_focused()
    expect_strokes(page, DEFAULT_BRUSH)
    expect(pad.locator(".cursor")).to_be_hidden()


def test_buttons_work_by_keyboard_and_keep_a_focus(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    draw(page, pad, SEVEN)
    button(pad, "Clear").focus()
    page.keyboard.press("Enter")
    expect_strokes(page)
    expect(paper(pad)).to_be_focused()
    button(pad, "Undo").press("Space")
    expect_strokes(page, DEFAULT_BRUSH)
    expect(button(pad, "Undo")).to_be_focused()


def test_screen_readers_get_a_description_of_the_keys(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    summary = pad.locator("summary")
    session = page.context.new_cdp_session(page)
    for _ in range(2):  # closed and open
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        (description,) = [
            node["description"]["value"]
            for node in nodes
            if node.get("name", {}).get("value") == "Paper" and node.get("description")
        ]
        assert "Arrow keys move the pen" in description
        assert "Delete clears the paper" in description
        summary.click()
    expect(pad.locator(".keys")).to_be_hidden()
    summary.click()
    expect(pad.locator(".keys")).to_be_visible()
