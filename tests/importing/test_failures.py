"""A cancelled import, an error in the middle, a full disk: nothing is left behind."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.importing.import_examples import (
    class_folders,
    leftovers,
    refusal,
    refused_import,
    run_import,
    write_folder,
    write_zip,
)
from tsexplorer.data.imported import ImportedDatasets
from tsexplorer.errors import Cancelled
from tsexplorer.importing.build import prepare_import
from tsexplorer.importing.entries import Entry, InputShape, Pixels, Source
from tsexplorer.importing.open_source import open_source
from tsexplorer.importing.preparation import ImportOptions, ImportProgress


def source_of(read: Callable[[int, InputShape], Pixels], count: int = 60) -> Source:
    """Two classes of images that a function makes."""
    entries = [
        Entry(f"image {number}", number % 2, None, lambda wanted, n=number: read(n, wanted))
        for number in range(count)
    ]
    return Source("made", ("a", "b"), entries)


def noise(number: int, wanted: InputShape) -> Pixels:
    return np.random.default_rng(number).integers(0, 256, wanted.shape, dtype=np.uint8)


def test_a_cancelled_import_leaves_nothing(home: Path) -> None:
    with pytest.raises(Cancelled):
        prepare_import(
            source_of(noise), ImportOptions(), ImportedDatasets(home), cancelled=lambda: True
        )
    assert leftovers(home) == []


def test_an_import_can_be_cancelled_while_it_writes(home: Path) -> None:
    done: list[ImportProgress] = []
    with pytest.raises(Cancelled):
        prepare_import(
            source_of(noise),
            ImportOptions(),
            ImportedDatasets(home),
            progress=done.append,
            cancelled=lambda: bool(done),  # after the last image is decoded
        )
    assert done[-1].done == 60
    assert leftovers(home) == []


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_an_error_in_the_middle_leaves_nothing(error: BaseException, home: Path) -> None:
    def read(number: int, wanted: InputShape) -> Pixels:
        if number == 40:
            raise error
        return noise(number, wanted)

    with pytest.raises(type(error)):
        prepare_import(source_of(read), ImportOptions(), ImportedDatasets(home))
    assert leftovers(home) == []


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_little_space_is_known_before(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(10**9, 10**9 - 1000, 1000))
    path = write_zip(tmp_path / "x.zip", class_folders("a", "b"))
    text = refused_import(path, home)
    assert "0.0 GB are free; free some space or choose a smaller size" in text


@pytest.mark.parametrize("name", ["all", "train.pixels", "test.pixels"])
def test_a_disk_that_fills_up_leaves_nothing(
    name: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("a", "b"))
    opened = Path.open

    class Full:
        """A file on a full disk."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *details: object) -> None:
            self.file.close()

        def write(self, _content: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open_full(self: Path, *arguments: Any, **options: Any) -> Any:
        file = opened(self, *arguments, **options)
        return Full(file) if self.name == name else file

    monkeypatch.setattr(Path, "open", open_full)
    text = refused_import(path, home)
    assert "(No space left on device); free some space" in text


def test_labels_on_a_full_disk_leave_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(path: Path, array: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = write_zip(tmp_path / "x.zip", class_folders("a", "b"))
    monkeypatch.setattr("numpy.save", save)
    assert "free some space" in refused_import(path, home)


def test_metadata_on_a_full_disk_can_be_kept_later(home: Path, tmp_path: Path) -> None:
    prepared = run_import(write_zip(tmp_path / "x.zip", class_folders("a", "b")), home)

    def full(self: Path, *arguments: Any, **options: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        assert "free some space" in refusal(lambda: prepared.keep("pets"))
    assert ImportedDatasets(home).all() == ()
    assert prepared.keep("pets").is_available(home)


def test_a_failed_rename_shows_no_dataset(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = run_import(write_zip(tmp_path / "x.zip", class_folders("a", "b")), home)

    def fail(self: Path, target: Path) -> Path:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        refusal(lambda: prepared.keep("pets"))
    assert ImportedDatasets(home).all() == ()
    assert prepared.keep("pets").info.title == "pets"


def test_a_discarded_import_leaves_nothing(home: Path, tmp_path: Path) -> None:
    prepared = run_import(write_zip(tmp_path / "x.zip", class_folders("a", "b")), home)
    assert leftovers(home) != []
    prepared.discard()
    assert leftovers(home) == []


def test_files_that_vanish_are_named(home: Path, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "x", class_folders("a", "b"))
    source = open_source(folder, "x")
    (folder / "a/0.png").unlink()
    report = prepare_import(source, ImportOptions(), ImportedDatasets(home)).report
    [(name, reason)] = report.faults
    assert name == "a/0.png"
    assert reason == "“0.png” cannot be read (No such file or directory); check the file."
