"""What the server needs: the script that Streamlit runs for each visit, and the warm-up.

The script is in a folder of its own. Streamlit takes a ``pages/`` folder beside its script for the
old multipage mode until a session has called ``st.navigation``: a first visit to ``/train`` would
run ``pages/train.py`` alone. The script's folder also joins ``sys.path``, where modules with names
like ``queue`` do harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

SCRIPT = Path(__file__).with_name("script.py")
IMPORTED_EARLY = ("plotly.graph_objects", "tsexplorer.plots.compare", "tsexplorer.ui.results")
"""Modules of the first page that are slow to import."""


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Warm up before the server takes its first request."""
    await asyncio.to_thread(warm_up)
    yield


def warm_up() -> None:
    """Import what the first page needs, and open the store. Never raises: the page shows errors.

    This takes about 1.5 s. During the first visit it would compete with sending the page for the
    interpreter, so that the visitor would wait for both.
    """
    try:
        for name in IMPORTED_EARLY:
            import_module(name)
        from tsexplorer.ui.app_state import open_service

        open_service()
    except Exception as error:
        log.info("the warm-up failed; the first page shows the error: %s", error)
