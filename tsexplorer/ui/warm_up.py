"""What a first visitor would wait for, done before the server takes requests.

Imports and the store take a second and a half. During the first visit they would compete with the
sending of the page for the interpreter: the two together took as long as one after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

log = logging.getLogger(__name__)
NEEDED = ("plotly.graph_objects", "tsexplorer.plots.compare", "tsexplorer.ui.results")


@asynccontextmanager
async def warmed(_app: Any) -> AsyncIterator[None]:
    """The server's life, from its first request on."""
    await asyncio.to_thread(warm)
    yield


def warm() -> None:
    """Import what the first page needs, and open the store. Never raises: pages say what fails."""
    try:
        for name in NEEDED:
            import_module(name)
        from tsexplorer.ui import app_state

        app_state.begin()
    except Exception as error:
        log.info("the first page will say what is wrong: %s", error)
