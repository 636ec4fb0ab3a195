"""Shares, counts, times and names as people read them, on pages and in the shell alike."""

from __future__ import annotations

from tsexplorer.analysis.seed_statistics import Interval

NONE = "–"


def percent(value: float | None, digits: int = 2) -> str:
    """A share of 1 in percent; a dash where there is none.

    >>> percent(0.98765), percent(-0.004, 0), percent(-0.12, 0), percent(None)
    ('98.77 %', '0 %', '−12 %', '–')
    """
    return NONE if value is None else f"{_number(value, digits)} %"


def with_interval(value: Interval | None, digits: int = 2) -> str:
    """A mean in percent with half its 95 % interval, where several seeds give one.

    >>> with_interval(Interval(0.98, 0.001, 5)), with_interval(Interval(-0.004, 0.04, 5), 0)
    ('98.00 ± 0.10 %', '0 ± 4 %')
    >>> with_interval(Interval(0.98, None, 1)), with_interval(None)
    ('98.00 %', '–')
    """
    if value is None or value.half is None:
        return percent(value.mean if value else None, digits)
    return f"{_number(value.mean, digits)} ± {_number(value.half, digits)} %"


def points(value: Interval | None) -> str:
    """A difference of shares of 1 in percentage points, with its sign.

    >>> points(Interval(0.0014, 0.0024, 5)), points(Interval(-0.001, None, 1))
    ('+0.14 ± 0.24', '−0.10')
    >>> points(Interval(-0.00001, 0.0005, 5)), points(None)
    ('+0.00 ± 0.05', '–')
    """
    if value is None:
        return NONE
    half = "" if value.half is None else f" ± {_number(value.half, 2)}"
    return f"{round(100 * value.mean, 2) + 0.0:+.2f}{half}".replace("-", "−")


def _number(share: float, digits: int) -> str:
    """A share of 1 as so many percent, never as -0."""
    return f"{round(100 * share, digits) + 0.0:.{digits}f}".replace("-", "−")


def begun(phrase: str) -> str:
    """A phrase as the beginning of a sentence.

    >>> begun("test split of MNIST")
    'Test split of MNIST'
    """
    return phrase[:1].upper() + phrase[1:]


def with_article(name: str) -> str:
    """A class's name behind a or an, as it is spoken.

    >>> [with_article(name) for name in ("8", "3", "F", "U", "Ankle boot", "Sneaker")]
    ['an 8', 'a 3', 'an F', 'a U', 'an Ankle boot', 'a Sneaker']
    """
    vowels = "8AEFHILMNORSX" if len(name) == 1 else "AEIO8"
    return f"a{'n' * (name[:1].upper() in vowels)} {name}"


def plural(count: int, word: str) -> str:
    """A count with its noun.

    >>> plural(1, "seed"), plural(1200, "image")
    ('1 seed', '1,200 images')
    """
    return f"{count:,} {word}{'s' * (count != 1)}"


def counted(value: float) -> str:
    """A count as people read it.

    >>> counted(50890), counted(5650560)
    ('50,890', '5.65 million')
    """
    return f"{value / 1e6:.3g} million" if value >= 1e6 else f"{value:,.0f}"


def size(count: int) -> str:
    """Bytes as people read them.

    >>> size(203560), size(246)
    ('204 kB', '246 B')
    """
    for unit, factor in (("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} B"


def duration(seconds: float | None) -> str:
    """Time as people say it.

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
