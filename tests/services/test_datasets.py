"""Imports in the background, and what is done with the result."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.importing.import_examples import (
    class_folders,
    leftovers,
    refusal,
    write_folder,
    write_zip,
)
from tsexplorer.importing.entries import Pixels
from tsexplorer.importing.preparation import ImportOptions
from tsexplorer.services.datasets import Datasets, ImportState
from tsexplorer.settings import Settings

OPTIONS = ImportOptions()


@pytest.fixture
def used() -> set[str]:
    """Names of the datasets that jobs need."""
    return set()


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """The folder from which pages may import."""
    return write_folder(tmp_path / "allowed", {"pets/cat/1.png": b"x"})


@pytest.fixture
def datasets(home: Path, allowed: Path, used: set[str]) -> Iterator[Datasets]:
    opened = Datasets(Settings(home=home, import_folder=allowed), lambda: used)
    yield opened
    opened.close()


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "pets.zip", class_folders("cat", "dog"))


def wait(datasets: Datasets, key: str) -> ImportState:
    """The state of an import that does not run any more."""
    return wait_until(lambda: state_unless_running(datasets, key))


def state_unless_running(datasets: Datasets, key: str) -> ImportState | None:
    state = datasets.state(key)
    assert state is not None
    return None if state.status == "running" else state


def wait_until(read: Callable[[], ImportState | None]) -> ImportState:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (state := read()) is not None:
            return state
        time.sleep(0.01)
    raise AssertionError("the import does not end")


def test_an_import_becomes_ready_and_is_kept(datasets: Datasets, pets: Path, home: Path) -> None:
    key = datasets.start(pets, "pets.zip", OPTIONS)
    state = wait(datasets, key)
    assert (state.status, state.origin) == ("ready", "pets.zip")
    assert state.report is not None
    assert state.report.counts["train"] == (4, 4)
    assert state.progress is not None
    assert state.progress.done == state.progress.total == 12
    assert datasets.all() == ()
    kept = datasets.keep(key, "pets")
    assert datasets.all() == (kept,)
    assert datasets.state(key) is None
    assert leftovers(home / "data") == [kept.name]
    assert pets.exists()


def test_a_refused_title_can_be_corrected(datasets: Datasets, pets: Path) -> None:
    key = datasets.start(pets, "pets.zip", OPTIONS)
    wait(datasets, key)
    refusal(lambda: datasets.keep(key, ""))
    assert datasets.keep(key, "pets").info.title == "pets"
    assert "no longer there" in refusal(lambda: datasets.keep(key, "more pets"))


def test_a_ready_import_can_be_discarded(datasets: Datasets, pets: Path, home: Path) -> None:
    key = datasets.start(pets, "pets.zip", OPTIONS)
    wait(datasets, key)
    datasets.cancel(key)
    state = datasets.state(key)
    assert state is not None
    assert (state.status, state.report) == ("cancelled", None)
    assert leftovers(home / "data") == []
    assert "no longer there" in refusal(lambda: datasets.keep(key, "pets"))


def test_a_running_import_can_be_cancelled(
    datasets: Datasets, pets: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def read(_content: bytes, _name: str, shape: tuple[int, ...], _fit: str) -> Pixels:
        reading.set()
        go_on.wait(30)
        return np.zeros(shape, np.uint8)

    monkeypatch.setattr("tsexplorer.importing.pictures.decode_net_input", read)
    upload = datasets.upload_path("pets.zip")
    upload.write_bytes(pets.read_bytes())
    key = datasets.start(upload, "pets.zip", OPTIONS, remove=True)
    assert reading.wait(30)
    datasets.cancel(key)
    go_on.set()
    assert wait(datasets, key).status == "cancelled"
    assert leftovers(home / "data") == []
    assert not upload.exists()


def test_a_failure_has_one_sentence(datasets: Datasets, tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.zip", class_folders("cat"))
    state = wait(datasets, datasets.start(path, "x.zip", OPTIONS))
    assert state.status == "failed"
    assert state.sentence is not None
    assert state.sentence.startswith("There is one class, “cat”")
    assert leftovers(home / "data") == []


def test_a_bug_has_a_sentence_and_a_log(
    datasets: Datasets,
    pets: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*arguments: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("tsexplorer.importing.pictures.decode_net_input", fail)
    state = wait(datasets, datasets.start(pets, "pets.zip", OPTIONS))
    assert state.sentence == (
        "The import stopped on an unexpected error (ZeroDivisionError); the log has the details."
    )
    assert "the import of pets.zip failed" in caplog.text
    assert leftovers(home / "data") == []


@pytest.mark.parametrize("content", [None, b"no zip file"])
def test_an_uploaded_file_is_removed(content: bytes | None, datasets: Datasets, pets: Path) -> None:
    upload = datasets.upload_path("my pets.ZIP")
    assert upload.suffix == ".zip"
    upload.write_bytes(content or pets.read_bytes())
    state = wait(datasets, datasets.start(upload, "my pets.ZIP", OPTIONS, remove=True))
    assert state.status == ("ready" if content is None else "failed")
    assert not upload.exists()
    assert state.sentence is None or "“my pets.ZIP”" in state.sentence


def test_uploads_of_ended_processes_are_removed(datasets: Datasets) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = datasets.upload_path("a.zip")
    old = own.with_name(f"{ended.pid}-1.zip")
    for path in (own, old):
        path.write_bytes(b"x")
    datasets.upload_path("b.zip")
    assert own.exists()
    assert not old.exists()


def test_closing_discards_imports_and_uploads(datasets: Datasets, pets: Path, home: Path) -> None:
    upload = datasets.upload_path("a.zip")
    upload.write_bytes(b"x")
    ready = datasets.start(pets, "pets.zip", OPTIONS)
    wait(datasets, ready)
    datasets.start(pets, "pets.zip", ImportOptions(seed=1))
    datasets.close()
    assert leftovers(home / "data") == []
    assert not upload.exists()


def test_an_unknown_import_has_no_state(datasets: Datasets) -> None:
    assert datasets.state("7") is None
    datasets.cancel("7")
    refusal(lambda: datasets.keep("7", "pets"))


def test_example_images_are_imported(
    datasets: Datasets, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functools import partial

    from tsexplorer.importing.example_images import write_example_images

    monkeypatch.setattr(
        "tsexplorer.importing.example_images.write_example_images",
        partial(write_example_images, per_class=4),
    )
    state = wait(datasets, datasets.start_example(OPTIONS))
    assert state.report is not None, state.sentence
    assert len(state.report.info.classes) == 10
    assert list((home / "data/uploads").iterdir()) == []


def test_images_that_a_job_needs_are_not_deleted(
    datasets: Datasets, pets: Path, used: set[str]
) -> None:
    kept = datasets.prepare(pets, "pets.zip", OPTIONS).keep("pets")
    used.add(kept.name)
    assert "A job needs “pets”" in refusal(lambda: datasets.delete("pets"))
    assert datasets.all() == (kept,)
    used.clear()
    datasets.delete("pets")
    assert datasets.all() == ()


def test_datasets_are_renamed(datasets: Datasets, pets: Path) -> None:
    datasets.prepare(pets, "pets.zip", OPTIONS).keep("pets")
    assert datasets.rename("pets", "animals").info.title == "animals"


def test_paths_in_the_import_folder_are_allowed(datasets: Datasets, allowed: Path) -> None:
    assert datasets.check_path(" pets ") == (allowed / "pets").resolve()
    assert datasets.check_path(str(allowed / "pets")) == (allowed / "pets").resolve()
    assert datasets.check_path("") == allowed.resolve()


@pytest.mark.parametrize("text", ["..", "../home", "/etc", "pets/../../x", "link", "link/etc"])
def test_paths_outside_of_it_are_refused(text: str, datasets: Datasets, allowed: Path) -> None:
    (allowed / "link").symlink_to("/")
    assert "TSEXPLORER_IMPORT_FOLDER" in refusal(lambda: datasets.check_path(text))


@pytest.mark.parametrize("text", ["dogs", "pets/cat/2.png", "x" * 300, "a\0b", "loop/x"])
def test_paths_that_do_not_exist_are_refused(text: str, datasets: Datasets, allowed: Path) -> None:
    (allowed / "loop").symlink_to(allowed / "loop")
    assert "check" in refusal(lambda: datasets.check_path(text))


def test_without_an_import_folder_no_path_is_allowed(home: Path) -> None:
    datasets = Datasets(Settings(home=home), set)
    text = refusal(lambda: datasets.check_path("/etc"))
    assert "set TSEXPLORER_IMPORT_FOLDER" in text
