"""The page Try an image with the demo pair: drawings, uploads, samples and the score."""

from __future__ import annotations

import io
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.harness import (
    SIZES_AND_THEMES,
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
from tsexplorer.analysis.inference import NetCache, TrainedNet
from tsexplorer.data.bundled_sample import load_sample
from tsexplorer.planning import plan
from tsexplorer.services import demo
from tsexplorer.specs import ExperimentSpec
from tsexplorer.ui.pad import SIDE

FIRST_ANSWER_MS = 60_000
"""For the first answer a server imports torch."""
SEVEN = ((80, 70), (200, 70), (150, 150), (120, 230))
IMAGES, LABELS = mnist_digits()
ZERO = int(np.flatnonzero(LABELS == 0)[0])


def answers(page: Page) -> Locator:
    """The predicted classes on the cards of all digits."""
    return page.locator("[class*=st-key-digit_row_] [data-testid=stMetricValue]")


def expect_answers(page: Page, *values: str) -> None:
    expect(answers(page)).to_have_text(list(values), timeout=FIRST_ANSWER_MS)
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


def paper(page: Page) -> Locator:
    """The canvas of the draw pad."""
    return widget(page, "pad").get_by_role("application", name="Paper")


def page_position(page: Page, x: float, y: float) -> tuple[float, float]:
    """The position on the page of a point in the pad's own units."""
    canvas = paper(page)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"] / SIDE, box["y"] + y * box["height"] / SIDE


def draw_seven(page: Page) -> None:
    page.mouse.move(*page_position(page, *SEVEN[0]))
    page.mouse.down()
    for corner in SEVEN[1:]:
        page.mouse.move(*page_position(page, *corner), steps=8)
    page.mouse.up()


def row_of_digits(*numbers: int) -> bytes:
    """A PNG of digits side by side, dark on light, four times as large as MNIST's."""
    canvas = np.full((160, 20 + 130 * len(numbers)), 255, np.uint8)
    for column, number in enumerate(numbers):
        digit = np.kron(255 - IMAGES[number], np.ones((4, 4), np.uint8))
        canvas[20:132, 20 + column * 130 : 132 + column * 130] = digit
    return encode_pixels(canvas)


def disputed_digit() -> tuple[bytes, list[str]]:
    """A test image on which the demo's nets disagree, and their answers."""
    splits = load_sample("mnist")
    assert splits is not None
    pixels_N = splits.test.images.numpy()
    predicted = {}
    for planned in plan(ExperimentSpec.model_validate(demo.shipped()[demo.NAME]["spec"])):
        weights = demo.DEMO / f"{planned.spec.hash}.safetensors"
        net = TrainedNet(planned.spec, weights, demo.DEMO)
        predicted[planned.role] = NetCache().logits(net, splits, pixels_N).argmax(1)
    first = int(np.flatnonzero(predicted["teacher"] != predicted["distilled"])[0])
    return encode_pixels(pixels_N[first]), [
        str(predicted[role][first]) for role in ("teacher", "baseline", "distilled")
    ]


def test_a_drawing_is_classified_when_the_pen_is_lifted(
    page: Page, shared_server: AppServer
) -> None:
    visit(page, shared_server, "/try_digit")
    expect(page.get_by_text("Draw a digit on the pad")).to_be_visible()
    draw_seven(page)
    expect_answers(page, "7", "7", "7")
    expect(page.get_by_text("All agree")).to_be_visible()
    widget(page, "pad").get_by_role("button", name="Clear").click()
    expect(answers(page)).to_have_count(0)


def test_a_finger_draws_on_a_phone(phone: Page, shared_server: AppServer) -> None:
    visit(phone, shared_server, "/try_digit")
    session = phone.context.new_cdp_session(phone)
    page_position(phone, 0, 0)  # scrolls to the pad
    corners = [page_position(phone, *corner) for corner in SEVEN]
    path = [corners[0]]
    for (x0, y0), (x1, y1) in pairwise(corners):
        path += [(x0 + (x1 - x0) * k / 8, y0 + (y1 - y0) * k / 8) for k in range(1, 9)]
    for number, (x, y) in enumerate(path):
        event = "touchMove" if number else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_answers(phone, "7", "7", "7")
    assert overflow_px(phone) == 0


def test_a_drawing_by_keyboard_is_classified(page: Page, shared_server: AppServer) -> None:
    visit(page, shared_server, "/try_digit")
    paper(page).focus()
    for _ in range(7):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(15):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect_answers(page, "1", "1", "1")


def test_several_digits_are_classified_from_left_to_right(
    page: Page, shared_server: AppServer
) -> None:
    upload(page, shared_server, ("row.png", row_of_digits(3, 8, 21)))
    labels = [str(LABELS[k]) for k in (3, 8, 21)]
    expect_answers(page, *(label for label in labels for _ in range(3)))


def test_a_damaged_file_is_one_sentence_beside_the_answers(
    page: Page, shared_server: AppServer
) -> None:
    zero = encode_pixels(IMAGES[ZERO])
    upload(page, shared_server, ("<img src=x>.png", zero[:70]), ("zero.png", zero))
    expect_answers(page, "0", "0", "0")
    alerts = page.get_by_test_id("stAlert")
    expect(alerts).to_have_count(1)
    expect(alerts).to_contain_text("“<img src=x>.png” is a damaged or unsupported PNG file")


def test_a_disputed_digit_is_scored_and_downloaded(
    page: Page, shared_server: AppServer, tmp_path: Path
) -> None:
    content, predicted = disputed_digit()
    upload(page, shared_server, ("disputed.png", content))
    expect_answers(page, *predicted)
    expect(page.get_by_text("They disagree")).to_be_visible()
    page.get_by_role("radio", name="Correct").or_(
        page.get_by_role("button", name="Correct")
    ).first.click()
    score = page.get_by_test_id("stMetricValue").filter(has_text="of 1")
    correct = [int(answer == predicted[0]) for answer in predicted]
    expect(score).to_have_text([f"{count} of 1" for count in correct])
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the wrong one").click()
    path = tmp_path / "wrong.zip"
    saved.value.save_as(path)
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert archive.namelist() == ["001.png", "answers.csv"]
        assert "disputed.png" in archive.read("answers.csv").decode()


def test_samples_are_opened_by_a_link(page: Page, shared_server: AppServer) -> None:
    visit(page, shared_server, "/try_digit?source=samples")
    expect(answers(page)).to_have_count(3, timeout=FIRST_ANSWER_MS)
    expect(page.get_by_text("est split of MNIST")).to_be_visible()
    page.get_by_role("button", name="Another").click()
    wait_idle(page)
    expect(answers(page)).to_have_count(3)
    no_exception(page)


def test_a_drawing_outlasts_a_page_change_and_is_not_stored(
    page: Page, shared_server: AppServer
) -> None:
    visit(page, shared_server, "/try_digit")
    before = set(shared_server.home.rglob("*"))
    draw_seven(page)
    expect_answers(page, "7", "7", "7")
    page.get_by_test_id("stTopNavLink").filter(has_text="Home").click()
    expect(page.get_by_role("heading", level=1, name="Can a small net")).to_be_visible()
    wait_idle(page)
    page.get_by_test_id("stTopNavLink").filter(has_text="Try an image").click()
    expect_answers(page, "7", "7", "7")
    files = [path for path in set(shared_server.home.rglob("*")) - before if path.is_file()]
    caches = ("answers-", "sqlite")
    assert not [path for path in files if not any(name in path.name for name in caches)]


@pytest.mark.parametrize(("size", "theme"), SIZES_AND_THEMES, ids=["wide", "phone"])
def test_answers_are_accessible_in_both_sizes_and_themes(
    page: Page,
    shared_server: AppServer,
    axe_baseline: Violations,
    size: ViewportSize,
    theme: Theme,
) -> None:
    page.set_viewport_size(size)
    upload(page, shared_server, ("row.png", row_of_digits(3, ZERO)))
    expect(answers(page)).to_have_count(6, timeout=FIRST_ANSWER_MS)
    set_theme(page, theme)
    wait_idle(page)
    widget(page, "digit_lens_on").locator("label").first.click()
    expect(page.locator(".lens")).to_be_visible()
    page.get_by_text("Override a step").click()
    wait_idle(page)
    assert axe_violations(page, axe_baseline) == {}
    assert overflow_px(page) == 0
