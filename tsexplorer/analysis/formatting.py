"""Text formatting of shares, counts, times and names, for pages and shell."""

from __future__ import annotations

from tsexplorer.analysis.seed_statistics import Interval

NO_VALUE = "–"


def percent(value: float | None, digits: int = 2) -> str:
    """Format a share of 1 in percent; a dash for None.

    >>> percent(0.98765), percent(-0.004, 0), percent(-0.12, 0), percent(None)
    ('98.77 %', '0 %', '−12 %', '–')
    """
    return NO_VALUE if value is None else f"{_percent_number(value, digits)} %"


def with_interval(value: Interval | None, digits: int = 2) -> str:
    """Format a mean in percent, with half its 95 % interval if there is one.

    >>> with_interval(Interval(0.98, 0.001, 5)), with_interval(Interval(-0.004, 0.04, 5), 0)
    ('98.00 ± 0.10 %', '0 ± 4 %')
    >>> with_interval(Interval(0.98, None, 1)), with_interval(None)
    ('98.00 %', '–')
    """
    if value is None or value.half is None:
        return percent(value.mean if value else None, digits)
    return f"{_percent_number(value.mean, digits)} ± {_percent_number(value.half, digits)} %"


def points(value: Interval | None) -> str:
    """Format a difference of shares of 1 in percentage points, with its sign.

    >>> points(Interval(0.0014, 0.0024, 5)), points(Interval(-0.001, None, 1))
    ('+0.14 ± 0.24', '−0.10')
    >>> points(Interval(-0.00001, 0.0005, 5)), points(None)
    ('+0.00 ± 0.05', '–')
    """
    if value is None:
        return NO_VALUE
    half = "" if value.half is None else f" ± {_percent_number(value.half, 2)}"
    return f"{round(100 * value.mean, 2) + 0.0:+.2f}{half}".replace("-", "−")


def _percent_number(share: float, digits: int) -> str:
    """Format a share of 1 as a number of percent; never as -0."""
    return f"{round(100 * share, digits) + 0.0:.{digits}f}".replace("-", "−")


def capitalised(phrase: str) -> str:
    """Return a phrase with its first letter in upper case; the rest stays as it is.

    >>> capitalised("test split of MNIST")
    'Test split of MNIST'
    """
    return phrase[:1].upper() + phrase[1:]


def with_article(name: str) -> str:
    """Put "a" or "an" before the name of a class, by its pronunciation.

    >>> [with_article(name) for name in ("8", "3", "F", "U", "Ankle boot", "Sneaker")]
    ['an 8', 'a 3', 'an F', 'a U', 'an Ankle boot', 'a Sneaker']
    """
    vowels = "8AEFHILMNORSX" if len(name) == 1 else "AEIO8"
    return f"a{'n' * (name[:1].upper() in vowels)} {name}"


def plural(count: int, noun: str) -> str:
    """Format a count with its noun.

    >>> plural(1, "seed"), plural(1200, "image")
    ('1 seed', '1,200 images')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def format_count(value: float) -> str:
    """Format a count, from a million on with three significant digits.

    >>> format_count(50890), format_count(5650560)
    ('50,890', '5.65 million')
    """
    return f"{value / 1e6:.3g} million" if value >= 1e6 else f"{value:,.0f}"


def format_size(count: int) -> str:
    """Format a number of bytes in B, kB or MB.

    >>> format_size(203560), format_size(246)
    ('204 kB', '246 B')
    """
    for unit, factor in (("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} B"


def duration(seconds: float | None) -> str:
    """Format a duration in hours, minutes and seconds; a dash for None.

    >>> duration(7.3), duration(125), duration(4000), duration(None)
    ('7 s', '2 min 5 s', '1 h 6 min', '–')
    """
    if seconds is None:
        return NO_VALUE
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
