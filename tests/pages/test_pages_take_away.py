"""The way out of the app: a button, a download, or a sentence."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, errors, no_exception
from tsexplorer.errors import UserError
from tsexplorer.export.archive import Archive
from tsexplorer.services import demo
from tsexplorer.services.service import Service


def test_the_student_can_be_taken_away(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = service.experiment(demo.NAME).id
    made = Archive("mnist-distilled.zip", b"PK")
    monkeypatch.setattr(service.reading, "archive", lambda _: made)
    page = open_page("train", experiment=key)
    page.button(key=f"take_{key}").click().run()
    no_exception(page)
    (button,) = page.get("download_button")
    assert button.proto.label == "Download (0.0 MB)"
    assert f"take_{key}" not in [one.key for one in page.button]


def test_why_a_student_cannot_be_taken_away_is_one_sentence(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> Archive:
        raise UserError("Its weights are gone.")

    monkeypatch.setattr(service.reading, "archive", refused)
    key = service.experiment(demo.NAME).id
    page = open_page("train", experiment=key)
    page.button(key=f"take_{key}").click().run()
    assert errors(page) == ["Its weights are gone."]
