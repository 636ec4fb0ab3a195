"""Words and sizes that depend on the dataset: what an image is called, names that fit a card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tsexplorer.plots.classes import short_name
from tsexplorer.ui.theme import escaped

if TYPE_CHECKING:
    from tsexplorer.data.base import DatasetInfo, ImageShape

MAX_NAME = 24
"""Longest name of a class that is shown in full, in characters; a wide character counts twice."""


def noun(info: DatasetInfo) -> str:
    """Return what one image of a dataset is called: "digit", "letter", "character" or "image"."""
    if not info.handwriting:
        return "image"
    if all(name.isdecimal() for name in info.classes):
        return "digit"
    return "letter" if all(name.isalpha() for name in info.classes) else "character"


def card_name(name: str) -> str:
    """Return the name of a class, cut to 24 characters.

    >>> card_name("pentagon")
    'pentagon'
    >>> card_name("Norwegian forest cat, long-haired")
    'Norwegian forest cat, l…'
    """
    return short_name(name, MAX_NAME)


def listed_classes(classes: Sequence[str], shown: int = 3) -> str:
    """Return the first names of classes as markdown.

    >>> listed_classes(["cat", "dog"]), listed_classes(["0", "1", "2", "3"])
    ('cat or dog', '0, 1, 2 and so on')
    """
    names = [escaped(card_name(name)) for name in classes[:shown]]
    if len(classes) > shown:
        return f"{', '.join(names)} and so on"
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def size_text(image_shape: ImageShape) -> str:
    """Return width and height of the images.

    >>> size_text((3, 32, 48))
    '48 × 32 pixels'
    """
    _, height, width = image_shape
    return f"{width} × {height} pixels"


def confidence_percent(share: float) -> str:
    """Return a confidence in percent, never rounded up to 100 %.

    >>> confidence_percent(0.5), confidence_percent(0.99999), confidence_percent(1.0)
    ('50.0 %', '> 99.9 %', '> 99.9 %')
    """
    return "> 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"
