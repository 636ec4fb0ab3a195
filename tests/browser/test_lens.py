"""The temperature lens in Chromium: a toy app mounts it, torch says what it must show."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect
from torch import Tensor

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.conftest import StartApp
from tests.browser.harness import (
    LOOKS,
    PATIENCE_MS,
    Theme,
    overflow_px,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer
from tsexplorer.plots.style import DARK, LIGHT, Palette
from tsexplorer.specs import ROLES, Role

HOSTILE = '<img src=x onerror="console.error(1)">'
LETTERS = 26
LOGITS: dict[str, dict[Role, list[float]]] = {
    "digits": {
        "teacher": [1.2, -0.7, 17.25, 13.5, -6.0, 0.1, 4.4, 9.9, 5.0, -2.5],
        "baseline": [0.2, 1.7, 7.25, 8.5, -1.0, 2.1, 1.4, 3.9, 2.0, -0.5],
        "distilled": [0.9, -0.2, 11.25, 9.5, -3.0, 0.4, 2.4, 6.9, 3.0, -1.5],
    },
    # Far apart, next to each other, and beyond what exp() can take at T = 0.5.
    "letters": {
        "teacher": [80.0 - 6.4 * c for c in range(LETTERS)],
        "baseline": [-80.0 if c % 2 else 80.0 + 1e-6 * c for c in range(LETTERS)],
        "distilled": [800.0 * math.cos(c) for c in range(LETTERS)],
    },
}
LOGITS["other"] = {role: values[::-1] for role, values in LOGITS["digits"].items()}
CLASSES = {
    "digits": list("0123456789"),
    "letters": [chr(ord("A") + c) for c in range(LETTERS)],
    "other": [HOSTILE, "Ankle boot", *"23456789"],
}
LABELS = {"digits": 2, "letters": 0, "other": 7}

TOY = f"""
import json
import numpy as np
import streamlit as st
from tsexplorer.ui.lens import lens

LOGITS = json.loads({json.dumps(LOGITS)!r})
CLASSES = json.loads({json.dumps(CLASSES)!r})
LABELS = {LABELS}
""" + textwrap.dedent("""
    st.set_page_config(layout="wide")
    st.title("Toy")
    state = st.session_state
    asked = st.query_params

    def move() -> None:
        state.given = 10.0

    def draw(key="lens", turn=0):
        bare = "bare" in asked
        image = np.roll(np.arange(784).astype(np.uint8).reshape(28, 28), turn, axis=0)
        data = state.get("data", asked.get("data", "digits"))
        logits = LOGITS[data]
        return lens(
            logits={"distilled": logits["distilled"]} if bare else logits,
            label=None if bare else LABELS[data],
            classes=CLASSES[data],
            image=None if bare else image,
            temperature=state.get("given", 4.0),
            key=key,
        )

    def ticking():
        state.ticks = state.get("ticks", 0) + 1
        draw(turn=state.ticks)
        st.text(f"ticks {state.ticks}")

    if "ticking" in asked:
        stopped = st.button("Stop", key="stop")
        st.fragment(ticking, run_every=None if stopped else 0.2)()
        st.stop()
    state.runs = state.get("runs", 0) + 1
    released = draw()
    st.text(f"run {state.runs}, let go at {released}")
    if "echo" in asked and released is not None:
        state.given = released
    with st.container(horizontal=True):
        st.button("Again", key="again")
        st.button("T = 10", key="move", on_click=move)
        st.button("Other", key="other", on_click=lambda: state.update(data="other"))
    if "two" in asked:
        st.text(f"second at {draw('second')}")
""")

FRAMES = """
async (_, count) => { for (; count; count--) await new Promise(requestAnimationFrame); }
"""

both_themes = pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])


@pytest.fixture(scope="module")
def toy(start_app: StartApp, tmp_path_factory: pytest.TempPathFactory) -> AppServer:
    app = tmp_path_factory.mktemp("lens") / "app.py"
    app.write_text(TOY, encoding="utf-8")
    return start_app(app=app)


@pytest.fixture(autouse=True)
def quiet(page: Page) -> Iterator[None]:
    """Leave when nothing runs any more: a tab closed in mid-run upsets the server's log."""
    yield
    wait_idle(page)


def lens(page: Page, server: AppServer, query: str = "", key: str = "lens") -> Locator:
    """The lens of a page that has just been opened."""
    visit(page, server, f"/?{query}")
    found = widget(page, key).locator(".lens")
    expect(found).to_be_visible()
    return found


def slider(found: Locator) -> Locator:
    return found.get_by_role("slider", name="Temperature T")


def temperature(found: Locator) -> float:
    """The T that is shown, once what has happened so far has had its frame."""
    found.evaluate(FRAMES, 1)
    return float(found.locator("output").inner_text())


def cells(found: Locator, role: Role) -> Locator:
    """The role's bars, a class each."""
    return found.locator(f".cell[tabindex][data-role={role}]")


def cell(found: Locator, role: Role, c: int) -> Locator:
    return cells(found, role).nth(c)


def probabilities(found: Locator, role: Role) -> Tensor:
    """What the browser computed, C, in double precision."""
    shown = cells(found, role).evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.probability))"
    )
    return torch.tensor(shown, dtype=torch.float64)


def reaches(found: Locator, role: Role) -> list[float]:
    """How far the bars reach, as shares of their tracks' width."""
    measured: list[float] = cells(found, role).evaluate_all(
        """cells => cells.map(cell => {
            const track = cell.querySelector(".track").getBoundingClientRect();
            const bar = cell.querySelector(".bar").getBoundingClientRect();
            return (bar.right - track.left) / track.width;
        })"""
    )
    return measured


def heard(page: Page, run: int, released: float | None) -> None:
    """Wait until the script has run so often, and heard this."""
    text = f"run {run}, let go at {released}"
    expect(page.get_by_text("let go at")).to_have_text(text, timeout=PATIENCE_MS)
    wait_idle(page)


def heard_nothing_more(page: Page, run: int, released: float | None) -> None:
    """Nothing is on its way to the script either."""
    page.wait_for_timeout(500)
    heard(page, run, released)


def softened(data: str, role: Role, t: float) -> Tensor:
    return torch.softmax(torch.tensor(LOGITS[data][role], dtype=torch.float64) / t, dim=0)


@contextmanager
def held(page: Page, found: Locator) -> Iterator[tuple[float, float, float]]:
    """The mouse holds the thumb; gives the slider's left end, width and middle."""
    box = slider(found).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    place = slider(found).evaluate("range => range.value / range.max")
    page.mouse.move(box["x"] + 10 + place * (box["width"] - 20), y)
    page.mouse.down()
    try:
        yield box["x"], box["width"], y
    finally:
        page.mouse.up()


# -- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["digits", "letters"])
def test_softmax_entropy_and_divergence_are_torchs(page: Page, toy: AppServer, data: str) -> None:
    found = lens(page, toy, f"data={data}")
    seen = [4.0]
    for key in ("", "ArrowLeft", "Home", "PageUp", "End"):
        if key:
            slider(found).press(key)
            seen.append(temperature(found))
        _agrees_with_torch(found, data, seen[-1])
    assert len(set(seen)) == 5
    assert {0.5, 4.0, 50.0} <= set(seen)


def _agrees_with_torch(found: Locator, data: str, t: float) -> None:
    teacher = softened(data, "teacher", t)
    for column, role in enumerate(ROLES):
        expected = softened(data, role, t)
        shown = probabilities(found, role)
        torch.testing.assert_close(shown, expected, rtol=1e-9, atol=1e-300)
        sums = found.locator(".sums").get_by_role("gridcell").nth(column + 1)
        entropy = torch.special.entr(expected).sum().item()
        assert _read(sums.locator(".entropy")) == pytest.approx(entropy, abs=6e-4)
        if role != "teacher":
            logs = torch.log_softmax(torch.tensor(LOGITS[data][role]).double() / t, dim=0)
            kl = torch.nn.functional.kl_div(logs, teacher, reduction="sum").item()
            assert _read(sums.locator(".kl")) == pytest.approx(kl, abs=6e-4)


def _read(shown: Locator) -> float:
    """A number as the lens writes it: 0.123 or 3·10⁻⁷."""
    front, _, power = shown.inner_text().partition("·10")
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(front) * 10.0 ** int(exponent or 0)


def test_bars_reach_as_far_as_the_axis_says(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    expected = softened("digits", "teacher", 4.0)
    assert reaches(found, "teacher") == pytest.approx(expected.tolist(), abs=0.003)
    found.get_by_text("Log", exact=True).click()
    slider(found).press("Home")
    logs = torch.log10(softened("digits", "teacher", 0.5))
    assert (logs < -8).any()
    shares = (1 + logs / 8).clamp(min=0).tolist()
    assert reaches(found, "teacher") == pytest.approx(shares, abs=0.003)
    expect(found.locator(".ticks .scale").first).to_have_text("≤10⁻⁸10⁻⁴1")
    # The choice of the axis is the browser's alone: it outlasts a run.
    widget(page, "again").get_by_role("button").click()
    wait_idle(page)
    assert reaches(found, "teacher") == pytest.approx(shares, abs=0.003)
    found.get_by_role("radio", name="Log").press("ArrowLeft")
    expect(found.get_by_role("radio", name="Linear")).to_be_checked()
    assert reaches(found, "teacher")[2] == pytest.approx(1, abs=0.003)


def test_the_image_is_drawn_pixel_by_pixel(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    canvas = found.get_by_role("img", name="The image: 2")
    pixels = canvas.evaluate(
        "node => [...node.getContext('2d').getImageData(0, 0, 28, 28).data]",
    )
    assert pixels[0::4] == pixels[1::4] == pixels[2::4] == [value % 256 for value in range(784)]
    assert set(pixels[3::4]) == {255}
    box = canvas.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (112, 112)
    assert canvas.evaluate("node => getComputedStyle(node).imageRendering") == "pixelated"


# -- T ----------------------------------------------------------------------------------------


def test_bars_follow_the_drag_and_the_script_hears_of_the_end_alone(
    page: Page, toy: AppServer
) -> None:
    found = lens(page, toy)
    with held(page, found) as (left, width, y):
        reached = []
        for step in range(1, 11):
            page.mouse.move(left + width * (0.5 + 0.05 * step), y)
            found.evaluate(FRAMES, 1)
            reached.append(reaches(found, "teacher")[2])
            told = f"T = {temperature(found):g}, teacher entropy "
            assert told in (slider(found).get_attribute("aria-valuetext") or "")
        assert reached == sorted(reached, reverse=True)
        assert len(set(reached)) > 8
        heard_nothing_more(page, 1, None)
        page.mouse.move(left + width * 0.75, y + 200)
        found.evaluate(FRAMES, 10)
        # The thumb rests, still held: every number has caught up.
        expected = softened("digits", "teacher", temperature(found)).tolist()
        numbers = cells(found, "teacher").locator(".number").all_inner_texts()
        assert [float(number) for number in numbers] == pytest.approx(expected, abs=6e-4)
    stood = temperature(found)
    assert stood == pytest.approx(0.5 * 100**0.75, rel=0.03)
    heard(page, 2, stood)
    heard_nothing_more(page, 2, stood)
    assert temperature(found) == stood


def test_a_drag_that_comes_back_says_nothing(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    with held(page, found) as (left, width, y):
        page.mouse.move(left + 0.9 * width, y)
        page.mouse.move(left + 10 + math.log(8) / math.log(100) * (width - 20), y)
    assert temperature(found) == 4
    heard_nothing_more(page, 1, None)


def test_keys_move_t_and_count_when_they_come_up(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    slider(found).focus()
    assert slider(found).evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    for _ in range(5):  # a key that is held repeats
        page.keyboard.down("ArrowRight")
    assert temperature(found) == pytest.approx(4 * 100 ** (5 / 400), rel=0.01)
    heard_nothing_more(page, 1, None)
    page.keyboard.up("ArrowRight")
    heard(page, 2, temperature(found))
    wait_idle(page)
    # The run has not taken the keyboard away.
    before = temperature(found)
    page.keyboard.press("PageDown")
    assert temperature(found) < 0.8 * before
    heard(page, 3, temperature(found))
    for run, (key, end) in enumerate([("Home", 0.5), ("End", 50.0)], start=4):
        page.keyboard.press(key)
        heard(page, run, end)


def test_marks_set_t_to_themselves(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    for run, mark in enumerate(("20", "1", "2", "8", "4"), start=2):
        found.locator(".marks").get_by_text(mark, exact=True).click()
        heard(page, run, float(mark))
        assert temperature(found) == float(mark)


def test_a_mark_stands_where_the_thumb_is(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    box = slider(found).bounding_box()
    mark = found.locator(".marks button").nth(4).bounding_box()
    assert box is not None
    assert mark is not None
    page.mouse.click(mark["x"] + mark["width"] / 2, box["y"] + box["height"] / 2)
    assert temperature(found) == pytest.approx(8, rel=0.013)


# -- runs of the script -----------------------------------------------------------------------


def test_a_run_changes_the_lens_in_place(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    slider(found).press("PageUp")
    stood = temperature(found)
    heard(page, 2, stood)
    mine = found.evaluate_handle("node => node")
    widget(page, "again").get_by_role("button").click()
    heard(page, 3, stood)
    widget(page, "other").get_by_role("button").click()
    heard(page, 4, stood)
    assert found.evaluate("(node, mine) => node === mine && mine.isConnected", mine)
    assert temperature(found) == stood
    expected = softened("other", "distilled", stood)
    torch.testing.assert_close(probabilities(found, "distilled"), expected, rtol=1e-9, atol=0)
    expect(found.locator("figcaption")).to_have_text("Label: 7")
    expect(found.locator(".row.target")).to_have_count(1)
    expect(found.locator(".row.target .name")).to_have_text("7")


def test_names_are_text(page: Page, toy: AppServer) -> None:
    found = lens(page, toy, "data=other")  # the console must be clean
    expect(found.get_by_role("rowheader", name=HOSTILE)).to_be_visible()
    cell(found, "teacher", 0).hover()
    expect(found.locator(".tip")).to_contain_text(HOSTILE)
    assert found.locator("img").count() == 0


def test_the_page_may_move_t(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    slider(found).press("End")
    heard(page, 2, 50.0)
    widget(page, "move").get_by_role("button").click()
    heard(page, 3, None)
    assert temperature(found) == 10
    slider(found).press("End")
    heard(page, 4, 50.0)


def test_a_page_that_hands_t_back_does_not_pull_it_back(page: Page, toy: AppServer) -> None:
    found = lens(page, toy, "echo")
    for run, key in enumerate(("Home", "End", "PageDown"), start=2):
        slider(found).press(key)
        stood = temperature(found)
        heard(page, run, stood)
        wait_idle(page)
        assert temperature(found) == stood


def test_a_drag_outlasts_runs_that_bring_new_data(page: Page, toy: AppServer) -> None:
    found = lens(page, toy, "ticking")
    canvas = found.locator("canvas")
    with held(page, found) as (left, width, y):
        page.mouse.move(left + 0.8 * width, y)
        stood = temperature(found)
        first = canvas.evaluate("node => node.toDataURL()")
        for _ in range(3):
            ticks = page.get_by_text("ticks").inner_text()
            expect(page.get_by_text("ticks")).not_to_have_text(ticks)
        assert temperature(found) == stood != 4
        assert canvas.evaluate("node => node.toDataURL()") != first
        page.mouse.move(left + 0.9 * width, y)
        assert temperature(found) > stood
    widget(page, "stop").get_by_role("button").click()


def test_two_lenses_do_not_meddle(page: Page, toy: AppServer) -> None:
    first = lens(page, toy, "two")
    second = widget(page, "second").locator(".lens")
    slider(second).press("Home")
    expect(page.get_by_text("second at")).to_have_text("second at 0.5")
    heard(page, 2, None)
    assert (temperature(first), temperature(second)) == (4, 0.5)


# -- what there is to show --------------------------------------------------------------------


def test_one_role_without_label_or_image_will_do(page: Page, toy: AppServer) -> None:
    found = lens(page, toy, "bare")
    expect(found.get_by_role("columnheader")).to_have_text(["Class", "◆Distilled"])
    expect(found.locator(".kl")).to_have_count(0)
    expect(found.locator(".hot, .row.target, canvas:visible")).to_have_count(0)
    text = slider(found).get_attribute("aria-valuetext")
    assert text == f"T = 4, distilled entropy {_entropy('distilled'):.2f} nats"
    assert "KL" not in found.locator(".note").inner_text()


def _entropy(role: Role) -> float:
    return float(torch.special.entr(softened("digits", role, 4.0)).sum())


def test_the_label_is_shown_as_a_distribution(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    assert found.locator(".hot").all_inner_texts() == list("0010000000")
    expect(found.locator(".row.target .name")).to_have_text("2")


def test_a_bar_tells_its_numbers(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    tip = found.locator(".tip")
    expect(tip).to_be_hidden()
    cell(found, "baseline", 4).hover()
    p = softened("digits", "baseline", 4.0)[4].item()
    expect(tip).to_have_text(f"Baseline: 4\nprobability {p:#.4g}\nlogit −1.000")
    # T moved by keys while the mouse rests on the bar
    slider(found).press("Home")
    expect(tip).to_contain_text("·10⁻")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_arrows_walk_from_bar_to_bar(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    tip = found.locator(".tip")
    # One stop for the whole table, at the label's class.
    found.get_by_role("radio", name="Linear").focus()
    page.keyboard.press("Tab")
    expect(slider(found)).to_be_focused()
    page.keyboard.press("Tab")
    expect(cell(found, "teacher", 2)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(cell(found, "baseline", 3)).to_be_focused()
    expect(tip).to_contain_text("Baseline: 3")
    outline = cell(found, "baseline", 3).evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")  # there is nothing below
    expect(cell(found, "baseline", 9)).to_be_focused()
    for kind in ("PNG", "SVG"):
        page.keyboard.press("Tab")
        expect(found.get_by_role("button", name=kind)).to_be_focused()
    page.keyboard.press("Tab")
    expect(found.locator(":focus")).to_have_count(0)
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    expect(cell(found, "baseline", 9)).to_be_focused()


def test_a_screen_reader_hears_the_values(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    text = slider(found).get_attribute("aria-valuetext")
    assert text == f"T = 4, teacher entropy {_entropy('teacher'):.2f} nats"
    said = found.locator("[aria-live=polite]")
    slider(found).press("End")
    assert temperature(found) == 50
    heard = said.inner_text()
    assert heard.startswith("T = 50. Teacher: 2 at ")
    for role in ROLES:
        top = torch.topk(softened("digits", role, 50.0), 3)
        pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        words = ", ".join(f"{c} at {p:.3f}" for c, p in pairs)
        assert f"{role.capitalize()}: {words}." in heard
    p = softened("digits", "distilled", 50.0)[7].item()
    named = f"Distilled: 7, probability {p:#.4g}, logit 6.900"
    expect(found.get_by_role("gridcell", name=named)).to_have_count(1)


# -- looks ------------------------------------------------------------------------------------


@both_themes
def test_roles_wear_their_colours(
    page: Page, toy: AppServer, theme: Theme, palette: Palette
) -> None:
    page.emulate_media(color_scheme=theme)
    found = lens(page, toy)
    for role in ROLES:
        bar = cell(found, role, 2).locator(".bar")
        colour = bar.evaluate("node => getComputedStyle(node).backgroundColor")
        assert colour == _rgb(palette[role])


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"


@pytest.mark.parametrize("data", ["digits", "letters", "other"])
def test_no_barrier_in_any_theme_at_any_size(
    page: Page, toy: AppServer, axe_baseline: Violations, data: str
) -> None:
    for size, theme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        found = lens(page, toy, f"data={data}")
        for axis in ("Linear", "Log"):
            found.get_by_text(axis, exact=True).click()
            assert axe_violations(page, axe_baseline) == {}, (size, theme, axis)
        assert overflow_px(page) == 0, (size, theme)
        assert _cut_off(found) == [], (size, theme)


def _cut_off(found: Locator) -> list[str]:
    """Texts that do not fit into their boxes, but for names, which say that they go on."""
    cut: list[str] = found.locator("span, button, label, figcaption, output").evaluate_all(
        """nodes => nodes
            .filter(node => node.offsetParent && !node.closest(".hidden, .name"))
            .filter(node => node.scrollWidth > node.clientWidth + 1 && node.clientWidth)
            .map(node => node.textContent)"""
    )
    return cut


def test_nothing_moves_by_itself(page: Page, toy: AppServer) -> None:
    found = lens(page, toy)
    moving = found.locator("*").evaluate_all(
        """nodes => nodes.filter(node => {
            const style = getComputedStyle(node);
            return style.animationName !== "none" || !/^0s(, 0s)*$/.test(style.transitionDuration);
        }).length"""
    )
    assert moving == 0


# -- speed ------------------------------------------------------------------------------------

FRAME_MS = 1000 / 60


def _p95(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def test_a_frame_of_a_drag_has_time_to_spare(
    page: Page,
    browser: Browser,
    toy: AppServer,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    found = lens(page, toy, "data=letters")
    with held(page, found) as (left, width, y):
        browser.start_tracing(page=page, categories=["devtools.timeline", "cc"])
        for step in range(120):
            page.mouse.move(left + width * (0.5 + 0.45 * math.sin(step / 10)), y)
        events = json.loads(browser.stop_tracing())["traceEvents"]
    # Time of the processor, not of the clock: other programs on this machine count for nothing.
    updates = [event["tdur"] / 1000 for event in _named(events, "FireAnimationFrame")]
    frames = [event["tdur"] / 1000 for event in _named(events, "ProxyMain::BeginMainFrame")]
    starts = [event["ts"] / 1000 for event in _named(events, "ProxyMain::BeginMainFrame")]
    gaps = [later - sooner for sooner, later in pairwise(starts)]
    record_testsuite_property("lens_update_ms_p95", _p95(updates))
    record_testsuite_property("lens_frame_ms_p95", _p95(frames))
    record_testsuite_property("lens_frame_gap_ms_p95", _p95(gaps))
    assert len(updates) > 50
    assert _p95(updates) <= 4
    # All that the page does for a frame: script, style, layout and paint.
    assert _p95(frames) <= FRAME_MS


def _named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    found = [event for event in events if event["name"] == name and event["ph"] == "X"]
    return sorted(found, key=lambda event: float(event["ts"]))
