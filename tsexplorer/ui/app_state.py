"""What lives in the process and so survives a reload: the one service, behind every session."""

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
def _service() -> Service:
    service = Service(get_settings())
    service.serve()
    return service


def begin() -> None:
    """Open the service before anybody asks for it; raises what :func:`get_service` shows."""
    _service()


def get_service() -> Service:
    """The service of this process; a page that cannot have it says why and stops."""
    try:
        return _service()
    except UserError as error:
        st.error(escaped(str(error)), icon=":material/database_off:")
        st.stop()


@contextmanager
def visit() -> Iterator[None]:
    """A page is being drawn: training gives way."""
    with get_service().page_priority.visit():
        yield


@contextmanager
def sentences() -> Iterator[None]:
    """Show what a person can mend as one sentence; anything else as one, too, and log it."""
    try:
        yield
    except UserError as error:
        st.error(escaped(str(error)), icon=":material/error:")
    except Exception as error:
        if type(error).__module__.startswith("streamlit.runtime"):
            raise  # how fragments end early, no error
        log.exception("a page failed")
        st.error(
            f"This part of the page met an unexpected error ({type(error).__name__}); "
            "the rest still works. The server's log has the details.",
            icon=":material/error:",
        )
