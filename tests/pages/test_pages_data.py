"""The page Data: the list of imported images, the preview of an import, keep and delete."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.importing.import_examples import class_folders, write_zip
from tests.pages.conftest import OpenPage, errors, no_exception, page_text
from tsexplorer.importing.preparation import ImportOptions
from tsexplorer.services.service import Service
from tsexplorer.ui.datasets import IMPORT

PATIENCE_SECONDS = 30


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "pets.zip", class_folders("cat", "<b>dog</b>", count=20))


def ready_import(service: Service, path: Path, **options: object) -> str:
    """The key of an import that can be kept or that has failed."""
    key = service.datasets.start(path, path.name, ImportOptions(**options))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (state := service.datasets.state(key)) is not None and state.status == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return key


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    no_exception(page)
    return page


def test_without_images_the_page_offers_an_example(open_page: OpenPage) -> None:
    page = open_page("data")
    assert "None yet" in page_text(page)
    assert page.button(key="import_example").label == "Try it with example images"


def test_an_import_is_seen_before_it_is_kept(
    open_page: OpenPage, service: Service, archive: Path
) -> None:
    page = open_page("data", **{IMPORT: ready_import(service, archive)})
    text = page_text(page)
    assert "40 images of **2 classes**, 32×32 pixels, colour" in text
    assert "Few training images" in text
    assert service.datasets.all() == ()
    page.text_input(key="import.title").set_value("My pets")
    press(page, "import_keep")
    (dataset,) = service.datasets.all()
    assert dataset.info.title == "My pets"
    assert IMPORT not in page.query_params
    assert "14 training" not in page_text(page)
    assert "28 training, 6 validation and 6 test images" in page_text(page)


def test_a_discarded_import_leaves_nothing(
    open_page: OpenPage, service: Service, archive: Path
) -> None:
    page = open_page("data", **{IMPORT: ready_import(service, archive)})
    press(page, "import_discard")
    assert service.datasets.all() == ()
    assert not errors(page)


def test_a_failed_import_is_one_sentence(
    open_page: OpenPage, service: Service, tmp_path: Path
) -> None:
    single = write_zip(tmp_path / "single.zip", class_folders("cat"))
    page = open_page("data", **{IMPORT: ready_import(service, single)})
    (sentence,) = errors(page)
    assert "There is one class" in sentence


def test_an_unknown_import_is_ignored(open_page: OpenPage) -> None:
    page = open_page("data", **{IMPORT: "12345678"})
    assert not errors(page)
    assert IMPORT not in page.query_params


def test_a_size_out_of_range_is_one_sentence(open_page: OpenPage) -> None:
    page = open_page("data")
    page.number_input(key="import.height").set_value(8).run()
    no_exception(page)
    (sentence,) = errors(page)
    assert sentence.startswith("Height")
    assert "16" in sentence


def test_images_are_renamed_and_deleted(
    open_page: OpenPage, service: Service, archive: Path
) -> None:
    preparation = service.datasets.prepare(archive, "pets.zip", ImportOptions())
    name = preparation.keep("pets").name
    page = open_page("data")
    page.text_input(key=f"title_{name}").set_value("animals")
    press(page, f"rename_{name}")
    assert service.datasets.all()[0].info.title == "animals"
    press(page, f"delete_{name}")
    assert service.datasets.all() == ()
