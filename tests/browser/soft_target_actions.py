"""What a person does with the page Soft targets, and what it shows and saves."""

from __future__ import annotations

import csv
import io
import re
import struct
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from playwright.sync_api import Locator, Page, expect

from tests.browser.harness import visit
from tests.browser.server import AppServer

SVG = "{http://www.w3.org/2000/svg}"
PNG = b"\x89PNG\r\n\x1a\n"


def open_view(page: Page, server: AppServer, name: str, **query: str) -> None:
    """Open a view of the page by its name in the URL."""
    rest = "".join(f"&{key}={value}" for key, value in query.items())
    visit(page, server, f"/soft_targets?view={name}{rest}")


def query_of(page: Page) -> dict[str, str]:
    """The query parameters of the URL."""
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def expect_query(page: Page, key: str, value: str) -> None:
    """Wait until the URL has a query parameter."""
    expect(page).to_have_url(re.compile(rf"[?&]{key}={re.escape(value)}(&|$)"))


def get_lens(page: Page) -> Locator:
    """The lens of the view *One image*."""
    lens = page.locator(".lens")
    expect(lens).to_be_visible()
    return lens


def temperature_slider(page: Page) -> Locator:
    """The slider of the lens."""
    return get_lens(page).get_by_role("slider", name="Temperature T")


# -- files ----------------------------------------------------------------------------------------


def download(page: Page, button: Locator) -> tuple[str, bytes]:
    """Click a button; returns name and content of the file that it saves."""
    with page.expect_download() as saved:
        button.click()
    return saved.value.suggested_filename, Path(saved.value.path()).read_bytes()


def csv_button(page: Page) -> Locator:
    """The button that saves the numbers."""
    return page.get_by_role("button", name="Numbers (CSV)")


def picture_button(page: Page, kind: str) -> Locator:
    """The button that saves the picture; ``kind`` is svg or png."""
    return page.locator(f".save [data-kind={kind}]")


def parse_csv(content: bytes) -> list[dict[str, str]]:
    """The rows by column."""
    return list(csv.DictReader(io.StringIO(content.decode())))


def parse_svg(content: bytes) -> ElementTree.Element:
    """The root of an SVG, after a check that it needs no other file."""
    root = ElementTree.fromstring(content)
    assert root.tag == f"{SVG}svg"
    assert b"href" not in content
    assert b"var(" not in content
    return root


def svg_texts(root: ElementTree.Element) -> list[str]:
    """All texts of an SVG."""
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def check_png_size(content: bytes, svg: ElementTree.Element) -> None:
    """Check that a PNG has twice the width and height of the SVG."""
    assert content.startswith(PNG)
    size = struct.unpack(">II", content[16:24])
    assert size == tuple(2 * float(svg.attrib[side]) for side in ("width", "height"))
