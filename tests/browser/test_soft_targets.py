"""The page Soft targets with the demo pair: one image, the class matrices, links, accessibility."""

from __future__ import annotations

import math

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.console import ConsoleLog
from tests.browser.harness import (
    SIZES_AND_THEMES,
    WIDE,
    no_exception,
    overflow_px,
    set_theme,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer
from tests.browser.soft_target_actions import (
    SVG,
    check_png_size,
    csv_button,
    download,
    expect_query,
    get_lens,
    open_view,
    parse_csv,
    parse_svg,
    picture_button,
    query_of,
    svg_texts,
    temperature_slider,
)
from tsexplorer.ui.soft_targets.page_state import VIEWS

# -- one image ----------------------------------------------------------------------------------


def test_t_is_in_the_url_when_the_slider_is_released(page: Page, shared_server: AppServer) -> None:
    open_view(page, shared_server, "lens", image="7")
    box = temperature_slider(page).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y)
    page.mouse.move(box["x"] + box["width"] * 0.75, y)
    wait_idle(page)
    assert float(query_of(page)["T"]) == 4
    page.mouse.up()
    output = get_lens(page).locator("output")
    reached = output.inner_text()
    assert float(reached) == pytest.approx(0.5 * 100**0.75, rel=0.03)
    expect_query(page, "T", reached)
    assert query_of(page)["image"] == "7"
    wait_idle(page)
    temperature_slider(page).press("PageUp")
    expect(output).not_to_have_text(reached)
    expect_query(page, "T", output.inner_text())
    wait_idle(page)


def test_a_link_shows_the_same_to_another_visitor(
    page: Page, browser: Browser, console: ConsoleLog, shared_server: AppServer
) -> None:
    open_view(page, shared_server, "loss", image="7", T="2.5", split="test")
    formula = page.locator(".katex").first
    expect(formula).to_be_visible()
    visitor = browser.new_context(viewport=WIDE)
    visitor.on("page", console.watch)
    other = visitor.new_page()
    other.goto(page.url)
    wait_idle(other)
    no_exception(other)
    assert query_of(other) == query_of(page)
    expect(other.get_by_role("radio", name="test")).to_be_checked()
    expect(other.get_by_role("radio", name="Loss of one image")).to_be_checked()
    expect(other.get_by_label("Image", exact=True)).to_have_value("7")
    assert other.locator(".katex").first.inner_text() == formula.inner_text()
    # A change of the view keeps all of them, also through a view that does not use them.
    for name in ("Map of features", "One image"):
        other.get_by_role("radio", name=name, exact=True).click()
        expect(other.get_by_role("radio", name=name, exact=True)).to_be_checked()
        wait_idle(other)
    assert float(get_lens(other).locator("output").inner_text()) == 2.5
    expected = {"view": "lens", "image": "7", "split": "test", "T": "2.5"}
    assert expected.items() <= query_of(other).items()
    visitor.close()


def test_the_lens_is_saved_as_numbers_and_pictures(page: Page, shared_server: AppServer) -> None:
    open_view(page, shared_server, "lens", image="7", T="3")
    name, content = download(page, csv_button(page))
    assert name == "image-7-T-3.csv"
    table = parse_csv(content)
    assert [row["class"] for row in table] == list("0123456789")
    for role in ("Teacher", "Baseline", "Distilled"):
        logits = [float(row[f"{role} logit"]) for row in table]
        total = sum(math.exp(z / 3) for z in logits)
        softened = [float(row[f"{role} at T=3"]) for row in table]
        assert softened == pytest.approx([math.exp(z / 3) / total for z in logits], rel=1e-5)
        cells = get_lens(page).locator(f".cell[tabindex][data-role={role.lower()}]")
        shown = cells.evaluate_all("cells => cells.map(cell => +cell.dataset.probability)")
        assert shown == pytest.approx(softened, rel=1e-5)

    name, content = download(page, picture_button(page, "svg"))
    assert name == "lens-T-3.svg"
    svg = parse_svg(content)
    assert {"T = 3", "■ Teacher", "● Baseline", "◆ Distilled"} <= set(svg_texts(svg))
    # Widths of the teacher's bars are proportional to its probabilities.
    bars = [
        float(node.attrib["width"])
        for node in svg.iter(f"{SVG}rect")
        if node.attrib.get("fill") == "#0072b2" and node.attrib["width"] != "3"
    ]
    expected = [float(row["Teacher at T=3"]) for row in table]
    assert [bar / sum(bars) for bar in bars] == pytest.approx(expected, abs=1e-6)

    name, content = download(page, picture_button(page, "png"))
    assert name == "lens-T-3.png"
    check_png_size(content, svg)


# -- classes ------------------------------------------------------------------------------------


def _matrix(page: Page, title: str) -> Locator:
    return page.locator(".matrices").get_by_role("grid", name=title, exact=True)


def _cell(matrix: Locator, row: int, column: int) -> Locator:
    return matrix.locator(".cell").nth(10 * row + column)


def _number(matrix: Locator, row: int, column: int) -> Locator:
    return _cell(matrix, row, column).locator(".number")


def test_a_cell_shows_its_images(page: Page, shared_server: AppServer) -> None:
    open_view(page, shared_server, "classes", T="4")
    _cell(_matrix(page, "Teacher"), 1, 7).click()
    heading = page.get_by_role("heading", name="with a large target for")
    expect(heading).to_have_text("Images of 1 with a large target for 7")
    wait_idle(page)
    images = widget(page, "behind").get_by_role("img")
    expect(images).to_have_count(14)
    texts = images.evaluate_all("images => images.map(image => image.alt)")
    assert all(text.endswith("a 1") for text in texts)
    # The cell is selected in all matrices; a second click deselects it.
    expect(page.locator(".cell[aria-selected=true]")).to_have_count(3)
    _cell(_matrix(page, "Distilled"), 1, 7).click()
    expect(heading).to_have_count(0)
    wait_idle(page)


def test_the_matrices_are_saved_as_numbers_and_pictures(
    page: Page, shared_server: AppServer
) -> None:
    open_view(page, shared_server, "classes", T="4")
    teacher = _matrix(page, "Teacher")
    name, content = download(page, csv_button(page))
    assert name == "classes-T-4.csv"
    table = parse_csv(content)
    assert len(table) == 100
    for label in range(10):
        rows = table[10 * label : 10 * label + 10]
        assert {row["true class"] for row in rows} == {str(label)}
        for net in ("teacher", "student"):
            targets = [float(row[net]) for row in rows]
            assert sum(targets) == pytest.approx(1)
            assert max(range(10), key=targets.__getitem__) == label
    shown = [float(_number(teacher, 1, column).inner_text()) for column in (0, 4, 7)]
    exact = [100 * float(table[10 + column]["teacher"]) for column in (0, 4, 7)]
    assert shown == pytest.approx(exact, rel=0.06)

    name, content = download(page, picture_button(page, "svg"))
    assert name == "classes-T-4.svg"
    svg = parse_svg(content)
    texts = svg_texts(svg)
    assert {"■ Teacher", "◆ Distilled", "Teacher − student"} <= set(texts)
    for row, column in ((1, 7), (9, 4)):
        assert _number(teacher, row, column).inner_text() in texts

    name, content = download(page, picture_button(page, "png"))
    assert name == "classes-T-4.png"
    check_png_size(content, svg)


def test_keys_select_a_cell_and_t_updates_the_matrix(page: Page, shared_server: AppServer) -> None:
    open_view(page, shared_server, "classes", T="4")
    teacher = _matrix(page, "Teacher")
    node = _cell(teacher, 0, 1).element_handle()
    before = _number(teacher, 0, 1).inner_text()
    _cell(teacher, 0, 0).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(_cell(teacher, 1, 2)).to_be_focused()
    tip = page.locator(".matrices .tip")
    expect(tip).to_contain_text("True class 1")
    expect(tip).to_contain_text("Soft target for 2")
    page.keyboard.press("Enter")
    heading = page.get_by_role("heading", name="with a large target for")
    expect(heading).to_have_text("Images of 1 with a large target for 2")
    wait_idle(page)
    widget(page, "soft-T").get_by_role("slider").press("ArrowRight")
    expect(_number(teacher, 0, 1)).not_to_have_text(before)
    wait_idle(page)
    assert node is not None
    assert node.evaluate("node => node.isConnected")
    expect(heading).to_be_visible()


# -- accessibility ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(VIEWS))
def test_each_view_is_accessible_in_both_sizes_and_themes(
    page: Page, shared_server: AppServer, axe_baseline: Violations, name: str
) -> None:
    open_view(page, shared_server, name, image="7")
    for size, theme in SIZES_AND_THEMES:
        page.set_viewport_size(size)
        set_theme(page, theme)
        assert axe_violations(page, axe_baseline) == {}, (size, theme)
        assert overflow_px(page) == 0, (size, theme)
