"""Try a digit with the demo pair: what an audience does with a pad, pictures and samples."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.console import ConsoleLog
from tests.browser.harness import (
    LOOKS,
    PATIENCE_MS,
    PHONE,
    Theme,
    no_exception,
    overflow_px,
    set_theme,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer
from tests.imaging.image_files import encode_pixels
from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer.analysis.inference import Nets, Source
from tsexplorer.data.bundled_sample import load_sample
from tsexplorer.planning import plan
from tsexplorer.services import demo
from tsexplorer.specs import ExperimentSpec
from tsexplorer.ui.pad import SIDE

FIRST_MS = 60_000
"""The first answer of a server: torch is imported."""
SEVEN = ((80, 70), (200, 70), (150, 150), (120, 230))
IMAGES, LABELS = mnist_digits()
ZERO = int(np.flatnonzero(LABELS == 0)[0])


def answers(page: Page) -> Locator:
    """The large figures on the cards of all digits."""
    return page.locator("[class*=st-key-digit_row_] [data-testid=stMetricValue]")


def expect_answers(page: Page, *values: str) -> None:
    expect(answers(page)).to_have_text(list(values), timeout=FIRST_MS)
    wait_idle(page)
    no_exception(page)


def upload(page: Page, server: AppServer, *files: tuple[str, bytes]) -> None:
    visit(page, server, "/try_digit?source=upload")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
            for name, content in files
        ]
    )


def pad(page: Page) -> Locator:
    """The paper of the draw pad."""
    return widget(page, "pad").get_by_role("application", name="Paper")


def point(page: Page, x: float, y: float) -> tuple[float, float]:
    """A place on the pad, in its own units, as one on the page."""
    paper = pad(page)
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"] / SIDE, box["y"] + y * box["height"] / SIDE


def draw_seven(page: Page) -> None:
    page.mouse.move(*point(page, *SEVEN[0]))
    page.mouse.down()
    for corner in SEVEN[1:]:
        page.mouse.move(*point(page, *corner), steps=8)
    page.mouse.up()


def row_of_digits(*numbers: int) -> bytes:
    """Digits side by side, dark on light, four times as large as MNIST's."""
    canvas = np.full((160, 20 + 130 * len(numbers)), 255, np.uint8)
    for place, number in enumerate(numbers):
        digit = np.kron(255 - IMAGES[number], np.ones((4, 4), np.uint8))
        canvas[20:132, 20 + place * 130 : 132 + place * 130] = digit
    return encode_pixels(canvas)


def disputed() -> tuple[bytes, list[str]]:
    """A test image to which the demo's nets give different answers, and these answers."""
    splits = load_sample("mnist")
    assert splits is not None
    pixels_N = splits.test.images.numpy()
    found = {}
    for planned in plan(ExperimentSpec.model_validate(demo.shipped()[demo.NAME]["spec"])):
        weights = demo.DEMO / f"{planned.spec.hash}.safetensors"
        source = Source(planned.spec, weights, demo.DEMO)
        found[planned.role] = Nets().logits(source, splits, pixels_N).argmax(1)
    teacher, distilled = found["teacher"], found["distilled"]
    place = int(np.flatnonzero(teacher != distilled)[0])
    return encode_pixels(pixels_N[place]), [
        str(found[role][place]) for role in ("teacher", "baseline", "distilled")
    ]


@pytest.fixture
def finger(browser: Browser, console: ConsoleLog) -> Iterator[Page]:
    """A tab on a phone."""
    visitor: BrowserContext = browser.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    visitor.set_default_timeout(PATIENCE_MS)
    visitor.on("page", console.watch)
    tab = visitor.new_page()
    yield tab
    wait_idle(tab)
    visitor.close()
    assert not console.unexpected()


def test_a_drawing_is_answered_when_the_pen_is_lifted(page: Page, app_server: AppServer) -> None:
    visit(page, app_server, "/try_digit")
    expect(page.get_by_text("Draw a digit on the pad")).to_be_visible()
    draw_seven(page)
    expect_answers(page, "7", "7", "7")
    expect(page.get_by_text("All agree")).to_be_visible()
    widget(page, "pad").get_by_role("button", name="Clear").click()
    expect(answers(page)).to_have_count(0)


def test_a_finger_draws_on_a_phone(finger: Page, app_server: AppServer) -> None:
    visit(finger, app_server, "/try_digit")
    session = finger.context.new_cdp_session(finger)
    point(finger, 0, 0)  # scrolls there first
    stops = [point(finger, *corner) for corner in SEVEN]
    path = [stops[0]]
    for (x0, y0), (x1, y1) in pairwise(stops):
        path += [(x0 + (x1 - x0) * k / 8, y0 + (y1 - y0) * k / 8) for k in range(1, 9)]
    for number, (x, y) in enumerate(path):
        kind = "touchMove" if number else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_answers(finger, "7", "7", "7")
    assert overflow_px(finger) == 0


def test_the_keyboard_draws_and_is_answered(page: Page, app_server: AppServer) -> None:
    visit(page, app_server, "/try_digit")
    pad(page).focus()
    for _ in range(7):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(15):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect_answers(page, "1", "1", "1")


def test_several_digits_are_answered_from_left_to_right(page: Page, app_server: AppServer) -> None:
    upload(page, app_server, ("row.png", row_of_digits(3, 8, 21)))
    labels = [str(LABELS[k]) for k in (3, 8, 21)]
    expect_answers(page, *(label for label in labels for _ in range(3)))


def test_a_broken_file_is_one_sentence_and_the_others_are_answered(
    page: Page, app_server: AppServer
) -> None:
    whole = encode_pixels(IMAGES[ZERO])
    upload(page, app_server, ("<img src=x>.png", whole[:70]), ("zero.png", whole))
    expect_answers(page, "0", "0", "0")
    alerts = page.get_by_test_id("stAlert")
    expect(alerts).to_have_count(1)
    expect(alerts).to_contain_text("“<img src=x>.png” is a damaged or unsupported PNG file")


def test_disagreement_is_seen_and_scored_and_the_wrong_one_taken_away(
    page: Page, app_server: AppServer, tmp_path: Path
) -> None:
    content, said = disputed()
    upload(page, app_server, ("disputed.png", content))
    expect_answers(page, *said)
    expect(page.get_by_text("They disagree")).to_be_visible()
    page.get_by_role("radio", name="Correct").or_(
        page.get_by_role("button", name="Correct")
    ).first.click()
    score = page.get_by_test_id("stMetricValue").filter(has_text="of 1")
    right = [str(int(one == said[0])) for one in said]
    expect(score).to_have_text([f"{one} of 1" for one in right])
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download the wrong one").click()
    saved = tmp_path / "wrong.zip"
    waited.value.save_as(saved)
    with zipfile.ZipFile(io.BytesIO(saved.read_bytes())) as packed_:
        assert packed_.namelist() == ["001.png", "answers.csv"]
        assert "disputed.png" in packed_.read("answers.csv").decode()


def test_samples_and_a_deep_link(page: Page, app_server: AppServer) -> None:
    visit(page, app_server, "/try_digit?source=samples")
    expect(answers(page)).to_have_count(3, timeout=FIRST_MS)
    expect(page.get_by_text("est split of MNIST")).to_be_visible()
    page.get_by_role("button", name="Another").click()
    wait_idle(page)
    expect(answers(page)).to_have_count(3)
    no_exception(page)


def test_a_drawing_outlasts_another_page_and_nothing_is_written(
    page: Page, app_server: AppServer
) -> None:
    visit(page, app_server, "/try_digit")
    before = {one for one in app_server.home.rglob("*") if one.is_file()}
    draw_seven(page)
    expect_answers(page, "7", "7", "7")
    page.get_by_test_id("stTopNavLink").filter(has_text="Home").click()
    expect(page.get_by_role("heading", level=1, name="Can a small net")).to_be_visible()
    wait_idle(page)
    page.get_by_test_id("stTopNavLink").filter(has_text="Try a digit").click()
    expect_answers(page, "7", "7", "7")
    written = {one for one in app_server.home.rglob("*") if one.is_file()} - before
    assert not [one for one in written if "answers-" not in one.name and "sqlite" not in one.name]


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=["wide", "phone"])
def test_no_barrier_with_answers_on_the_page(
    page: Page,
    app_server: AppServer,
    axe_baseline: Violations,
    size: ViewportSize,
    theme: Theme,
) -> None:
    page.set_viewport_size(size)
    upload(page, app_server, ("row.png", row_of_digits(3, ZERO)))
    expect(answers(page)).to_have_count(6, timeout=FIRST_MS)
    set_theme(page, theme)
    wait_idle(page)
    widget(page, "digit_lens_on").locator("label").first.click()
    expect(page.locator(".lens")).to_be_visible()
    page.get_by_text("Overrule a step").click()
    wait_idle(page)
    assert axe_violations(page, axe_baseline) == {}
    assert overflow_px(page) == 0
