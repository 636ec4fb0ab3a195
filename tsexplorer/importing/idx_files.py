"""IDX files, as MNIST's, as a source."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tsexplorer.errors import UserError
from tsexplorer.importing.arrays import READING_ERRORS, Arrays, array_source, check_array_bytes
from tsexplorer.importing.entries import Part, Source, part_in_name, shown, sorted_naturally

TYPES = {8: np.uint8, 9: np.int8, 11: np.int16, 12: np.int32, 13: np.float32, 14: np.float64}
MAX_DIMENSIONS = 4
GZIP_MAGIC = b"\x1f\x8b"


def idx_source(folder: Path, name: str) -> Source | None:
    """Images and labels in IDX files of a folder; None if there are none.

    A file with images has ``images`` in its name, the one with their labels ``labels`` in the same
    place. The words train, val, t10k and test in the names say which split it is.

    Args:
        folder: where the files are.
        name: its name, for display.

    Raises:
        UserError: a file of labels is missing, or a file is damaged.
    """
    names = {path.name for path in folder.iterdir() if _is_images(path)}
    # Downloads often leave the packed file beside the unpacked one.
    names = {file for file in names if file.removesuffix(".gz") not in names - {file}}
    pairs: dict[Part | None, Arrays] = {}
    for file in sorted_naturally(names):
        part = part_in_name(file)
        if part in pairs:
            raise UserError(
                f"“{shown(file)}” is a second file of images for {part or 'all splits'}; put files "
                "that do not belong together into different folders."
            )
        path = folder / file
        labels = _labels_file(path)
        pairs[part] = (read_idx(path), read_idx(labels))
    return array_source(name, pairs) if pairs else None


def _is_images(path: Path) -> bool:
    name = path.name.casefold()
    return (
        "images" in name
        and ("idx" in name or "ubyte" in name)
        and path.is_file()
        and not path.is_symlink()
    )


def _labels_file(images: Path) -> Path:
    stem = images.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    for name in (stem, f"{stem}.gz", stem.removesuffix(".gz")):
        if (images.parent / name).is_file():
            return images.parent / name
    raise UserError(f"The labels of “{shown(images.name)}” are missing; put {stem} beside it.")


def read_idx(path: Path) -> NDArray[Any]:
    """Read an IDX file, plain or gzipped.

    The header says how many bytes follow; no more are unpacked.

    Raises:
        UserError: it is damaged or too large.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) != GZIP_MAGIC:
                file.seek(0)
                return _read_array(file, shown(path.name))
            file.seek(0)
            with gzip.open(file) as unpacked:
                return _read_array(unpacked, shown(path.name))
    except (*READING_ERRORS, IndexError) as error:
        raise UserError(f"“{shown(path.name)}” is a damaged IDX file; get it again.") from error


def _read_array(file: BinaryIO | gzip.GzipFile, name: str) -> NDArray[Any]:
    header = file.read(4)
    dtype, dimensions = np.dtype(TYPES[header[2]]), header[3]
    if header[:2] != b"\0\0" or not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError("no IDX header")
    shape = np.frombuffer(file.read(4 * dimensions), ">u4").tolist()
    size = math.prod(shape) * dtype.itemsize
    check_array_bytes(size, f"“{name}”")
    content = file.read(size)
    if len(shape) != dimensions or len(content) != size or file.read(1):
        raise ValueError("the header and the size of the file differ")
    return np.frombuffer(content, dtype.newbyteorder(">")).reshape(shape).astype(dtype, copy=False)
