"""Finding a file under one of the names it may have, and unpacking it as torchvision would."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tsexplorer.data.transfer import CHUNK_BYTES, written_beside
from tsexplorer.errors import Cancelled, UserError

DAMAGED = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, KeyError)


def find(raw: Path, name: str, bundle: str | None) -> Path | None:
    """The file that holds ``name``: itself, ``name.gz`` or the bundle; None if none is there."""
    names = (name, f"{name}.gz", *([bundle] if bundle else []))
    return next((raw / one for one in names if (raw / one).is_file()), None)


def unpack(raw: Path, name: str, bundle: str | None, cancelled: Callable[[], bool]) -> None:
    """Make ``name`` a plain file if it is there in another form.

    Args:
        raw: folder of the files.
        name: the plain file.
        bundle: zip file that holds ``gzip/<name>.gz``, if the dataset has one.
        cancelled: asked between chunks.

    Raises:
        UserError: the packed file is damaged.
        Cancelled: ``cancelled`` said so; no partial file is left.
        OSError: the plain file could not be written.
    """
    packed = find(raw, name, bundle)
    if packed is None or packed.name == name:
        return
    try:
        if packed.name == bundle:
            with zipfile.ZipFile(packed) as archive, archive.open(f"gzip/{name}.gz") as member:
                _inflate(member, raw / name, cancelled)
        else:
            with packed.open("rb") as file:
                _inflate(file, raw / name, cancelled)
    except DAMAGED as error:
        raise UserError(f"{packed} is damaged; delete it and download it again.") from error


def _inflate(packed: IO[bytes], target: Path, cancelled: Callable[[], bool]) -> None:
    with gzip.GzipFile(fileobj=packed) as source, written_beside(target) as plain:
        while chunk := source.read(CHUNK_BYTES):
            if cancelled():
                raise Cancelled
            plain.write(chunk)
