"""Arrays as a source: ``.npz`` files, and what IDX files share with them. Nothing is unpickled."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from tsexplorer.errors import UserError
from tsexplorer.imaging.decoding import display_name
from tsexplorer.imaging.net_input import prepare
from tsexplorer.importing.entries import (
    FILE_PARTS,
    Entry,
    InputShape,
    Part,
    Pixels,
    Source,
    check_classes,
    clean_class_name,
    shown,
    sorted_naturally,
)
from tsexplorer.importing.pictures import check_archive

IMAGE_KEYS = ("images", "x", "X", "data", "image")
LABEL_KEYS = ("labels", "y", "Y", "targets", "label", "target")
NAME_KEYS = ("classes", "class_names")
MAX_ARRAY_BYTES = 4 * 10**9
"""Largest size of a file's arrays in memory."""
CONVERTED_BYTES = 64_000_000
Arrays = tuple[NDArray[Any], NDArray[Any]]
"""Images and labels."""
READING_ERRORS = (
    *(OSError, TypeError, ValueError, KeyError, EOFError, MemoryError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError),
    *(SyntaxError, tokenize.TokenError),  # of the parser for headers of arrays
)


class PixelRange(NamedTuple):
    """The values that mean black and white, and the sentence that says so."""

    black: float
    white: float
    note: str


RANGES = tuple(
    PixelRange(black, white, f"Pixels from {black:g} to {white:,.0f} were taken as black to white.")
    for black, white in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 65535.0))
)


def npz_source(path: Path, name: str) -> Source:
    """Images and labels in a ``.npz`` file.

    Its arrays are ``images`` and ``labels`` (also x and y, data and targets), or the same for each
    split, as ``train_images``, ``train_labels``, ``val_images``… in MedMNIST's files. Other arrays
    are not read.

    Raises:
        UserError: the file is damaged, too large, has pickled objects, or its arrays do not fit.
    """
    shown_name = display_name(name)
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive.infolist(), path.stat().st_size, shown_name)
            members = {
                member.filename.removesuffix(".npy"): member for member in archive.infolist()
            }
            pairs = list(_pairs(members, shown_name))
            names = next((key for key in NAME_KEYS if key in members), None)
            wanted = {key for _, images, labels in pairs for key in (images, labels)}
            wanted |= {names} if names is not None else set()
            check_array_bytes(sum(members[key].file_size for key in wanted), shown_name)
            arrays = {key: _read_member(archive, members[key], shown_name) for key in wanted}
    except READING_ERRORS as error:
        raise UserError(
            f"{shown_name} is damaged or no .npz file; save it again with numpy.savez."
        ) from error
    if not pairs:
        raise UserError(
            f"{shown_name} has no images and labels; name the arrays images and labels, or "
            f"train_images, train_labels and so on (found: {shown(', '.join(members) or 'none')})."
        )
    by_part = {part: (arrays[images], arrays[labels]) for part, images, labels in pairs}
    given = arrays.get(names) if names is not None else None
    # Numbers are no names: some files have an array "classes" with the labels in it.
    return array_source(name, by_part, given if given is None or given.dtype.kind in "US" else None)


def check_array_bytes(size: int, shown_name: str) -> None:
    """Refuse arrays that could fill the memory, before they are read.

    Raises:
        UserError: they are too large.
    """
    if size > MAX_ARRAY_BYTES:
        raise UserError(
            f"{shown_name} has {size / 1e9:,.1f} GB of arrays, and the limit is "
            f"{MAX_ARRAY_BYTES / 1e9:g} GB; import picture files in a folder or a zip file."
        )


def _pairs(keys: Collection[str], shown_name: str) -> Iterator[tuple[Part | None, str, str]]:
    """The keys of images and labels of each split: x, x_train or train_x."""
    found: set[Part | None] = set()
    forms: list[tuple[str, Part | None]] = [("{}", None)]
    for word, split in FILE_PARTS.items():
        forms += [(f"{word}_{{}}", split), (f"{{}}_{word}", split)]
    for form, part in forms:
        images = next((form.format(key) for key in IMAGE_KEYS if form.format(key) in keys), None)
        labels = next((form.format(key) for key in LABEL_KEYS if form.format(key) in keys), None)
        if images is None or part in found:
            continue
        if labels is None:
            raise UserError(
                f"{shown_name} has no labels for the array {shown(images)}; add "
                f"{form.format('labels')}, with the number of the class of each image."
            )
        found.add(part)
        yield part, images, labels


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, shown_name: str
) -> NDArray[Any]:
    """Read an array; no more memory is taken than its member in the archive has bytes."""
    with archive.open(member) as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version[0] == 1 else npy.read_array_header_2_0
        shape, fortran_order, dtype = read_header(file)
        if dtype.hasobject:
            raise UserError(
                f"{shown_name} has pickled objects, which could run code and are not read; save "
                "plain arrays with numpy.savez."
            )
        size = math.prod(shape) * dtype.itemsize
        if size > member.file_size:
            raise ValueError("the header names more bytes than the member has")
        content = file.read(size)
        file.read(1)  # the end of the member, where its checksum is compared
    if len(content) < size:
        raise ValueError("the array is shorter than its header says")
    array = np.frombuffer(content, dtype) if size else np.zeros(math.prod(shape), dtype)
    return array.reshape(shape[::-1]).T if fortran_order else array.reshape(shape)


def array_source(
    name: str, pairs: Mapping[Part | None, Arrays], class_names: NDArray[Any] | None = None
) -> Source:
    """Images and labels in memory as a source.

    Args:
        name: of the file or folder, for display.
        pairs: images and labels of each split.
        class_names: by label; None: the labels are the names.

    Raises:
        UserError: shapes, types or values do not fit.
    """
    shown_name = display_name(name)
    labels_by_part = {
        part: _label_values(labels, shown_name) for part, (_, labels) in pairs.items()
    }
    images_by_part: dict[Part | None, NDArray[Any]] = {}
    notes: list[str] = []
    for part, (given, _) in pairs.items():
        images, note = _arrange(given, shown_name)
        count = len(labels_by_part[part])
        if len(images) != count:
            raise UserError(
                f"{shown_name} has {len(images):,} images and {count:,} labels; there must be one "
                "label for each image."
            )
        images_by_part[part] = images
        notes.append(note)
    pixel_range = _pixel_range(list(images_by_part.values()), shown_name)
    notes.append(pixel_range.note if pixel_range else "")
    values = sorted_naturally({value for labels in labels_by_part.values() for value in labels})
    classes = check_classes(named_classes(values, class_names, shown_name))
    label_by_value = {value: label for label, value in enumerate(values)}
    entries: list[Entry] = []
    for part, images in images_by_part.items():
        pixels = _to_bytes(images, pixel_range)
        entries.extend(
            Entry(
                f"{part or 'image'} {index}",
                label_by_value[value],
                part,
                partial(_row, pixels, index),
            )
            for index, value in enumerate(labels_by_part[part])
        )
    return Source(name, classes, entries, tuple(dict.fromkeys(filter(None, notes))))


def _row(pixels: NDArray[np.uint8], index: int, wanted: InputShape) -> Pixels:
    row: Pixels = prepare(Image.fromarray(pixels[index]), *wanted)
    return row


def _label_values(labels: NDArray[Any], shown_name: str) -> list[str]:
    """Labels as text, one for each image."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        raise UserError(
            f"{shown_name} has {labels.shape[1]} labels for each image; save the number of one "
            "class for each, as labels.argmax(1) gives it for one-hot labels."
        )
    if labels.ndim != 1:
        raise UserError(
            f"{shown_name}: the labels have {labels.ndim} dimensions; save one for each image."
        )
    if labels.dtype.kind == "f":
        faulty = labels[~np.isfinite(labels) | (labels != np.round(labels))]
        if len(faulty):
            raise UserError(
                f"{shown_name}: labels such as {faulty[0]:g} are no classes; use whole numbers."
            )
        labels = labels.astype(np.int64)
    if labels.dtype.kind in "iu" and len(labels) and labels.min() < 0:
        raise UserError(
            f"{shown_name}: the label {labels.min()} is negative; number the classes from 0."
        )
    if labels.dtype.kind == "S":
        return [value.decode("utf-8", "replace") for value in labels.tolist()]
    if labels.dtype.kind not in "iubU":
        raise UserError(
            f"{shown_name}: labels of type {labels.dtype} are not read; use numbers or text."
        )
    if labels.dtype.kind == "b":
        labels = labels.astype(np.int64)
    return [str(value) for value in labels.tolist()]


def named_classes(
    values: Sequence[str], given: NDArray[Any] | Sequence[str] | None, shown_name: str
) -> list[str]:
    """Names of the classes: those in the file, else the labels themselves.

    Args:
        values: all labels that occur.
        given: names by label, or None.
        shown_name: of the file, for error sentences.

    Raises:
        UserError: a label has no name.
    """
    if given is None:
        return [clean_class_name(value) for value in values]
    texts = [
        text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        for text in np.ravel(np.asarray(given)).tolist()
    ]
    number_by_text = {str(number): number for number in range(len(texts))}
    for value in values:
        if value not in number_by_text:
            raise UserError(
                f"{shown_name} has {len(texts):,} class names, and the label “{shown(value)}” has "
                f"none; use labels from 0 to {len(texts) - 1:,}, or add names."
            )
    return [clean_class_name(texts[number_by_text[value]]) for value in values]


def _arrange(images: NDArray[Any], shown_name: str) -> tuple[NDArray[Any], str]:
    """Images as N×H×W or N×H×W×3 of any type, and a sentence about what was assumed."""
    note = ""
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        images = images.transpose(0, 2, 3, 1)
        note = "The channels stand before height and width in the file."
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim == 4 and images.shape[3] == 4:
        images = images[..., :3]
        note = "Transparency was ignored."
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3):
        shape = "×".join(map(str, images.shape)) or "of a single number"
        raise UserError(
            f"{shown_name}: the images have the shape {shape}; save them as N×H×W (grey) or "
            "N×H×W×3 (colour)."
        )
    if 0 in images.shape:
        raise UserError(f"{shown_name} has no images; save at least three of each class.")
    if images.dtype.kind not in "iufb":
        raise UserError(f"{shown_name}: images of type {images.dtype} are not read; use numbers.")
    return images, note


def _pixel_range(arrays: Sequence[NDArray[Any]], shown_name: str) -> PixelRange | None:
    """What is black and white in all splits; None if all have bytes."""
    arrays = [images for images in arrays if images.dtype != np.uint8]
    if not arrays:
        return None
    low = min(float(images.min()) for images in arrays)
    high = max(float(images.max()) for images in arrays)
    if not all(math.isfinite(float(images.sum(dtype=np.float64))) for images in arrays):
        raise UserError(
            f"{shown_name}: some pixels are infinite or not numbers; replace them and save the "
            "images again."
        )
    whole = all(images.dtype.kind in "iu" for images in arrays)
    for candidate in RANGES:
        fits = candidate.black <= low and high <= candidate.white
        if fits and not (whole and candidate.white == 1):
            return candidate
    raise UserError(
        f"{shown_name}: pixels from {low:g} to {high:g} are in no usual range; scale them to 0…255."
    )


def _to_bytes(images: NDArray[Any], pixel_range: PixelRange | None) -> NDArray[np.uint8]:
    if images.dtype == np.uint8 or pixel_range is None:
        return images
    black, white, _ = pixel_range
    pixels = np.empty(images.shape, np.uint8)
    rows = max(1, CONVERTED_BYTES // (4 * images[0].size))
    for start in range(0, len(images), rows):
        part = images[start : start + rows].astype(np.float32)
        pixels[start : start + rows] = np.round((part - black) * (255 / (white - black)))
    return pixels
