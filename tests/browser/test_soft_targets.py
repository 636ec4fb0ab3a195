"""The Soft targets page with the demo pair: what one image, the classes and the map let one do."""

from __future__ import annotations

import csv
import io
import math
import re
import struct
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.console import ConsoleLog
from tests.browser.harness import (
    LOOKS,
    PHONE,
    WIDE,
    no_exception,
    overflow_px,
    set_theme,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer
from tsexplorer.ui.soft_targets.page_state import VIEWS

SVG = "{http://www.w3.org/2000/svg}"
PNG = b"\x89PNG\r\n\x1a\n"
LAID_OUT_MS = 60_000
INKED = """
canvas => {
  const { width, height } = canvas;
  const blank = Object.assign(document.createElement("canvas"), { width, height });
  return canvas.toDataURL() !== blank.toDataURL();
}
"""


def asked(page: Page) -> dict[str, str]:
    """What the URL names."""
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def expect_asked(page: Page, key: str, value: str) -> None:
    expect(page).to_have_url(re.compile(rf"[?&]{key}={re.escape(value)}(&|$)"))


def view(page: Page, server: AppServer, name: str, **more: str) -> None:
    rest = "".join(f"&{key}={value}" for key, value in more.items())
    visit(page, server, f"/soft_targets?view={name}{rest}")


def lens(page: Page) -> Locator:
    found = page.locator(".lens")
    expect(found).to_be_visible()
    return found


def slider(page: Page) -> Locator:
    return lens(page).get_by_role("slider", name="Temperature T")


def frames(page: Page) -> Locator:
    """Both maps, once they are drawn."""
    found = page.locator(".map .frame")
    expect(found).to_have_count(2)
    expect(found.first).to_be_visible()
    return found


def lit(page: Page) -> list[bool]:
    """Which maps have a point lit up."""
    inked: list[bool] = [
        frame.locator("> canvas").nth(1).evaluate(INKED) for frame in frames(page).all()
    ]
    return inked


def hover(page: Page) -> None:
    """Rest with the mouse on a point near the first map's middle."""
    frame = frames(page).first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    for step in range(20):
        page.mouse.move(box["x"] + box["width"] * (0.4 + 0.01 * step), box["y"] + box["height"] / 2)
        if page.locator(".map .tip").is_visible():
            return
    raise AssertionError("there is no point near the middle")


def matrix(page: Page, title: str) -> Locator:
    return page.locator(".matrices").get_by_role("grid", name=title, exact=True)


def cell(found: Locator, row: int, column: int) -> Locator:
    return found.locator(".cell").nth(10 * row + column)


def number(found: Locator, row: int, column: int) -> Locator:
    return cell(found, row, column).locator(".number")


def download(page: Page, button: Locator) -> tuple[str, bytes]:
    """Name and content of what a button saves."""
    with page.expect_download() as waited:
        button.click()
    return waited.value.suggested_filename, Path(waited.value.path()).read_bytes()


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def numbers(page: Page) -> Locator:
    return page.get_by_role("button", name="Numbers (CSV)")


def picture(page: Page, kind: str) -> Locator:
    return page.locator(f".save [data-kind={kind}]")


def drawn(content: bytes) -> ElementTree.Element:
    """An SVG that needs nothing from elsewhere."""
    root = ElementTree.fromstring(content)
    assert root.tag == f"{SVG}svg"
    assert b"href" not in content
    assert b"var(" not in content
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def size_of_png(content: bytes) -> tuple[int, int]:
    assert content.startswith(PNG)
    width, height = struct.unpack(">II", content[16:24])
    return width, height


# -- one image ----------------------------------------------------------------------------------


def test_t_is_in_the_url_once_the_slider_is_let_go(page: Page, app_server: AppServer) -> None:
    view(page, app_server, "lens", image="7")
    box = slider(page).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y)
    page.mouse.move(box["x"] + box["width"] * 0.75, y)
    wait_idle(page)
    assert float(asked(page)["T"]) == 4
    page.mouse.up()
    reached = lens(page).locator("output").inner_text()
    assert float(reached) == pytest.approx(0.5 * 100**0.75, rel=0.03)
    expect_asked(page, "T", reached)
    assert asked(page)["image"] == "7"
    wait_idle(page)
    slider(page).press("PageUp")
    expect(lens(page).locator("output")).not_to_have_text(reached)
    expect_asked(page, "T", lens(page).locator("output").inner_text())
    wait_idle(page)


def test_a_link_shows_the_same_to_another_visitor(
    page: Page, browser: Browser, console: ConsoleLog, app_server: AppServer
) -> None:
    view(page, app_server, "loss", image="7", T="2.5", split="test")
    formula = page.locator(".katex").first
    expect(formula).to_be_visible()
    stranger = browser.new_context(viewport=WIDE)
    stranger.on("page", console.watch)
    other = stranger.new_page()
    other.goto(page.url)
    wait_idle(other)
    no_exception(other)
    assert asked(other) == asked(page)
    expect(other.get_by_role("radio", name="test")).to_be_checked()
    expect(other.get_by_role("radio", name="Loss of one image")).to_be_checked()
    expect(other.get_by_label("Image", exact=True)).to_have_value("7")
    assert other.locator(".katex").first.inner_text() == formula.inner_text()
    # All of it stays when the view changes, also by way of one that does not ask for it.
    for name in ("Map of features", "One image"):
        other.get_by_role("radio", name=name, exact=True).click()
        expect(other.get_by_role("radio", name=name, exact=True)).to_be_checked()
        wait_idle(other)
    assert float(lens(other).locator("output").inner_text()) == 2.5
    wanted = {"view": "lens", "image": "7", "split": "test", "T": "2.5"}
    assert wanted.items() <= asked(other).items()
    stranger.close()


def test_the_lens_downloads_as_numbers_and_as_pictures(page: Page, app_server: AppServer) -> None:
    view(page, app_server, "lens", image="7", T="3")
    name, content = download(page, numbers(page))
    assert name == "image-7-T-3.csv"
    table = rows(content)
    assert [row["class"] for row in table] == list("0123456789")
    for role in ("Teacher", "Baseline", "Distilled"):
        logits = [float(row[f"{role} logit"]) for row in table]
        total = sum(math.exp(z / 3) for z in logits)
        softened = [float(row[f"{role} at T=3"]) for row in table]
        assert softened == pytest.approx([math.exp(z / 3) / total for z in logits], rel=1e-5)
        cells = lens(page).locator(f".cell[tabindex][data-role={role.lower()}]")
        shown = cells.evaluate_all("cells => cells.map(cell => +cell.dataset.probability)")
        assert shown == pytest.approx(softened, rel=1e-5)

    name, content = download(page, picture(page, "svg"))
    assert name == "lens-T-3.svg"
    root = drawn(content)
    assert {"T = 3", "■ Teacher", "● Baseline", "◆ Distilled"} <= set(texts(root))
    # Bars stand on their role's colour, as long as their probabilities are large.
    bars = [
        float(node.attrib["width"])
        for node in root.iter(f"{SVG}rect")
        if node.attrib.get("fill") == "#0072b2" and node.attrib["width"] != "3"
    ]
    expected = [float(row["Teacher at T=3"]) for row in table]
    assert [bar / sum(bars) for bar in bars] == pytest.approx(expected, abs=1e-6)

    name, content = download(page, picture(page, "png"))
    assert name == "lens-T-3.png"
    expected_size = tuple(2 * int(root.attrib[side]) for side in ("width", "height"))
    assert size_of_png(content) == expected_size


# -- classes ------------------------------------------------------------------------------------


def test_a_cell_shows_its_images_and_the_matrix_its_numbers(
    page: Page, app_server: AppServer
) -> None:
    view(page, app_server, "classes", T="4")
    teacher = matrix(page, "Teacher")
    cell(teacher, 1, 7).click()
    heading = page.get_by_role("heading", name="that the teacher takes for")
    expect(heading).to_have_text("1 that the teacher takes for 7")
    wait_idle(page)
    behind = widget(page, "behind").get_by_role("img")
    expect(behind).to_have_count(14)
    assert all(alt.endswith("a 1") for alt in behind.evaluate_all("all => all.map(one => one.alt)"))
    # The same cell is framed in all matrices; a second click lets go of it.
    expect(page.locator(".cell[aria-selected=true]")).to_have_count(3)
    name, content = download(page, numbers(page))
    assert name == "classes-T-4.csv"
    table = rows(content)
    assert len(table) == 100
    for row in range(10):
        mine = table[10 * row : 10 * row + 10]
        assert {one["true class"] for one in mine} == {str(row)}
        for net in ("teacher", "student"):
            assert sum(float(one[net]) for one in mine) == pytest.approx(1)
            assert max(range(10), key=lambda k: float(mine[k][net])) == row

    shown = [float(number(teacher, 1, column).inner_text()) for column in (0, 4, 7)]
    exact = [100 * float(table[10 + column]["teacher"]) for column in (0, 4, 7)]
    assert shown == pytest.approx(exact, rel=0.06)
    cell(matrix(page, "Distilled"), 1, 7).click()
    expect(heading).to_have_count(0)
    wait_idle(page)


def test_keys_walk_over_the_matrix_and_t_fills_it_anew(page: Page, app_server: AppServer) -> None:
    view(page, app_server, "classes", T="4")
    teacher = matrix(page, "Teacher")
    mine = cell(teacher, 0, 1).element_handle()
    before = number(teacher, 0, 1).inner_text()
    cell(teacher, 0, 0).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(cell(teacher, 1, 2)).to_be_focused()
    tip = page.locator(".matrices .tip")
    expect(tip).to_contain_text("True class 1")
    expect(tip).to_contain_text("Soft target for 2")
    page.keyboard.press("Enter")
    heading = page.get_by_role("heading", name="that the teacher takes for")
    expect(heading).to_have_text("1 that the teacher takes for 2")
    wait_idle(page)
    widget(page, "soft-T").get_by_role("slider").press("ArrowRight")
    expect(number(teacher, 0, 1)).not_to_have_text(before)
    wait_idle(page)
    assert mine is not None
    assert mine.evaluate("node => node.isConnected")
    expect(heading).to_be_visible()


def test_the_matrices_download_as_pictures(page: Page, app_server: AppServer) -> None:
    view(page, app_server, "classes", T="4")
    name, content = download(page, picture(page, "svg"))
    assert name == "classes-T-4.svg"
    root = drawn(content)
    assert {"■ Teacher", "◆ Distilled", "Teacher − student"} <= set(texts(root))
    for row, column in ((1, 7), (9, 4)):
        assert number(matrix(page, "Teacher"), row, column).inner_text() in texts(root)
    name, content = download(page, picture(page, "png"))
    assert name == "classes-T-4.png"
    assert size_of_png(content) == tuple(2 * float(root.attrib[s]) for s in ("width", "height"))


# -- the map ------------------------------------------------------------------------------------


def test_a_hover_lights_both_maps_and_a_click_opens_the_lens(
    page: Page, app_server: AppServer
) -> None:
    view(page, app_server, "map")
    assert lit(page) == [False, False]
    hover(page)
    assert lit(page) == [True, True]
    tip = page.locator(".map .tip")
    lines = tip.inner_text().split("\n")
    named = re.fullmatch(r"Image (\d+), true class (\d)", lines[0])
    assert named is not None
    assert [re.sub(r"^\W+", "", line)[:8] for line in lines[1:]] == [
        "Teacher:",
        "Baseline",
        "Distille",
    ]
    expect(page.locator(".map .said")).to_contain_text(f"Image {named[1]}, true class {named[2]}.")
    page.mouse.down()
    page.mouse.up()
    expect_asked(page, "image", named[1])
    expect_asked(page, "view", "lens")
    expect(lens(page).locator("figcaption")).to_have_text(f"Label: {named[2]}")
    wait_idle(page)


def test_keys_walk_on_the_map_and_open_the_lens(page: Page, app_server: AppServer) -> None:
    view(page, app_server, "map")
    page.get_by_role("button", name="9", exact=True).focus()
    page.keyboard.press("Tab")
    expect(frames(page).first).to_be_focused()
    said = page.locator(".map .said")
    heard = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
        heard.append(said.inner_text())
    assert all(text.startswith("Image ") for text in heard)
    assert len(set(heard)) >= 3
    page.keyboard.press("Escape")
    assert lit(page) == [False, False]
    page.keyboard.press("ArrowUp")
    place = re.match(r"Image (\d+),", said.inner_text())
    assert place is not None
    page.keyboard.press("Enter")
    expect_asked(page, "image", place[1])
    expect(lens(page)).to_be_visible()
    wait_idle(page)


def test_a_finger_sees_first_and_opens_then(
    browser: Browser, console: ConsoleLog, app_server: AppServer
) -> None:
    pocket = browser.new_context(viewport=PHONE, has_touch=True)
    pocket.on("page", console.watch)
    tab = pocket.new_page()
    view(tab, app_server, "map")
    frame = frames(tab).first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.touchscreen.tap(*at)
    expect(tab.locator(".map .tip")).to_be_visible()
    wait_idle(tab)
    assert asked(tab)["view"] == "map"
    tab.touchscreen.tap(*at)
    expect_asked(tab, "view", "lens")
    expect(lens(tab)).to_be_visible()
    wait_idle(tab)
    pocket.close()
    assert not console.unexpected()


def test_the_legend_picks_a_class_out(page: Page, app_server: AppServer) -> None:
    view(page, app_server, "map")
    three = page.locator(".map .legend").get_by_role("button", name="3", exact=True)
    before = frames(page).first.locator("> canvas").first.evaluate("node => node.toDataURL()")
    three.click()
    expect(three).to_have_attribute("aria-pressed", "true")
    after = frames(page).first.locator("> canvas").first.evaluate("node => node.toDataURL()")
    assert after != before
    frames(page).first.focus()
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        expect(page.locator(".map .tip")).to_contain_text("true class 3")
    three.click()
    again = frames(page).first.locator("> canvas").first.evaluate("node => node.toDataURL()")
    assert again == before


def test_the_maps_follow_the_theme_without_a_run(page: Page, app_server: AppServer) -> None:
    view(page, app_server, "map")
    swatches = page.locator(".map .swatch")
    seen = []
    for theme in ("light", "dark"):
        set_theme(page, theme)  # type: ignore[arg-type]
        points = frames(page).first.locator("> canvas").first
        seen.append(
            (
                points.evaluate("node => node.toDataURL()"),
                swatches.first.evaluate("node => getComputedStyle(node).color"),
            )
        )
    assert seen[0][0] != seen[1][0]
    assert [colour for _, colour in seen] == ["rgb(0, 114, 178)", "rgb(86, 180, 233)"]


def test_t_sne_runs_beside_the_page_and_can_be_given_up(
    page: Page, context: BrowserContext, app_server: AppServer
) -> None:
    view(page, app_server, "map")
    across = page.locator(".map .across").first
    page.get_by_role("radio", name="t-SNE").click()
    progress = widget(page, "map_progress")
    expect(progress.get_by_role("progressbar")).to_be_visible()
    expect(across).to_contain_text("Component 1")
    hover(page)
    assert lit(page) == [True, True]
    progress.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("t-SNE was not finished; the maps show PCA.")).to_be_visible()
    wait_idle(page)
    page.get_by_role("button", name="Compute t-SNE").click()
    expect(progress.get_by_role("progressbar")).to_be_visible()
    # Another tab finds the same work under way, and both see its end.
    other = context.new_page()
    view(other, app_server, "map")
    other.get_by_role("radio", name="t-SNE").click()
    for tab in (page, other):
        expect(tab.locator(".map .across").first).to_have_text("t-SNE 1", timeout=LAID_OUT_MS)
        expect(widget(tab, "map_progress")).to_have_count(0)
        wait_idle(tab)
    other.close()


def test_the_maps_download_as_numbers_and_as_pictures(page: Page, app_server: AppServer) -> None:
    view(page, app_server, "map")
    name, content = download(page, numbers(page))
    assert name == "features-pca.csv"
    table = rows(content)
    assert len(table) == 1000
    assert set(table[0]) == {
        *("image", "true class", "teacher x", "teacher y", "distilled x", "distilled y")
    }
    name, content = download(page, picture(page, "svg"))
    assert name == "features-pca.svg"
    root = drawn(content)
    points = [node for node in root.iter(f"{SVG}text") if "opacity" in node.attrib]
    assert len(points) == 2000
    assert [node.text for node in points[:1000]] == [row["true class"] for row in table]
    # x grows to the right, y upwards.
    for axis, sign in (("x", 1), ("y", -1)):
        values = [float(row[f"teacher {axis}"]) for row in table]
        spots = [float(node.attrib[axis]) for node in points[:1000]]
        highest = max(range(1000), key=values.__getitem__)
        assert spots[highest] == (max(spots) if sign > 0 else min(spots))
    name, content = download(page, picture(page, "png"))
    assert name == "features-pca.png"
    assert size_of_png(content) == tuple(2 * int(root.attrib[side]) for side in ("width", "height"))


# -- looks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(VIEWS))
def test_no_view_has_barriers_of_its_own_or_scrolls_sideways(
    page: Page, app_server: AppServer, axe_baseline: Violations, name: str
) -> None:
    view(page, app_server, name, image="7")
    for size, theme in LOOKS:
        page.set_viewport_size(size)
        set_theme(page, theme)
        assert axe_violations(page, axe_baseline) == {}, (size, theme)
        assert overflow_px(page) == 0, (size, theme)
