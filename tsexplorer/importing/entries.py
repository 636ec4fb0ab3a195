"""What a source of images gives: one entry for each image, whose pixels are read when needed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsexplorer.data.base import Fit
from tsexplorer.errors import UserError

Part = Literal["train", "validation", "test", "unlabelled"]
PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
    "unlabelled": "unlabelled",
    "unlabeled": "unlabelled",
}
"""Names of folders and the parts of a dataset that they hold."""
FILE_PARTS: dict[str, Part] = {
    "train": "train",
    "val": "validation",
    "validation": "validation",
    "valid": "validation",
    "test": "test",
    "t10k": "test",
}
"""Words in the names of arrays and files, and the splits that they mean."""
MAX_CLASSES = 200
MAX_CLASS_NAME = 300
MAX_IMAGES = 2_000_000

Pixels = NDArray[np.uint8]
"""uint8 H×W in grey, or H×W×3 in colour."""


class InputShape(NamedTuple):
    """The shape of a dataset's images, H×W or H×W×3, and how pictures are fitted to it."""

    shape: tuple[int, ...]
    fit: Fit


class Entry(NamedTuple):
    """An image of a source.

    Attributes:
        name: for messages, such as its path in the source.
        label: index of its class; -1 without a label.
        part: the split that the source assigns; None: the import decides.
        read: returns the pixels in the shape and fit of the dataset; raises a ``UserError`` if they
            cannot be read.
    """

    name: str
    label: int
    part: Part | None
    read: Callable[[InputShape], Pixels]


@dataclass(frozen=True)
class Source:
    """Images that can be imported.

    Attributes:
        origin: what it is, for display, such as "flowers.zip".
        classes: names of the classes, by label.
        entries: all images, in a fixed order.
        notes: sentences about what was assumed.
    """

    origin: str
    classes: tuple[str, ...]
    entries: Sequence[Entry]
    notes: tuple[str, ...] = ()


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which "class 2" is before "class 10".

    >>> sorted(["10", "9", "b", "a"], key=natural_key)
    ['9', '10', 'a', 'b']
    """
    parts = re.split(r"(\d+)", _folded(text))
    # A number is compared by its length, then by its digits: int() refuses thousands of digits.
    numbers = (part.lstrip("0") if part.isdecimal() else None for part in parts)
    return tuple(
        (1, 0, part) if number is None else (0, len(number), number)
        for part, number in zip(parts, numbers, strict=True)
        if part
    )


def sorted_naturally(names: Iterable[str]) -> list[str]:
    """Names in natural order; it does not depend on the order in which they are given."""
    return sorted(names, key=lambda name: (natural_key(name), name))


def part_in_name(name: str) -> Part | None:
    """The split that a word in a file name gives; None if there is none.

    >>> part_in_name("train-00000-of-00001.parquet"), part_in_name("t10k-images-idx3-ubyte")
    ('train', 'test')
    """
    words = re.split(r"[^a-z0-9]+", name.casefold())
    return next((FILE_PARTS[word] for word in words if word in FILE_PARTS), None)


def clean_class_name(name: str) -> str:
    """A class name without characters that cannot be shown."""
    printable = "".join(character for character in name if character.isprintable())
    return " ".join(printable.split())[:MAX_CLASS_NAME] or "unnamed"


def check_classes(names: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes in their order.

    Raises:
        UserError: there are too few or too many, or two names differ in case alone.
    """
    if not names:
        raise UserError(
            "There are no images in class folders; put the images of each class into a folder "
            "with the name of the class."
        )
    if len(names) == 1:
        raise UserError(
            f"There is one class, “{shown(names[0])}”; a net needs at least two, so add images of "
            "another class."
        )
    if len(names) > MAX_CLASSES:
        raise UserError(
            f"There are {len(names):,} classes, and the limit is {MAX_CLASSES}; import the images "
            "of fewer classes."
        )
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(_folded(name), name)
        if other != name:
            raise UserError(
                f"The classes “{shown(other)}” and “{shown(name)}” differ only in capital letters "
                "or in how an accent is stored; rename one of them or put their images together."
            )
    return tuple(names)


def _folded(text: str) -> str:
    """A name without the difference of capitals, and of ways to encode an accent."""
    return unicodedata.normalize("NFC", text).casefold()


def shown(text: str, length: int = 40) -> str:
    """A name of any length and with any characters for use in a sentence."""
    text = " ".join("".join(filter(str.isprintable, text)).split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
