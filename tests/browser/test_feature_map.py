"""The map of features on the page Soft targets, with the demo pair."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.harness import Theme, set_theme, wait_idle, widget
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
)

EMBEDDING_MS = 60_000
HAS_INK = """
canvas => {
  const { width, height } = canvas;
  const blank = Object.assign(document.createElement("canvas"), { width, height });
  return canvas.toDataURL() !== blank.toDataURL();
}
"""


def _frames(page: Page) -> Locator:
    """Both maps, after they are drawn."""
    frames = page.locator(".map .frame")
    expect(frames).to_have_count(2)
    expect(frames.first).to_be_visible()
    return frames


def _points(page: Page) -> str:
    """The points of the first map, as the data URL of their canvas."""
    canvas = _frames(page).first.locator("> canvas").first
    return str(canvas.evaluate("node => node.toDataURL()"))


def _highlighted(page: Page) -> list[bool]:
    """Which maps have a highlighted point."""
    return [frame.locator("> canvas").nth(1).evaluate(HAS_INK) for frame in _frames(page).all()]


def _hover_over_a_point(page: Page) -> None:
    """Move the mouse to a point near the middle of the first map."""
    frame = _frames(page).first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    for step in range(20):
        page.mouse.move(box["x"] + box["width"] * (0.4 + 0.01 * step), box["y"] + box["height"] / 2)
        if page.locator(".map .tip").is_visible():
            return
    raise AssertionError("there is no point near the middle")


def test_a_hover_highlights_both_maps_and_a_click_opens_the_lens(
    page: Page, shared_server: AppServer
) -> None:
    open_view(page, shared_server, "map")
    assert _highlighted(page) == [False, False]
    _hover_over_a_point(page)
    assert _highlighted(page) == [True, True]
    lines = page.locator(".map .tip").inner_text().split("\n")
    image = re.fullmatch(r"Image (\d+), true class (\d)", lines[0])
    assert image is not None
    assert [re.sub(r"^\W+", "", line)[:8] for line in lines[1:]] == [
        "Teacher:",
        "Baseline",
        "Distille",
    ]
    expect(page.locator(".map .said")).to_contain_text(f"Image {image[1]}, true class {image[2]}.")
    page.mouse.down()
    page.mouse.up()
    expect_query(page, "image", image[1])
    expect_query(page, "view", "lens")
    expect(get_lens(page).locator("figcaption")).to_have_text(f"Label: {image[2]}")
    wait_idle(page)


def test_keys_move_over_the_map_and_open_the_lens(page: Page, shared_server: AppServer) -> None:
    open_view(page, shared_server, "map")
    page.get_by_role("button", name="9", exact=True).focus()
    page.keyboard.press("Tab")
    expect(_frames(page).first).to_be_focused()
    live_region = page.locator(".map .said")
    announced = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
        announced.append(live_region.inner_text())
    assert all(text.startswith("Image ") for text in announced)
    assert len(set(announced)) >= 3
    page.keyboard.press("Escape")
    assert _highlighted(page) == [False, False]
    page.keyboard.press("ArrowUp")
    image = re.match(r"Image (\d+),", live_region.inner_text())
    assert image is not None
    page.keyboard.press("Enter")
    expect_query(page, "image", image[1])
    expect(get_lens(page)).to_be_visible()
    wait_idle(page)


def test_a_tap_shows_the_tip_and_a_second_opens_the_lens(
    phone: Page, shared_server: AppServer
) -> None:
    open_view(phone, shared_server, "map")
    frame = _frames(phone).first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    phone.touchscreen.tap(x, y)
    expect(phone.locator(".map .tip")).to_be_visible()
    wait_idle(phone)
    assert query_of(phone)["view"] == "map"
    phone.touchscreen.tap(x, y)
    expect_query(phone, "view", "lens")
    expect(get_lens(phone)).to_be_visible()


def test_the_legend_selects_a_class(page: Page, shared_server: AppServer) -> None:
    open_view(page, shared_server, "map")
    three = page.locator(".map .legend").get_by_role("button", name="3", exact=True)
    before = _points(page)
    three.click()
    expect(three).to_have_attribute("aria-pressed", "true")
    assert _points(page) != before
    _frames(page).first.focus()
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        expect(page.locator(".map .tip")).to_contain_text("true class 3")
    three.click()
    assert _points(page) == before


def test_the_maps_follow_the_theme_without_a_run(page: Page, shared_server: AppServer) -> None:
    open_view(page, shared_server, "map")
    swatch = page.locator(".map .swatch").first
    colours: dict[Theme, str] = {"light": "rgb(0, 114, 178)", "dark": "rgb(86, 180, 233)"}
    points = []
    for theme, colour in colours.items():
        set_theme(page, theme)
        points.append(_points(page))
        assert swatch.evaluate("node => getComputedStyle(node).color") == colour
    assert points[0] != points[1]


def test_t_sne_runs_in_the_background_and_can_be_cancelled(
    page: Page, context: BrowserContext, shared_server: AppServer
) -> None:
    open_view(page, shared_server, "map")
    axis = page.locator(".map .across").first
    page.get_by_role("radio", name="t-SNE").click()
    progress = widget(page, "map_progress")
    expect(progress.get_by_role("progressbar")).to_be_visible()
    expect(axis).to_contain_text("Component 1")
    _hover_over_a_point(page)
    assert _highlighted(page) == [True, True]
    progress.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("t-SNE was not finished; the maps show PCA.")).to_be_visible()
    wait_idle(page)
    page.get_by_role("button", name="Compute t-SNE").click()
    expect(progress.get_by_role("progressbar")).to_be_visible()
    # Another tab joins the same computation, and both show its result.
    other = context.new_page()
    open_view(other, shared_server, "map")
    other.get_by_role("radio", name="t-SNE").click()
    for tab in (page, other):
        expect(tab.locator(".map .across").first).to_have_text("t-SNE 1", timeout=EMBEDDING_MS)
        expect(widget(tab, "map_progress")).to_have_count(0)
        wait_idle(tab)
    other.close()


def test_the_maps_are_saved_as_numbers_and_pictures(page: Page, shared_server: AppServer) -> None:
    open_view(page, shared_server, "map")
    name, content = download(page, csv_button(page))
    assert name == "features-pca.csv"
    table = parse_csv(content)
    assert len(table) == 1000
    assert set(table[0]) == {
        *("image", "true class", "teacher x", "teacher y", "distilled x", "distilled y")
    }
    name, content = download(page, picture_button(page, "svg"))
    assert name == "features-pca.svg"
    svg = parse_svg(content)
    points = [node for node in svg.iter(f"{SVG}text") if "opacity" in node.attrib]
    assert len(points) == 2000
    assert [node.text for node in points[:1000]] == [row["true class"] for row in table]
    # x grows to the right, y upwards.
    for axis, sign in (("x", 1), ("y", -1)):
        values = [float(row[f"teacher {axis}"]) for row in table]
        positions = [float(node.attrib[axis]) for node in points[:1000]]
        highest = max(range(1000), key=values.__getitem__)
        assert positions[highest] == (max(positions) if sign > 0 else min(positions))
    name, content = download(page, picture_button(page, "png"))
    assert name == "features-pca.png"
    check_png_size(content, svg)
