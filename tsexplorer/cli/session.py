"""The service of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tsexplorer.settings import get_settings

if TYPE_CHECKING:
    from tsexplorer.services import Service


@contextmanager
def opened() -> Iterator[Service]:
    """The service, for as long as a command needs it.

    Raises:
        UserError: a setting is wrong, or the store cannot be opened.
    """
    from tsexplorer.services import Service

    service = Service(get_settings())
    try:
        yield service
    finally:
        service.close()
