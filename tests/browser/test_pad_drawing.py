"""The draw pad with the mouse: strokes, their picture, the brush, undo and clear."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.pad_actions import (
    CROSSBAR,
    SEVEN,
    announcement,
    button,
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
from tsexplorer.ui.pad import DEFAULT_BRUSH, MAX_BRUSH, MAX_POINTS, MIN_BRUSH, SIDE

CANVAS = 320
"""Pixels of the canvas's side in a wide window."""


def test_the_script_gets_strokes_and_the_picture_on_the_pad(
    page: Page, toy_server: AppServer
) -> None:
    pad = open_pad(page, toy_server)
    expect(pad.locator(".prompt")).to_be_visible()
    expect_strokes(page)
    assert not picture(page).any()
    draw(page, pad, SEVEN)
    expect_strokes(page, DEFAULT_BRUSH)
    expect(announcement(pad)).to_have_text("1 stroke")
    expect(pad.locator(".prompt")).to_be_hidden()
    drawn = picture(page)
    assert drawn[6, 6:22].all()
    assert drawn[20, 14:16].any()
    assert not drawn[10:, :12].any()
    draw(page, pad, CROSSBAR, steps=2)
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    expect(announcement(pad)).to_have_text("2 strokes")
    canvas = opacity(pad)
    assert len(canvas) == CANVAS
    edges = [round(block * CANVAS / 28) for block in range(28)]
    rows = np.add.reduceat(canvas > 128, edges, axis=0, dtype=int)
    blocks = np.add.reduceat(rows, edges, axis=1)
    drawn = picture(page)
    # All blocks except those that ink only touches.
    assert drawn[blocks > 4].all()
    assert not (drawn & (blocks == 0)).sum() > 6
    assert (blocks > 4).sum() > 60


def test_nothing_is_sent_while_the_pen_is_down(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    before = shown_number(page, "run")
    press(page, pad, SEVEN)
    assert has_ink(pad, (140, 60))
    page.wait_for_timeout(500)
    assert shown_number(page, "run") == before
    page.mouse.up()
    expect_strokes(page, DEFAULT_BRUSH)
    assert shown_number(page, "run") == before + 1


def test_a_few_points_make_a_smooth_line_through_them(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    bends = [(40.0, 140.0), (90.0, 70.0), (140.0, 140.0), (190.0, 210.0), (240.0, 140.0)]
    draw(page, pad, bends, steps=1)
    expect_strokes(page, DEFAULT_BRUSH)
    assert all(has_ink(pad, bend) for bend in bends)
    # Straight lines from bend to bend would pass 9 units from this point.
    assert 60 < shown_number(page, "points") < 120
    assert not has_ink(pad, (90, 60))


def test_points_are_at_least_a_unit_apart(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    draw(page, pad, [(100, 100), (104, 100)], steps=100)
    expect_strokes(page, DEFAULT_BRUSH)
    assert 2 <= shown_number(page, "points") <= 5


def test_only_the_main_button_draws_and_a_click_is_a_dot(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    x, y = page_position(pad, (140, 140))
    page.mouse.click(x, y, button="middle")
    page.mouse.click(x, y)
    expect_strokes(page, DEFAULT_BRUSH)
    assert shown_number(page, "points") == 1
    pixels = opacity(pad) > 128
    radius = DEFAULT_BRUSH / 2 * CANVAS / SIDE
    assert pixels.sum() == pytest.approx(np.pi * radius**2, rel=0.05)


def test_a_stroke_can_leave_the_paper_and_return(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    draw(page, pad, [(200, 100), (1100, 120), (200, 140)])
    expect_strokes(page, DEFAULT_BRUSH)
    assert has_ink(pad, (275, 102))
    assert has_ink(pad, (275, 138))
    assert not has_ink(pad, (275, 120))
    assert picture(page)[13, 27]


# -- brush, undo, clear -------------------------------------------------------------------------


def test_the_slider_sets_the_width_of_the_brush(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    brush, dot = pad.get_by_role("slider", name="Brush"), pad.locator(".dot")
    inked = []
    for key, width in (("", DEFAULT_BRUSH), ("Home", MIN_BRUSH), ("End", MAX_BRUSH)):
        if key:
            brush.press(key)
        box = dot.bounding_box()
        assert box is not None
        assert box["width"] == pytest.approx(box["height"])
        assert box["width"] == pytest.approx(width * CANVAS / SIDE, abs=0.1)
        draw(page, pad, [(40, 40 + width * 5), (240, 40 + width * 5)])
        inked.append(int((opacity(pad)[:, 160] > 128).sum()))
    widths = (DEFAULT_BRUSH, MIN_BRUSH, MAX_BRUSH)
    expect_strokes(page, *widths)
    assert np.diff([0, *inked]) == pytest.approx(np.array(widths) * CANVAS / SIDE, abs=1.5)


def test_undo_removes_the_last_stroke(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    for name in ("Undo", "Clear"):
        expect(button(pad, name)).to_be_disabled()
    draw(page, pad, [(40, 60), (240, 60)])
    draw(page, pad, [(40, 200), (240, 200)])
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    button(pad, "Undo").click()
    expect_strokes(page, DEFAULT_BRUSH)
    assert has_ink(pad, (140, 60))
    assert not has_ink(pad, (140, 200))
    assert not picture(page)[20].any()
    button(pad, "Undo").click()
    expect_strokes(page)
    expect(announcement(pad)).to_have_text("No strokes")
    expect(pad.locator(".prompt")).to_be_visible()
    expect(button(pad, "Undo")).to_be_disabled()
    assert not opacity(pad).any()


def test_undo_restores_a_cleared_drawing(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    draw(page, pad, SEVEN)
    draw(page, pad, CROSSBAR)
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    before = opacity(pad)
    button(pad, "Clear").click()
    expect_strokes(page)
    assert not opacity(pad).any()
    expect(button(pad, "Clear")).to_be_disabled()
    button(pad, "Undo").click()
    expect_strokes(page, DEFAULT_BRUSH, DEFAULT_BRUSH)
    assert (opacity(pad) == before).all()
    assert picture(page).any()
    button(pad, "Undo").click()
    expect_strokes(page, DEFAULT_BRUSH)


def test_a_full_pad_says_so_and_takes_no_stroke(page: Page, toy_server: AppServer) -> None:
    pad = open_pad(page, toy_server)
    x, y = page_position(pad, (140, 140))
    # Events made by a script, since a mouse would take minutes.
    paper(pad).evaluate(
        """(canvas, [x, y, count]) => {
            canvas.setPointerCapture = () => {};
            const send = (name, dx) => canvas.dispatchEvent(new PointerEvent(name, {
                pointerId: 1, isPrimary: true, button: 0, clientX: x + dx, clientY: y,
            }));
            send("pointerdown", 0);
            for (let p = 1; p < count; p++) send("pointermove", p % 2 ? 3 : 0);
            send("pointerup", 0);
        }""",
        [x, y, MAX_POINTS + 100],
    )
    expect_strokes(page, DEFAULT_BRUSH)
    assert shown_number(page, "points") == MAX_POINTS
    expect(announcement(pad)).to_have_text("Full: undo or clear")
    draw(page, pad, SEVEN)
    expect_strokes(page, DEFAULT_BRUSH)
    button(pad, "Undo").click()
    expect_strokes(page)
    draw(page, pad, SEVEN)
    expect_strokes(page, DEFAULT_BRUSH)
