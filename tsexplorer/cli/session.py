"""The settings and the service of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tsexplorer.errors import UserError
from tsexplorer.settings import Settings, get_settings
from tsexplorer.specs import first_sentence

if TYPE_CHECKING:
    from tsexplorer.service import Service


def settings() -> Settings:
    """The settings in force.

    Raises:
        UserError: one in the environment or in .env is wrong.
    """
    try:
        return get_settings()
    except ValidationError as error:
        raise UserError(
            f"A setting in the environment (TSEXPLORER_…) is wrong: {first_sentence(error)}"
        ) from error


@contextmanager
def opened() -> Iterator[Service]:
    """The service, for as long as a command needs it.

    Raises:
        UserError: a setting is wrong, or the store cannot be opened.
    """
    from tsexplorer.service import Service

    service = Service(settings())
    try:
        yield service
    finally:
        service.close()
