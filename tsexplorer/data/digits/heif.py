"""HEIC, the format of iPhone photos, where the optional package pillow-heif is installed."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from tsexplorer.errors import UserError


def enable_heif() -> None:
    """Teach Pillow the format.

    Raises:
        UserError: pillow-heif is not installed.
    """
    try:
        _register()
    except ImportError:
        raise UserError(
            "HEIC photos cannot be read here, since pillow-heif is not installed; send the photo "
            "as JPEG."
        ) from None


@cache
def _register() -> None:
    import_module("pillow_heif").register_heif_opener(thumbnails=False)
