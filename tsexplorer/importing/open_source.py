"""Find out what a file or folder holds, and open it as a source of images."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tsexplorer.errors import UserError
from tsexplorer.importing.arrays import npz_source
from tsexplorer.importing.entries import Source, shown
from tsexplorer.importing.idx_files import idx_source
from tsexplorer.importing.pictures import folder_source, zip_source
from tsexplorer.importing.tables import parquet_source

ACCEPTED = ("zip", "npz", "parquet")
"""Suffixes of single files that can be imported."""


def open_source(path: Path, name: str) -> Source:
    """Open images for an import.

    Args:
        path: a folder with class folders, IDX files or Parquet files, or a zip, npz or Parquet
            file.
        name: its name, for display.

    Raises:
        UserError: it does not exist, or is none of these, or its content does not fit.
    """
    name = name or path.resolve().name
    try:
        if path.is_dir():
            return _open_folder(path, name)
        exists = path.is_file()
    except PermissionError as error:
        raise UserError(
            f"“{shown(name)}” may not be read by this app; change its permissions."
        ) from error
    except (OSError, ValueError):  # a name that is too long, or has a character of value 0
        exists = False
    if not exists:
        raise UserError(f"“{shown(name)}” does not exist; check the path.")
    suffix = Path(name).suffix.casefold()
    if suffix == ".npz":
        return npz_source(path, name)
    if suffix == ".parquet":
        return parquet_source(path, name)
    if suffix == ".zip" or zipfile.is_zipfile(path):
        return zip_source(path, name)
    raise UserError(
        f"“{shown(name)}” is none of the files that can be imported; use a folder or zip file with "
        "one folder for each class, an .npz file, IDX files or a Parquet file."
    )


def _open_folder(path: Path, name: str) -> Source:
    idx = idx_source(path, name)
    if idx is not None:
        return idx
    if any(path.rglob("*.parquet")):
        return parquet_source(path, name)
    return folder_source(path, name)
