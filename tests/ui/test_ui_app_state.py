"""The service of the process, and errors as sentences."""

from __future__ import annotations

import time

from streamlit.testing.v1 import AppTest

from tests.examples import TINY
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.ui import app_state

PATIENCE_SECONDS = 60


def test_queued_jobs_are_trained_after_a_restart() -> None:
    before = Service(get_settings())
    job = before.enqueue(TINY).id
    before.close()
    app_state.open_service.clear()
    service = app_state.get_service()
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while service.store.job(job).status != "done" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert service.store.job(job).status == "done"
        assert app_state.get_service() is service
    finally:
        service.close()
        app_state.open_service.clear()


def test_markdown_in_an_error_is_escaped() -> None:
    """Otherwise every reader's browser would fetch an image in an experiment's name."""

    def page() -> None:
        from tsexplorer.errors import UserError
        from tsexplorer.ui.app_state import show_errors

        with show_errors():
            raise UserError('"![a](https://example.org/t.png)" is being trained; cancel it first.')

    (error,) = AppTest.from_function(page).run().error
    assert error.value.startswith('"\\!\\[a\\]\\(https\\:')
