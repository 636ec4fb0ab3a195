"""State of the process, shared by all sessions: the service. Errors are shown here, too."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from tsexplorer.errors import UserError
from tsexplorer.services import Service
from tsexplorer.settings import get_settings
from tsexplorer.ui.theme import escaped

log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def open_service() -> Service:
    """Open the service of this process; later calls return the same one.

    Raises:
        UserError: its store cannot be opened. :func:`get_service` shows this on a page.
    """
    service = Service(get_settings())
    service.serve()
    return service


def get_service() -> Service:
    """Return the service; if it cannot be opened, show the reason and stop the page."""
    try:
        return open_service()
    except UserError as error:
        st.error(escaped(str(error)), icon=":material/database_off:")
        st.stop()


@contextmanager
def drawing_page() -> Iterator[None]:
    """Give a page that is being drawn priority over training."""
    with get_service().page_priority.drawing_page():
        yield


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an error as one sentence; log it unless it is a :class:`UserError`."""
    try:
        yield
    except UserError as error:
        st.error(escaped(str(error)), icon=":material/error:")
    except Exception as error:
        if type(error).__module__.startswith("streamlit.runtime"):
            raise  # Streamlit's own control flow: rerun and stop
        log.exception("a page failed")
        st.error(
            f"This part of the page failed with an unexpected error ({type(error).__name__}). "
            "The other parts still work. The server’s log has the details.",
            icon=":material/error:",
        )
