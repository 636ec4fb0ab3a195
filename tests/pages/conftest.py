"""Pages under Streamlit's AppTest: no browser, no JavaScript, no timers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.examples import start_study
from tsexplorer.services import ACTIVE, StudySnapshot
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import Spec
from tsexplorer.ui import app_state
from tsexplorer.ui.forms import MORE_OPEN
from tsexplorer.ui.study.picker import KIND
from tsexplorer.ui.teachers import OPEN

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
STUDY_KINDS = ("sweep", "tuning", "repeat")

OpenPage = Callable[..., AppTest]


@pytest.fixture
def service(settled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The service of the pages."""
    opened = Service(get_settings())
    monkeypatch.setattr(app_state, "open_service", lambda: opened)
    yield opened
    opened.close()
    st.cache_resource.clear()


@pytest.fixture
def open_page(service: Service) -> OpenPage:
    """``open_page("train", experiment=…)`` runs a page once with its URL parameters.

    ``sweep``, ``tuning`` and ``repeat`` are the page Tune with this kind of study chosen.
    """

    def opened(name: str, **parameters: Any) -> AppTest:
        kind = name if name in STUDY_KINDS else None
        page = AppTest.from_file(str(ROOT / "pages" / f"{'tune' if kind else name}.py"))
        page.default_timeout = PATIENCE_SECONDS
        page.session_state[MORE_OPEN] = page.session_state[OPEN] = True
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
    assert not page.exception, [exception.value for exception in page.exception]


def errors(page: AppTest) -> list[str]:
    """Return the error sentences of a page, without the escapes of markdown."""
    return [re.sub(r"\\(.)", r"\1", error.value) for error in page.error]


def page_text(page: AppTest) -> str:
    """Return all texts of a page, one per line."""
    groups = (page.title, page.subheader, page.markdown, page.caption, page.info, page.warning)
    texts = [str(element.value) for elements in groups for element in elements]
    texts += errors(page)
    texts += [f"{metric.label} {metric.value}" for metric in page.metric]
    return "\n".join(texts)


def train_study(service: Service, spec: Spec, name: str) -> StudySnapshot[Any]:
    """Train a study to its end and return it."""
    study_id = start_study(service, spec, name).id
    deadline = time.monotonic() + PATIENCE_SECONDS
    while service.studies.get(study_id).status in ACTIVE and time.monotonic() < deadline:
        time.sleep(0.05)
    study = service.studies.get(study_id)
    assert study.status == "done"
    return study
