"""Counts with nouns, and times of day, as a shell prints them."""

from __future__ import annotations

from datetime import datetime

from tsexplorer.analysis.words import NONE


def plural(count: int, word: str) -> str:
    """A count with its noun.

    >>> plural(1, "seed"), plural(1200, "image")
    ('1 seed', '1,200 images')
    """
    return f"{count:,} {word}{'s' * (count != 1)}"


def moment(when: str | None) -> str:
    """A time, given in ISO 8601, on this machine's clock, to the minute."""
    if when is None:
        return NONE
    return datetime.fromisoformat(when).astimezone().strftime("%Y-%m-%d %H:%M")
