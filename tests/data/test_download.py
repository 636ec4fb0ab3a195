"""Downloads: checksums, mirrors, progress, cancelling, and errors that leave no partial file."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tsexplorer.data.base import DownloadProgress
from tsexplorer.data.download import Remote, RemoteFile, iterate_cancellable
from tsexplorer.errors import Cancelled, UserError


def file_names(folder: Path) -> list[str]:
    """Names of all files below a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def refused() -> str:
    """An address that refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def test_a_complete_download_is_not_repeated(mnist, server, tmp_path, never):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.on_mirrors([server.address], server.folder)
    data = tmp_path / "data"
    dataset.download(data, progress=lambda _: None, cancelled=never)
    assert file_names(data) == sorted(dataset.files)
    assert len(dataset.load(data).train) == 30
    assert len(server.requests) == 4
    dataset.download(data, progress=lambda _: None, cancelled=never)
    assert len(server.requests) == 4


def test_the_bundle_of_letters_is_downloaded_once(letters, server, tmp_path, never):
    letters.write_into(server.folder, "zip")
    dataset = letters.on_mirrors([server.address + "/"], server.folder)
    data = tmp_path / "data"
    dataset.download(data, progress=lambda _: None, cancelled=never)
    assert server.requests == ["/gzip.zip"]
    assert file_names(data) == sorted(dataset.files)
    assert dataset.load(data).train.labels.max() == 25


def test_progress_rises_to_the_size_of_each_file(mnist, server, tmp_path, never):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.on_mirrors([server.address], server.folder)
    reports: list[DownloadProgress] = []
    dataset.download(tmp_path / "data", progress=reports.append, cancelled=never)
    numbers = [report.number for report in reports]
    assert numbers == sorted(numbers)
    assert {report.count for report in reports} == {4}
    for path in server.folder.iterdir():
        of_file = [report for report in reports if report.file == path.name]
        done = [report.done_bytes for report in of_file]
        assert done == sorted(set(done))
        assert done[-1] == path.stat().st_size
        assert {report.total_bytes for report in of_file} == {path.stat().st_size}


def test_only_damaged_packed_files_are_downloaded_again(mnist, server, tmp_path, never):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.on_mirrors([server.address], server.folder)
    raw = mnist.write(tmp_path / "data", "gz")
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(b"incomplete")
    dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    assert server.requests == ["/t10k-labels-idx1-ubyte.gz"]
    assert len(dataset.load(tmp_path / "data").test) == 20


def test_mirrors_are_tried_in_order(mnist, server, refused, tmp_path, never):
    mnist.write_into(server.folder, "gz")
    damaged = server.folder / "damaged"
    dataset = mnist.on_mirrors(
        [refused, f"{server.address}/missing", f"{server.address}/damaged", server.address],
        server.folder,
    )
    damaged.mkdir()
    (damaged / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    assert file_names(tmp_path / "data") == sorted(dataset.files)


@pytest.mark.parametrize("failure", ["refused", "missing", "checksum", "broken off", "nonsense"])
def test_the_error_says_which_files_to_put_where(
    mnist, server, refused, tmp_path, never, monkeypatch, failure
):
    mnist.write_into(server.folder, "gz")
    mirror, reason = {
        "refused": (refused, "Connection refused"),
        "missing": (f"{server.address}/missing", "HTTP 404"),
        "checksum": (server.address, "wrong checksum"),
        "broken off": (f"{server.address}/slow", "the connection broke off"),
        "nonsense": ("no address", "unknown url type"),
    }[failure]
    dataset = mnist.on_mirrors([mirror], server.folder)
    if failure == "checksum":
        for path in server.folder.iterdir():
            path.write_bytes(b"something else")
    server.proceed.set()
    with pytest.raises(UserError) as caught:
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    sentence = str(caught.value)
    assert sentence.startswith("MNIST could not be downloaded")
    assert reason in sentence
    assert all(name in sentence for name in dataset.files)
    assert str(tmp_path / "data" / "MNIST" / "raw") in sentence
    assert "\n" not in sentence
    assert not file_names(tmp_path / "data")


def test_a_silent_server_times_out(mnist, server, tmp_path, never, monkeypatch):
    monkeypatch.setattr("tsexplorer.data.download.TIMEOUT_SECONDS", 0.2)
    mnist.write_into(server.folder, "gz")
    dataset = mnist.on_mirrors([f"{server.address}/slow"], server.folder)
    with pytest.raises(UserError, match="timed out"):
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    assert not file_names(tmp_path / "data")


def test_a_full_disk_leaves_no_file(mnist, server, tmp_path, never, monkeypatch):
    class FullDisk:
        def write(self, _chunk: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def on_full_disk(target: Path):
        yield FullDisk()

    monkeypatch.setattr("tsexplorer.data.download.open_atomic", on_full_disk)
    mnist.write_into(server.folder, "gz")
    dataset = mnist.on_mirrors([server.address, server.address], server.folder)
    with pytest.raises(UserError, match=r"\(No space left on device\); put train-images"):
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    assert len(server.requests) == 1, "another mirror does not help"


def test_a_file_in_place_of_the_data_folder_is_an_error(mnist, server, tmp_path, never):
    dataset = mnist.on_mirrors([server.address], server.folder)
    dataset = replace(dataset, remote=Remote((server.address,), (RemoteFile("x.gz", "0"),)))
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(UserError, match="could not be downloaded"):
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)


def test_cancel_works_while_the_server_is_silent(mnist, server, tmp_path):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.on_mirrors([f"{server.address}/slow"], server.folder)
    stalled_at = []

    def cancelled() -> bool:
        if server.stalled.is_set() and not stalled_at:
            stalled_at.append(time.monotonic())
        return bool(stalled_at) and time.monotonic() > stalled_at[0] + 0.05

    with pytest.raises(Cancelled):
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=cancelled)
    # 0.05 s before the request, 0.2 s to notice it, and 0.1 s in reserve for a busy machine.
    assert time.monotonic() - stalled_at[0] < 0.05 + 0.2 + 0.1
    assert not file_names(tmp_path / "data")


def true_after(calls: int) -> Callable[[], bool]:
    """A function that returns False so many times, and then True."""
    answers = iter([False] * calls)
    return lambda: next(answers, True)


@pytest.mark.parametrize("calls", [0, 1, 3, 6])
def test_cancel_between_chunks_leaves_no_partial_file(mnist, server, tmp_path, calls):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.on_mirrors([server.address], server.folder)
    data = tmp_path / "data"
    with pytest.raises(Cancelled):
        dataset.download(data, progress=lambda _: None, cancelled=true_after(calls))
    complete = {*dataset.files, *(f"{name}.gz" for name in dataset.files)}
    assert set(file_names(data)) <= complete
    for path in data.rglob("*-ubyte"):
        assert path.read_bytes() == mnist.files()[path.name]
    dataset.download(data, progress=lambda _: None, cancelled=lambda: False)
    assert len(dataset.load(data).train) == 30


class TestIterateCancellable:
    """Items of a source that may block."""

    def test_items_are_in_order_and_complete(self, never):
        source = (number for number in range(50))
        assert list(iterate_cancellable(source, never)) == list(range(50))

    def test_an_error_of_the_source_follows_its_items(self, never):
        def source():
            yield 1
            raise ConnectionError("gone")

        items = iterate_cancellable(source(), never)
        assert next(items) == 1
        with pytest.raises(ConnectionError, match="gone"):
            next(items)

    def test_cancel_does_not_wait_for_the_source(self):
        release, closed = threading.Event(), threading.Event()

        def source():
            try:
                yield 1
                release.wait(5)
                yield 2
            finally:
                closed.set()

        cancel = threading.Event()
        items = iterate_cancellable(source(), cancel.is_set)
        assert next(items) == 1
        threading.Timer(0.05, cancel.set).start()
        start = time.monotonic()
        with pytest.raises(Cancelled):
            next(items)
        assert time.monotonic() - start < 0.4
        release.set()
        assert closed.wait(2), "the source is closed after its next item"

    def test_closing_the_iterator_closes_the_source(self, never):
        closed = threading.Event()

        def source():
            try:
                while True:
                    yield 1
            finally:
                closed.set()

        items = iterate_cancellable(source(), never)
        assert next(items) == 1
        items.close()
        assert closed.wait(2)
