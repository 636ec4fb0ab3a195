"""The export of a student on the page Train: the button, the download, and an error."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, errors, no_exception
from tsexplorer.errors import UserError
from tsexplorer.export.archive import Archive
from tsexplorer.services import demo
from tsexplorer.services.service import Service


def test_an_exported_student_can_be_downloaded(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = service.experiment(demo.NAME).id
    archive = Archive("mnist-distilled.zip", b"PK")
    monkeypatch.setattr(service.inference, "archive", lambda _: archive)
    page = open_page("train", experiment=key)
    page.button(key=f"take_{key}").click().run()
    no_exception(page)
    (download,) = page.get("download_button")
    assert download.proto.label == "Download (0.0 MB)"
    assert f"take_{key}" not in [button.key for button in page.button]


def test_an_export_that_fails_is_one_error(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> Archive:
        raise UserError("The weights are missing.")

    monkeypatch.setattr(service.inference, "archive", fail)
    key = service.experiment(demo.NAME).id
    page = open_page("train", experiment=key)
    page.button(key=f"take_{key}").click().run()
    assert errors(page) == ["The weights are missing."]
