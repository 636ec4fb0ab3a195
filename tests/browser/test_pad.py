"""The draw pad in Chromium: a toy app says which strokes it heard of and what picture they make."""

from __future__ import annotations

import textwrap
from base64 import b64decode
from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    CDPSession,
    Locator,
    Page,
    ViewportSize,
    expect,
)

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.conftest import StartApp
from tests.browser.console import ConsoleLog
from tests.browser.harness import (
    LOOKS,
    PATIENCE_MS,
    PHONE,
    Theme,
    overflow_px,
    set_theme,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer
from tsexplorer.ui.pad import POINTS_MOST, SIDE, THINNEST, USUAL, WIDEST

# The picture as rows of # and ., a mark for 10×10 units.
TOY = textwrap.dedent("""
    import time
    import streamlit as st
    from tsexplorer.imaging import picture_from_strokes
    from tsexplorer.ui.pad import SIDE, pad

    state = st.session_state

    def draw():
        if "slow" in st.query_params:
            time.sleep(2)
            st.text("A run that another has taken over ends here")
        strokes = pad(key="pad")
        widths = " ".join(f"{stroke.width:g}" for stroke in strokes)
        points = sum(len(stroke.points) for stroke in strokes)
        state.runs = state.get("runs", 0) + 1
        st.text(f"{len(strokes)} strokes, widths {widths or 'none'}")
        st.text(f"run {state.runs}")
        st.text(f"points {points}")
        drawing = picture_from_strokes(strokes, SIDE, SIDE)
        darkest = drawing.pixels.reshape(28, 10, 28, 10).min(axis=(1, 3))
        with st.container(key="picture"):
            rows = ["".join("#" if dark < 128 else "." for dark in row) for row in darkest]
            st.code("\\n".join(rows), language=None)

    def digit():
        st.title("Digit")
        ticking = "ticking" in st.query_params
        if ticking and st.button("Stop", key="stop"):
            ticking = False
        st.fragment(draw, run_every=0.2 if ticking else None)()
        st.button("Again", key="again")
        for _ in range(30):
            st.text("Something to scroll to")

    def other():
        st.title("Other")

    st.set_page_config(layout="wide")
    pages = [st.Page(digit, title="Digit", default=True), st.Page(other, title="Other")]
    st.navigation(pages, position="top").run()
""")

SEVEN = [(60, 60), (220, 60), (130, 240)]
Point = tuple[float, float]


@pytest.fixture(scope="module")
def toy(start_app: StartApp, tmp_path_factory: pytest.TempPathFactory) -> AppServer:
    app = tmp_path_factory.mktemp("pad") / "app.py"
    app.write_text(TOY, encoding="utf-8")
    return start_app(app=app)


@pytest.fixture
def phone(browser: Browser, console: ConsoleLog) -> Iterator[Page]:
    """A tab of a telephone, whose screen is touched."""
    context = browser.new_context(
        viewport=PHONE, device_scale_factor=3, has_touch=True, is_mobile=True, color_scheme="light"
    )
    yield from _tab(context, console)


def _tab(context: BrowserContext, console: ConsoleLog) -> Iterator[Page]:
    context.set_default_timeout(PATIENCE_MS)
    context.on("page", console.watch)
    page = context.new_page()
    yield page
    wait_idle(page)
    context.close()
    assert not console.unexpected()


def pad(page: Page, server: AppServer, query: str = "") -> Locator:
    """The pad of a page that has just been opened."""
    visit(page, server, f"/?{query}")
    found = widget(page, "pad").locator(".pad")
    expect(found).to_be_visible()
    return found


def paper(found: Locator) -> Locator:
    return found.get_by_role("application", name="Paper")


def at(found: Locator, point: Point) -> Point:
    """Where a point of the pad is in the window."""
    box = paper(found).bounding_box()
    assert box is not None
    return (
        box["x"] + point[0] * box["width"] / SIDE,
        box["y"] + point[1] * box["height"] / SIDE,
    )


def press(page: Page, found: Locator, points: Sequence[Point], steps: int = 20) -> None:
    """Draw with the mouse through the points, and leave the button down."""
    page.mouse.move(*at(found, points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*at(found, point), steps=steps)


def draw(page: Page, found: Locator, points: Sequence[Point], steps: int = 20) -> None:
    press(page, found, points, steps)
    page.mouse.up()


def heard(page: Page, *widths: int) -> None:
    """Wait until the script knows of strokes of these widths, and no others."""
    text = f"{len(widths)} strokes, widths {' '.join(map(str, widths)) or 'none'}"
    expect(page.get_by_text("strokes, widths")).to_have_text(text, timeout=PATIENCE_MS)
    wait_idle(page)


def number(page: Page, name: str) -> int:
    """What the script says of its runs or of the points."""
    return int(page.get_by_text(f"{name} ").inner_text().split()[1])


def picture(page: Page) -> NDArray[np.bool_]:
    """Where the script's picture has ink, 28×28."""
    rows = widget(page, "picture").locator("code").inner_text().split()
    return np.array([[mark == "#" for mark in row] for row in rows])


def colours(found: Locator) -> NDArray[np.uint8]:
    """The canvas in its own pixels, H×W×4: red, green, blue, opacity."""
    found.evaluate("() => new Promise(requestAnimationFrame)")
    url = paper(found).evaluate("canvas => canvas.toDataURL()")
    png = Image.open(BytesIO(b64decode(url.partition(",")[2])))
    return np.asarray(png.convert("RGBA"))


def ink(found: Locator) -> NDArray[np.uint8]:
    """Its opacity, H×W."""
    return colours(found)[..., 3]


def inked(found: Locator, point: Point) -> bool:
    pixels = ink(found)
    x, y = (int(place * len(pixels) / SIDE) for place in point)
    return bool(pixels[y, x] > 128)


def said(found: Locator) -> Locator:
    return found.locator("[aria-live=polite]")


def button(found: Locator, name: str) -> Locator:
    return found.get_by_role("button", name=name, exact=True)


# -- with the mouse ---------------------------------------------------------------------------


def test_the_script_hears_of_a_stroke_and_has_the_picture_that_is_seen(
    page: Page, toy: AppServer
) -> None:
    found = pad(page, toy)
    expect(found.locator(".prompt")).to_be_visible()
    heard(page)
    assert not picture(page).any()
    draw(page, found, SEVEN)
    heard(page, USUAL)
    expect(said(found)).to_have_text("1 stroke")
    expect(found.locator(".prompt")).to_be_hidden()
    seen = picture(page)
    assert seen[6, 6:22].all()
    assert seen[20, 14:16].any()
    assert not seen[10:, :12].any()
    draw(page, found, [(90, 160), (200, 160)], steps=2)
    heard(page, USUAL, USUAL)
    expect(said(found)).to_have_text("2 strokes")
    canvas = ink(found)
    assert len(canvas) == 320
    blocks = np.add.reduceat(
        np.add.reduceat(canvas > 128, _edges(320), axis=0, dtype=int), _edges(320), axis=1
    )
    seen = picture(page)
    # All but the marks that ink just reaches into.
    assert seen[blocks > 4].all()
    assert not (seen & (blocks == 0)).sum() > 6
    assert (blocks > 4).sum() > 60


def _edges(pixels: int) -> list[int]:
    return [round(mark * pixels / 28) for mark in range(28)]


def test_nothing_is_sent_while_the_pen_is_down(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    before = number(page, "run")
    press(page, found, SEVEN)
    assert inked(found, (140, 60))
    page.wait_for_timeout(500)
    assert number(page, "run") == before
    page.mouse.up()
    heard(page, USUAL)
    assert number(page, "run") == before + 1


def test_a_few_points_make_a_smooth_line_through_them(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    bends = [(40.0, 140.0), (90.0, 70.0), (140.0, 140.0), (190.0, 210.0), (240.0, 140.0)]
    draw(page, found, bends, steps=1)
    heard(page, USUAL)
    assert all(inked(found, bend) for bend in bends)
    # A chord from bend to bend would pass 9 units away: the line is round.
    assert 60 < number(page, "points") < 120
    assert not inked(found, (90, 60))


def test_points_are_a_unit_apart_at_least(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    draw(page, found, [(100, 100), (104, 100)], steps=100)
    heard(page, USUAL)
    assert 2 <= number(page, "points") <= 5


def test_a_click_is_a_dot_and_the_other_buttons_draw_nothing(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    x, y = at(found, (140, 140))
    page.mouse.click(x, y, button="middle")
    page.mouse.click(x, y)
    heard(page, USUAL)
    assert number(page, "points") == 1
    pixels = ink(found) > 128
    assert pixels.sum() == pytest.approx(np.pi * (USUAL / 2 * 320 / SIDE) ** 2, rel=0.05)


def test_a_stroke_may_leave_the_paper_and_come_back(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    draw(page, found, [(200, 100), (1100, 120), (200, 140)])
    heard(page, USUAL)
    assert inked(found, (275, 102))
    assert inked(found, (275, 138))
    assert not inked(found, (275, 120))
    assert picture(page)[13, 27]


# -- brush, undo, clear -----------------------------------------------------------------------


def test_the_brush_has_a_size(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    brush, dot = found.get_by_role("slider", name="Brush"), found.locator(".dot")
    across = []
    for key, width in (("", USUAL), ("Home", THINNEST), ("End", WIDEST)):
        if key:
            brush.press(key)
        box = dot.bounding_box()
        assert box is not None
        assert box["width"] == pytest.approx(box["height"])
        assert box["width"] == pytest.approx(width * 320 / SIDE, abs=0.1)
        draw(page, found, [(40, 40 + width * 5), (240, 40 + width * 5)])
        across.append(int((ink(found)[:, 160] > 128).sum()))
    heard(page, USUAL, THINNEST, WIDEST)
    wide = np.diff([0, *across])
    assert wide == pytest.approx(np.array([USUAL, THINNEST, WIDEST]) * 320 / SIDE, abs=1.5)


def test_strokes_are_taken_back_one_by_one(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    for name in ("Undo", "Clear"):
        expect(button(found, name)).to_be_disabled()
    draw(page, found, [(40, 60), (240, 60)])
    draw(page, found, [(40, 200), (240, 200)])
    heard(page, USUAL, USUAL)
    button(found, "Undo").click()
    heard(page, USUAL)
    assert inked(found, (140, 60))
    assert not inked(found, (140, 200))
    assert not picture(page)[20].any()
    button(found, "Undo").click()
    heard(page)
    expect(said(found)).to_have_text("No strokes")
    expect(found.locator(".prompt")).to_be_visible()
    expect(button(found, "Undo")).to_be_disabled()
    assert not ink(found).any()


def test_a_cleared_pad_can_be_had_back(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    draw(page, found, SEVEN)
    draw(page, found, [(90, 160), (200, 160)])
    heard(page, USUAL, USUAL)
    before = ink(found)
    button(found, "Clear").click()
    heard(page)
    assert not ink(found).any()
    expect(button(found, "Clear")).to_be_disabled()
    button(found, "Undo").click()
    heard(page, USUAL, USUAL)
    assert (ink(found) == before).all()
    assert picture(page).any()
    button(found, "Undo").click()
    heard(page, USUAL)


def test_a_full_pad_says_so(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    x, y = at(found, (140, 140))
    # Faster than any hand: the same events, made on the page.
    paper(found).evaluate(
        """(canvas, [x, y, count]) => {
            canvas.setPointerCapture = () => {};
            const send = (name, dx) => canvas.dispatchEvent(new PointerEvent(name, {
                pointerId: 1, isPrimary: true, button: 0, clientX: x + dx, clientY: y,
            }));
            send("pointerdown", 0);
            for (let p = 1; p < count; p++) send("pointermove", p % 2 ? 3 : 0);
            send("pointerup", 0);
        }""",
        [x, y, POINTS_MOST + 100],
    )
    heard(page, USUAL)
    assert number(page, "points") == POINTS_MOST
    expect(said(found)).to_have_text("Full: undo or clear")
    draw(page, found, SEVEN)
    heard(page, USUAL)
    button(found, "Undo").click()
    heard(page)
    draw(page, found, SEVEN)
    heard(page, USUAL)


# -- by touch ---------------------------------------------------------------------------------


def _touch(session: CDPSession, kind: str, *points: Point) -> None:
    touched = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touched})


def test_a_finger_draws_and_the_page_stays(phone: Page, toy: AppServer) -> None:
    found = pad(phone, toy)
    session = phone.context.new_cdp_session(phone)
    main = phone.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollHeight - node.clientHeight") > 300
    before = number(phone, "run")
    _touch(session, "Start", at(found, (140, 250)))
    for y in range(240, 30, -10):
        _touch(session, "Move", at(found, (140, y)))
    assert inked(found, (140, 150))
    assert number(phone, "run") == before
    _touch(session, "End")
    heard(phone, USUAL)
    assert main.evaluate("node => node.scrollTop") == 0
    assert picture(phone)[4:24, 14].all()
    assert not picture(phone)[:, :12].any()
    assert len(ink(found)) == 3 * 320  # crisp


def test_a_second_finger_does_nothing(phone: Page, toy: AppServer) -> None:
    found = pad(phone, toy)
    session = phone.context.new_cdp_session(phone)
    first = [at(found, (60 + 10 * step, 60)) for step in range(17)]
    second = [at(found, (220, 240 - 10 * step)) for step in range(17)]
    _touch(session, "Start", first[0])
    _touch(session, "Start", first[0], second[0])
    for one, other in zip(first[1:], second[1:], strict=True):
        _touch(session, "Move", one, other)
    _touch(session, "End")
    heard(phone, USUAL)
    seen = picture(phone)
    assert seen[6, 6:22].all()
    assert not seen[8:].any()


def test_a_phone_has_room_for_fingers(phone: Page, toy: AppServer) -> None:
    found = pad(phone, toy)
    for control in (button(found, "Undo"), button(found, "Clear"), found.locator("summary")):
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 40
    assert overflow_px(phone) == 0


def test_a_narrow_column_has_a_smaller_pad(page: Page, toy: AppServer) -> None:
    page.set_viewport_size({"width": 260, "height": 700})
    found = pad(page, toy)
    box = paper(found).bounding_box()
    assert box is not None
    assert 150 < box["width"] < 260
    assert box["height"] == pytest.approx(box["width"], abs=0.5)
    draw(page, found, SEVEN)
    heard(page, USUAL)
    assert picture(page)[6, 6:22].all()
    assert not picture(page)[10:, :12].any()
    assert overflow_px(page) == 0


# -- by keyboard ------------------------------------------------------------------------------


def test_the_keyboard_draws(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    found.get_by_role("slider").focus()
    page.keyboard.press("Shift+Tab")
    expect(paper(found)).to_be_focused()
    outline = found.locator(".sheet").evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline == "solid"
    cursor = found.locator(".cursor")
    expect(cursor).to_be_visible()
    _keys(page, "ArrowUp", 8)
    _keys(page, "ArrowLeft", 8)
    assert _middle(cursor) == pytest.approx(at(found, (60, 60)), abs=0.6)
    before = number(page, "run")
    page.keyboard.press("Space")
    expect(said(found)).to_have_text("Pen down")
    _keys(page, "ArrowRight", 16)
    assert inked(found, (140, 60))
    page.wait_for_timeout(500)
    assert number(page, "run") == before
    page.keyboard.press("Space")
    expect(said(found)).to_have_text("Pen up, 1 stroke")
    heard(page, USUAL)
    assert picture(page)[6, 6:22].all()
    assert not picture(page)[8:].any()
    # The run has not taken the keyboard away.
    page.keyboard.press("Space")
    _keys(page, "ArrowDown", 100)
    _keys(page, "Shift+ArrowUp", 5)
    assert _middle(cursor) == pytest.approx(at(found, (220, 270)), abs=0.6)
    page.keyboard.press("Escape")
    expect(said(found)).to_have_text("Pen up, 2 strokes")
    heard(page, USUAL, USUAL)
    assert picture(page)[6:, 22].all()
    assert page.locator("[data-testid=stMain]").evaluate("node => node.scrollTop") == 0


def _keys(page: Page, key: str, times: int) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def _middle(cursor: Locator) -> Point:
    box = cursor.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_keys_take_back_and_clear(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    paper(found).focus()
    for place in range(3):
        _keys(page, "ArrowRight", place)
        _keys(page, "Space", 2)
    heard(page, USUAL, USUAL, USUAL)
    page.keyboard.press("Backspace")
    heard(page, USUAL, USUAL)
    page.keyboard.press("Delete")
    heard(page)
    expect(said(found)).to_have_text("No strokes")
    page.keyboard.press("Control+z")
    heard(page, USUAL, USUAL)
    # What the pen is drawing goes first, and was never heard of.
    before = number(page, "run")
    page.keyboard.press("Space")
    _keys(page, "ArrowDown", 5)
    page.keyboard.press("Backspace")
    expect(said(found)).to_have_text("2 strokes")
    assert not inked(found, (160, 180))
    page.wait_for_timeout(300)
    assert number(page, "run") == before


def test_a_pen_that_is_left_down_is_lifted(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    paper(found).focus()
    page.keyboard.press("Space")
    _keys(page, "ArrowDown", 5)
    page.keyboard.press("Tab")
    expect(found.get_by_role("slider")).to_be_focused()
    heard(page, USUAL)
    expect(found.locator(".cursor")).to_be_hidden()


def test_buttons_work_by_keyboard_and_hand_on_the_focus(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    draw(page, found, SEVEN)
    button(found, "Clear").focus()
    page.keyboard.press("Enter")
    heard(page)
    expect(paper(found)).to_be_focused()
    button(found, "Undo").press("Space")
    heard(page, USUAL)
    expect(button(found, "Undo")).to_be_focused()


def test_a_screen_reader_is_told_the_keys(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    summary = found.locator("summary")
    session = page.context.new_cdp_session(page)
    for _ in range(2):  # closed and open
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        (described,) = [
            node["description"]["value"]
            for node in nodes
            if node.get("name", {}).get("value") == "Paper" and node.get("description")
        ]
        assert "Arrow keys move the pen" in described
        assert "Delete clears the paper" in described
        summary.click()
    expect(found.locator(".keys")).to_be_hidden()
    summary.click()
    expect(found.locator(".keys")).to_be_visible()


# -- runs of the script and other pages -------------------------------------------------------


def test_a_run_leaves_the_drawing_alone(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    draw(page, found, SEVEN)
    heard(page, USUAL)
    before = ink(found)
    mine = found.evaluate_handle("node => node")
    run = number(page, "run")
    widget(page, "again").get_by_role("button").click()
    expect(page.get_by_text("run ")).to_have_text(f"run {run + 1}")
    heard(page, USUAL)
    assert found.evaluate("(node, mine) => node === mine && mine.isConnected", mine)
    assert (ink(found) == before).all()


def test_runs_in_the_midst_of_a_stroke_do_not_touch_it(page: Page, toy: AppServer) -> None:
    found = pad(page, toy, "ticking")
    draw(page, found, [(40, 240), (240, 240)])
    press(page, found, SEVEN[:2])
    for _ in range(3):
        run = page.get_by_text("run ").inner_text()
        expect(page.get_by_text("run ")).not_to_have_text(run)
    assert inked(found, (140, 60))
    assert inked(found, (140, 240))
    page.mouse.move(*at(found, SEVEN[2]), steps=10)
    page.mouse.up()
    expect(page.get_by_text("strokes, widths")).to_have_text("2 strokes, widths 18 18")
    assert picture(page)[6, 6:22].all()
    widget(page, "stop").get_by_role("button").click()


def test_a_drawing_outlasts_another_page(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    draw(page, found, SEVEN)
    draw(page, found, [(90, 160), (200, 160)])
    heard(page, USUAL, USUAL)
    before = ink(found)
    _go(page, "Other")
    expect(found).to_have_count(0)
    _go(page, "Digit")
    heard(page, USUAL, USUAL)
    assert (ink(found) == before).all()
    expect(said(found)).to_have_text("2 strokes")
    button(found, "Undo").click()
    heard(page, USUAL)
    draw(page, found, [(90, 160), (200, 160)])
    heard(page, USUAL, USUAL)


def test_a_stroke_right_before_another_page_is_kept(page: Page, toy: AppServer) -> None:
    found = pad(page, toy, "slow")  # the run that hears of it does not come as far as the pad
    draw(page, found, SEVEN)
    page.get_by_role("link", name="Other").click(no_wait_after=True)
    expect(page.get_by_role("heading", name="Other")).to_be_visible()
    wait_idle(page)
    _go(page, "Digit")
    heard(page, USUAL)
    assert inked(found, (140, 60))


def _go(page: Page, title: str) -> None:
    page.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    wait_idle(page)


# -- looks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=["wide", "phone"])
def test_no_barrier_in_any_theme_at_any_size(
    page: Page, toy: AppServer, axe_baseline: Violations, size: ViewportSize, theme: Theme
) -> None:
    page.set_viewport_size(size)
    found = pad(page, toy)
    set_theme(page, theme)
    assert axe_violations(page, axe_baseline) == {}
    draw(page, found, SEVEN)
    heard(page, USUAL)
    found.locator("summary").click()
    paper(found).focus()
    page.keyboard.press("ArrowLeft")
    assert axe_violations(page, axe_baseline) == {}
    assert overflow_px(page) == 0


def test_ink_is_the_themes_text_colour(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    draw(page, found, SEVEN)
    heard(page, USUAL)
    expected: dict[Theme, list[int]] = {"light": [14, 22, 27], "dark": [230, 236, 238]}
    for theme, colour in expected.items():
        set_theme(page, theme)
        assert colours(found)[68, 160].tolist() == [*colour, 255]


def test_nothing_moves_by_itself(page: Page, toy: AppServer) -> None:
    found = pad(page, toy)
    moving = found.locator("*").evaluate_all(
        """nodes => nodes.filter(node => {
            const style = getComputedStyle(node);
            return style.animationName !== "none" || !/^0s(, 0s)*$/.test(style.transitionDuration);
        }).length"""
    )
    assert moving == 0
