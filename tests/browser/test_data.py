"""The page Data in Chromium: upload, preview, keep, and the way to Train."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.harness import SIZES_AND_THEMES, overflow_px, set_theme, visit, wait_idle
from tests.browser.server import AppServer
from tests.importing.import_examples import class_folders, write_zip

IMPORTED_MS = 60_000
LONG_NAME = "a class with a <i>very</i> long name " + "that goes on " * 8

pytestmark = pytest.mark.browser


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "pets.zip", class_folders("cat", LONG_NAME, "犬", count=12))


def upload(page: Page, path: Path) -> None:
    page.locator("input[type=file]").set_input_files(path)
    wait_idle(page)
    page.get_by_role("button", name="Read the images").click()


def test_uploaded_images_are_kept_and_chosen_on_train(
    page: Page, app_server: AppServer, archive: Path
) -> None:
    visit(page, app_server, "/data")
    upload(page, archive)
    keep = page.get_by_role("button", name="Keep", exact=True)
    expect(keep).to_be_visible(timeout=IMPORTED_MS)
    expect(page.get_by_text("36 images of 3 classes")).to_be_visible()
    for size, theme in SIZES_AND_THEMES:
        page.set_viewport_size(size)
        set_theme(page, theme)
        assert overflow_px(page) == 0
    keep.click()
    expect(page.get_by_role("button", name="Train on it")).to_be_visible(timeout=IMPORTED_MS)
    page.reload()
    wait_idle(page)
    page.get_by_role("button", name="Train on it").click()
    expect(page).to_have_url(re.compile(r"/train\?.*data=images-"))
    wait_idle(page)
    expect(page.get_by_text("conv 16-32-32-64-64")).to_be_visible()


def test_a_wrong_file_is_one_sentence(page: Page, app_server: AppServer, tmp_path: Path) -> None:
    path = tmp_path / "notes.zip"
    path.write_text("not a zip file")
    visit(page, app_server, "/data")
    upload(page, path)
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("no zip file", timeout=IMPORTED_MS)
    expect(alert).to_have_count(1)
