"""Numbers as people read them."""

from __future__ import annotations

from datetime import datetime

from tsexplorer.analysis.gain import Interval

NONE = "–"


def percent(value: float | None, digits: int = 2) -> str:
    """A share of 1 in percent; a dash where there is none.

    >>> percent(0.98765), percent(-0.004, 0), percent(None)
    ('98.77 %', '0 %', '–')
    """
    return NONE if value is None else f"{_number(value, digits)} %"


def with_interval(value: Interval | None, digits: int = 2) -> str:
    """A mean in percent with half its 95 % interval, where several seeds give one.

    >>> with_interval(Interval(0.98, 0.001, 5)), with_interval(Interval(0.98, None, 1))
    ('98.00 ± 0.10 %', '98.00 %')
    """
    if value is None or value.half is None:
        return percent(value.mean if value else None, digits)
    return f"{_number(value.mean, digits)} ± {_number(value.half, digits)} %"


def _number(share: float, digits: int) -> str:
    """A share of 1 as so many percent, never as -0."""
    return f"{round(100 * share, digits) + 0.0:.{digits}f}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them.

    >>> duration(7.3), duration(125), duration(4000), duration(None)
    ('7 s', '2 min 5 s', '1 h 6 min', '–')
    """
    if seconds is None:
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(count: int) -> str:
    """Bytes as people read them.

    >>> size(203_560), size(13_515_880)
    ('204 kB', '13.5 MB')
    """
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


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
