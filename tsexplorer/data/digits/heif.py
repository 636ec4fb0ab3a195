"""HEIC, the format of iPhone photos, through pillow-heif, imported with the first such photo."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from tsexplorer.errors import UserError


def enable_heif(called: str) -> None:
    """Teach Pillow the format.

    Args:
        called: name of the file that wants it, for the sentence.

    Raises:
        UserError: pillow-heif is not installed.
    """
    try:
        _register()
    except ImportError:
        raise UserError(
            f"{called} is a HEIC photo, which cannot be read here since pillow-heif is not "
            "installed; send it as JPEG."
        ) from None


@cache
def _register() -> None:
    import_module("pillow_heif").register_heif_opener(thumbnails=False)
