"""Names of classes that fit into a figure, and which classes a figure shows if there are many."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from tsexplorer.analysis.soft_targets import Floats, Integers

NAME_WIDTH = 14
"""Characters of a shortened name; a wide character, as of Chinese, counts twice."""
TAIL = 5
"""Last characters of a name that are kept where the first ones are those of another class."""
MAX_ROWS = 12
"""Classes up to which each class has a row."""
LIKELIEST = 10
"""Classes with a row of their own if there are more than :data:`MAX_ROWS`."""
MAX_CLASSES = 20
"""Classes in a matrix or in a chart with one bar for each class."""
JOINERS = "\u200d\ufe0e\ufe0f"


def short_name(name: str, width: int = NAME_WIDTH) -> str:
    """Return a name cut to a width, with an ellipsis at its end.

    >>> short_name("Ankle boot"), short_name("diaper, nappy, napkin"), short_name("漢" * 20)
    ('Ankle boot', 'diaper, nappy…', '漢漢漢漢漢漢…')
    """
    text = " ".join(name.split())
    return text if _width(text) <= width else f"{_head(text, width - 1)}…"


def short_names(names: Sequence[str], width: int = NAME_WIDTH) -> tuple[str, ...]:
    """Return shortened names that differ from each other.

    >>> short_names(["Bag", "a very long name, first", "a very long name, second"])
    ('Bag', 'a very l…first', 'a very l…econd')
    """
    short = [short_name(name, width) for name in names]
    counts = Counter(short)
    for label, name in enumerate(names):
        if counts[short[label]] > 1 and _width(name) > width:
            text = " ".join(name.split())
            short[label] = f"{_head(text, width - TAIL - 1)}…{text[-TAIL:]}"
    taken: set[str] = set()
    for label, text in enumerate(short):
        while text in taken:
            text = f"{_head(text, width - 5)}… #{label}" if "#" not in text else f"{text}′"
        taken.add(text)
        short[label] = text
    return tuple(short)


def _width(text: str) -> int:
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or character in JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _head(text: str, width: int) -> str:
    """The first characters that fit; a letter keeps its accents, or both are left out."""
    end, used = 0, 0
    while end < len(text) and used + _columns(text[end]) <= width:
        used += _columns(text[end])
        end += 1
    while 0 < end < len(text) and (
        not _columns(text[end]) or text[end - 1] in JOINERS or not text[end - 1].strip()
    ):
        end -= 1
    return text[:end]


# -- which classes ------------------------------------------------------------------------------


def likeliest_classes(nets: Sequence[Floats], count: int, also: Iterable[int] = ()) -> list[int]:
    """Return the likeliest classes of all nets together, those of the first net first.

    The nets take turns: the likeliest class of each net, then the second of each net, and so on.
    The choice is the same at every T, because T does not change the order of a net's classes.

    Args:
        nets: C logits or probabilities of each net.
        count: number of classes.
        also: further classes, which are shown even if they are less likely.

    Returns:
        Class numbers, in the order of the first net's values.
    """
    orders = [np.argsort(-np.asarray(values_C), kind="stable").tolist() for values_C in nets]
    ranked = dict.fromkeys(label for labels in zip(*orders, strict=True) for label in labels)
    chosen = {*list(ranked)[:count], *also}
    return [label for label in orders[0] if label in chosen]


def largest_classes(amounts_C: Floats, count: int = MAX_CLASSES) -> list[int]:
    """Return the classes with the largest amounts, in the order of their numbers.

    Args:
        amounts_C: by class; NaN counts as the smallest.
        count: number of classes.
    """
    amounts_C = np.where(np.isnan(amounts_C), -np.inf, amounts_C)
    return sorted(np.argsort(-amounts_C, kind="stable")[:count].tolist())


def confused_classes(*matrices: Floats | Integers, count: int = MAX_CLASSES) -> list[int]:
    """Return the classes with the largest sums beside the diagonal, by row and column together.

    Args:
        matrices: C×C by true class and answer; NaN: no value.
        count: number of classes.

    Returns:
        Class numbers in ascending order; all of them if there are no more.
    """
    sums_C = np.zeros(len(matrices[0]))
    for values_CC in matrices:
        amounts_CC = np.abs(np.nan_to_num(values_CC.astype(np.float64)))
        np.fill_diagonal(amounts_CC, 0.0)
        sums_C += amounts_CC.sum(0) + amounts_CC.sum(1)
    return largest_classes(sums_C, count)
