"""The draw pad on a phone, and in a narrow column."""

from __future__ import annotations

import pytest
from playwright.sync_api import CDPSession, Page

from tests.browser.harness import overflow_px
from tests.browser.pad_actions import (
    SEVEN,
    Point,
    button,
    draw,
    expect_strokes,
    has_ink,
    opacity,
    open_pad,
    page_position,
    paper,
    picture,
    shown_number,
)
from tests.browser.server import AppServer
from tsexplorer.ui.pad import DEFAULT_BRUSH


def _touch(session: CDPSession, kind: str, *points: Point) -> None:
    touched = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touched})


def test_a_finger_draws_and_does_not_scroll(phone: Page, toy_server: AppServer) -> None:
    pad = open_pad(phone, toy_server)
    session = phone.context.new_cdp_session(phone)
    main = phone.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollHeight - node.clientHeight") > 300
    before = shown_number(phone, "run")
    _touch(session, "Start", page_position(pad, (140, 250)))
    for y in range(240, 30, -10):
        _touch(session, "Move", page_position(pad, (140, y)))
    assert has_ink(pad, (140, 150))
    assert shown_number(phone, "run") == before
    _touch(session, "End")
    expect_strokes(phone, DEFAULT_BRUSH)
    assert main.evaluate("node => node.scrollTop") == 0
    assert picture(phone)[4:24, 14].all()
    assert not picture(phone)[:, :12].any()
    assert len(opacity(pad)) == 3 * 320  # one canvas pixel for each of the screen


def test_a_second_finger_does_nothing(phone: Page, toy_server: AppServer) -> None:
    pad = open_pad(phone, toy_server)
    session = phone.context.new_cdp_session(phone)
    first = [page_position(pad, (60 + 10 * step, 60)) for step in range(17)]
    second = [page_position(pad, (220, 240 - 10 * step)) for step in range(17)]
    _touch(session, "Start", first[0])
    _touch(session, "Start", first[0], second[0])
    for positions in zip(first[1:], second[1:], strict=True):
        _touch(session, "Move", *positions)
    _touch(session, "End")
    expect_strokes(phone, DEFAULT_BRUSH)
    drawn = picture(phone)
    assert drawn[6, 6:22].all()
    assert not drawn[8:].any()


def test_controls_are_large_enough_for_fingers(phone: Page, toy_server: AppServer) -> None:
    pad = open_pad(phone, toy_server)
    for control in (button(pad, "Undo"), button(pad, "Clear"), pad.locator("summary")):
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 40
    assert overflow_px(phone) == 0


def test_a_narrow_column_has_a_smaller_pad(page: Page, toy_server: AppServer) -> None:
    page.set_viewport_size({"width": 260, "height": 700})
    pad = open_pad(page, toy_server)
    box = paper(pad).bounding_box()
    assert box is not None
    assert 150 < box["width"] < 260
    assert box["height"] == pytest.approx(box["width"], abs=0.5)
    draw(page, pad, SEVEN)
    expect_strokes(page, DEFAULT_BRUSH)
    assert picture(page)[6, 6:22].all()
    assert not picture(page)[10:, :12].any()
    assert overflow_px(page) == 0
