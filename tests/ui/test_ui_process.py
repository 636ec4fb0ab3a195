"""The one service of a process."""

from __future__ import annotations

import time

from streamlit.testing.v1 import AppTest

from tests.examples import TINY
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.ui import app_state

PATIENCE_SECONDS = 60


def test_jobs_that_were_queued_when_the_app_died_are_trained_when_it_comes_back() -> None:
    before = Service(get_settings())
    job = before.enqueue(TINY).id
    before.close()
    app_state._service.clear()
    service = app_state.get_service()
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while service.store.job(job).status != "done" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert service.store.job(job).status == "done"
        assert app_state.get_service() is service
    finally:
        service.close()
        app_state._service.clear()


def test_what_people_typed_is_no_markdown_in_a_sentence() -> None:
    """An image in a name would be fetched by whoever reads the sentence."""

    def page() -> None:
        from tsexplorer.errors import UserError
        from tsexplorer.ui.app_state import sentences

        with sentences():
            raise UserError('"![a](https://example.org/t.png)" is at work; cancel it first.')

    (said,) = AppTest.from_function(page).run().error
    assert said.value.startswith('"\\!\\[a\\]\\(https\\:')
