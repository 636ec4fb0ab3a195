"""Times of day, as a shell prints them."""

from __future__ import annotations

from datetime import datetime

from tsexplorer.analysis.words import NONE


def moment(when: str | None) -> str:
    """A time, given in ISO 8601, on this machine's clock, to the minute."""
    if when is None:
        return NONE
    return datetime.fromisoformat(when).astimezone().strftime("%Y-%m-%d %H:%M")
