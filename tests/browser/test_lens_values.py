"""The temperature lens: its numbers, bars, image, tips and texts, compared with torch."""

from __future__ import annotations

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from tests.browser.harness import wait_idle, widget
from tests.browser.lens_actions import (
    bar_lengths,
    cell,
    open_lens,
    probabilities,
    slider,
    temperature,
)
from tests.browser.lens_examples import CLASSES, HOSTILE, LOGITS, entropy, shown_rows, softened
from tests.browser.server import AppServer
from tests.browser.soft_target_actions import SVG, download, parse_svg, picture_button
from tests.browser.toy_app import colour_image
from tsexplorer.specs import ROLES


@pytest.mark.parametrize("data", ["digits", "letters"])
def test_softmax_entropy_and_divergence_equal_torch(
    page: Page, toy_server: AppServer, data: str
) -> None:
    lens = open_lens(page, toy_server, f"data={data}")
    temperatures = [4.0]
    for key in ("", "ArrowLeft", "Home", "PageUp", "End"):
        if key:
            slider(lens).press(key)
            temperatures.append(temperature(lens))
        _check_against_torch(lens, data, temperatures[-1])
    assert len(set(temperatures)) == 5
    assert {0.5, 4.0, 50.0} <= set(temperatures)


def _check_against_torch(lens: Locator, data: str, t: float) -> None:
    teacher = softened(data, "teacher", t)
    for column, role in enumerate(ROLES):
        expected = softened(data, role, t)
        shown = probabilities(lens, role)
        rows = torch.stack([expected[row].sum() for row in shown_rows(data)])
        torch.testing.assert_close(shown, rows, rtol=1e-9, atol=1e-300)
        sums = lens.locator(".sums").get_by_role("gridcell").nth(column + 1)
        nats = torch.special.entr(expected).sum().item()
        assert _number(sums.locator(".entropy")) == pytest.approx(nats, abs=6e-4)
        if role != "teacher":
            logs = torch.log_softmax(torch.tensor(LOGITS[data][role]).double() / t, dim=0)
            kl = torch.nn.functional.kl_div(logs, teacher, reduction="sum").item()
            assert _number(sums.locator(".kl")) == pytest.approx(kl, abs=6e-4)


def _number(shown: Locator) -> float:
    """A number as the lens writes it: 0.123 or 3·10⁻⁷."""
    front, _, power = shown.inner_text().partition("·10")
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(front) * 10.0 ** int(exponent or 0)


def test_lengths_of_bars_match_the_axis(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server)
    expected = softened("digits", "teacher", 4.0)
    assert bar_lengths(lens, "teacher") == pytest.approx(expected.tolist(), abs=0.003)
    lens.get_by_text("Log", exact=True).click()
    slider(lens).press("Home")
    logs = torch.log10(softened("digits", "teacher", 0.5))
    assert (logs < -8).any()
    shares = (1 + logs / 8).clamp(min=0).tolist()
    assert bar_lengths(lens, "teacher") == pytest.approx(shares, abs=0.003)
    expect(lens.locator(".ticks .scale").first).to_have_text("≤10⁻⁸10⁻⁴1")
    # Only the browser knows which axis is chosen; a run does not reset it.
    widget(page, "again").get_by_role("button").click()
    wait_idle(page)
    assert bar_lengths(lens, "teacher") == pytest.approx(shares, abs=0.003)
    lens.get_by_role("radio", name="Log").press("ArrowLeft")
    expect(lens.get_by_role("radio", name="Linear")).to_be_checked()
    assert bar_lengths(lens, "teacher")[2] == pytest.approx(1, abs=0.003)


def test_the_lens_shows_image_and_label(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server)
    canvas = lens.get_by_role("img", name="The image: 2")
    pixels = canvas.evaluate("node => [...node.getContext('2d').getImageData(0, 0, 28, 28).data]")
    assert pixels[0::4] == pixels[1::4] == pixels[2::4] == [value % 256 for value in range(784)]
    assert set(pixels[3::4]) == {255}
    box = canvas.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (112, 112)
    assert canvas.evaluate("node => getComputedStyle(node).imageRendering") == "pixelated"
    # The label as a distribution: 1 for its class.
    assert lens.locator(".hot").all_inner_texts() == list("0010000000")
    expect(lens.locator(".row.target .name")).to_have_text("2")


def test_a_colour_image_keeps_its_proportions(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server, "colour")
    canvas = lens.get_by_role("img", name="The image: 2")
    pixels = canvas.evaluate("node => [...node.getContext('2d').getImageData(0, 0, 64, 48).data]")
    expected = colour_image().reshape(-1, 3)
    for channel in range(3):
        assert pixels[channel::4] == expected[:, channel].tolist()
    box = canvas.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (112, 84)
    name, content = download(page, picture_button(page, "svg"))
    assert name == "lens-T-4.svg"
    fills = [node.attrib.get("fill") for node in parse_svg(content).iter(f"{SVG}rect")]
    assert fills.count("rgb({},{},{})".format(*expected[0])) >= 1


def test_any_class_of_many_can_be_added(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server, "data=letters")
    rows = shown_rows("letters")
    headers = lens.locator(".table .name[title]")
    names = [*(CLASSES["letters"][row[0]] for row in rows[:-1]), "The rest (16 classes)"]
    expect(headers).to_have_text(names, use_inner_text=True)
    added = CLASSES["letters"][rows[-1][3]]
    longer = [*names[:-1], added, "The rest (15 classes)"]
    lens.get_by_label("Add a class").select_option(added)
    expect(headers).to_have_text(longer, use_inner_text=True)
    expect(lens.locator(".number").filter(has_text="< 0.01 %").first).to_be_visible()
    total = probabilities(lens, "teacher").sum().item()
    assert total == pytest.approx(1)
    # The rows are the same at every T, and after a run.
    slider(lens).press("End")
    wait_idle(page)
    expect(headers).to_have_text(longer, use_inner_text=True)
    lens.get_by_label("Add a class").select_option("")
    expect(headers).to_have_text(names, use_inner_text=True)


def test_a_lens_with_one_role_needs_no_label_or_image(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server, "bare")
    expect(lens.get_by_role("columnheader")).to_have_text(["Class", "◆Distilled"])
    expect(lens.locator(".kl")).to_have_count(0)
    expect(lens.locator(".hot, .row.target, canvas:visible")).to_have_count(0)
    text = slider(lens).get_attribute("aria-valuetext")
    assert text == f"T = 4, distilled entropy {entropy('distilled'):.2f} nats"
    assert "KL" not in lens.locator(".note").inner_text()


def test_names_of_classes_are_not_html(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server, "data=other")  # the console must be empty
    expect(lens.get_by_role("rowheader", name=HOSTILE)).to_be_visible()
    cell(lens, "teacher", 0).hover()
    expect(lens.locator(".tip")).to_contain_text(HOSTILE)
    assert lens.locator("img").count() == 0


def test_a_tip_shows_the_numbers_of_a_bar(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server)
    tip = lens.locator(".tip")
    expect(tip).to_be_hidden()
    cell(lens, "baseline", 4).hover()
    p = softened("digits", "baseline", 4.0)[4].item()
    expect(tip).to_have_text(f"Baseline: 4\nprobability {p:#.4g}\nlogit −1.000")
    # T changes by keyboard while the mouse rests on the bar.
    slider(lens).press("Home")
    expect(tip).to_contain_text("·10⁻")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_arrow_keys_move_from_bar_to_bar(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server)
    tip = lens.locator(".tip")
    # The table has one tab stop, at the label's class.
    lens.get_by_role("radio", name="Linear").focus()
    page.keyboard.press("Tab")
    expect(slider(lens)).to_be_focused()
    page.keyboard.press("Tab")
    expect(cell(lens, "teacher", 2)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(cell(lens, "baseline", 3)).to_be_focused()
    expect(tip).to_contain_text("Baseline: 3")
    outline = cell(lens, "baseline", 3).evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")  # already the last row
    expect(cell(lens, "baseline", 9)).to_be_focused()
    for name in ("PNG", "SVG"):
        page.keyboard.press("Tab")
        expect(lens.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Tab")
    expect(lens.locator(":focus")).to_have_count(0)
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    expect(cell(lens, "baseline", 9)).to_be_focused()


def test_screen_readers_get_t_and_the_likeliest_classes(page: Page, toy_server: AppServer) -> None:
    lens = open_lens(page, toy_server)
    text = slider(lens).get_attribute("aria-valuetext")
    assert text == f"T = 4, teacher entropy {entropy('teacher'):.2f} nats"
    slider(lens).press("End")
    assert temperature(lens) == 50
    announced = lens.locator("[aria-live=polite]").inner_text()
    assert announced.startswith("T = 50. Teacher: 2 at ")
    for role in ROLES:
        top = torch.topk(softened("digits", role, 50.0), 3)
        pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        answers = ", ".join(f"{c} at {p:.3f}" for c, p in pairs)
        assert f"{role.capitalize()}: {answers}." in announced
    p = softened("digits", "distilled", 50.0)[7].item()
    name = f"Distilled: 7, probability {p:#.4g}, logit 6.900"
    expect(lens.get_by_role("gridcell", name=name)).to_have_count(1)
