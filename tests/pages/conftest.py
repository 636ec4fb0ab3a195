"""A page under Streamlit's AppTest: no browser, no JavaScript, no timers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.ui import app_state
from tsexplorer.ui.forms import MORE
from tsexplorer.ui.study.picker import KIND
from tsexplorer.ui.teachers import OPEN

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60

OpenPage = Callable[..., AppTest]


KINDS = ("sweep", "tuning", "repeat")


@pytest.fixture
def service(settled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The service that the pages of this test ask."""
    one = Service(get_settings())
    monkeypatch.setattr(app_state, "_service", lambda: one)
    yield one
    one.close()
    st.cache_resource.clear()


@pytest.fixture
def open_page(service: Service) -> OpenPage:
    """``open_page("train", experiment=…)``: a page with its URL parameters, drawn once.

    ``sweep``, ``tuning`` and ``repeat`` are the page Tune with this kind of study chosen.
    """

    def opened(name: str, **parameters: Any) -> AppTest:
        kind = name if name in KINDS else None
        page = AppTest.from_file(str(ROOT / "pages" / f"{'tune' if kind else name}.py"))
        page.default_timeout = PATIENCE_SECONDS
        page.session_state[MORE] = page.session_state[OPEN] = True
        if kind:
            page.session_state[KIND] = kind
        for key, value in parameters.items():
            page.query_params[key] = value
        page.run()
        no_exception(page)
        return page

    return opened


def no_exception(page: AppTest) -> None:
    """Fail if the page shows an exception."""
    assert not page.exception, [one.value for one in page.exception]


def errors(page: AppTest) -> list[str]:
    """Sentences on what is wrong, as they are read: without the marks that keep out markdown."""
    return [re.sub(r"\\(.)", r"\1", one.value) for one in page.error]


def words(page: AppTest) -> str:
    """All that a page says, in one text."""
    kinds = (page.title, page.subheader, page.markdown, page.caption, page.info, page.warning)
    said = [one.value for kind in kinds for one in kind]
    said += errors(page)
    said += [f"{one.label} {one.value}" for one in page.metric]
    return "\n".join(str(text) for text in said)
