"""Downloads: checked, cancellable, from the first mirror that has the file, whole or not at all."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tsexplorer.data.base import DownloadProgress
from tsexplorer.data.download import Remote, RemoteFile
from tsexplorer.errors import Cancelled, UserError


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def refused() -> str:
    """An address where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def test_a_download_can_be_read_and_needs_no_second_one(mnist, server, tmp_path, never):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.served([server.address], server.folder)
    data = tmp_path / "data"
    dataset.download(data, progress=lambda _: None, cancelled=never)
    assert left_over(data) == sorted(dataset.files)
    assert len(dataset.load(data).train) == 30
    asked = len(server.asked)
    dataset.download(data, progress=lambda _: None, cancelled=never)
    assert len(server.asked) == asked == 4


def test_the_bundle_of_letters_is_fetched_once_and_unpacked(letters, server, tmp_path, never):
    letters.write_into(server.folder, "zip")
    dataset = letters.served([server.address + "/"], server.folder)
    data = tmp_path / "data"
    dataset.download(data, progress=lambda _: None, cancelled=never)
    assert server.asked == ["/gzip.zip"]
    assert left_over(data) == sorted(dataset.files)
    assert dataset.load(data).train.labels.max() == 25


def test_progress_grows_to_the_size_of_each_file(mnist, server, tmp_path, never):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.served([server.address], server.folder)
    seen: list[DownloadProgress] = []
    dataset.download(tmp_path / "data", progress=seen.append, cancelled=never)
    assert [one.number for one in seen] == sorted(one.number for one in seen)
    assert {one.count for one in seen} == {4}
    for path in server.folder.iterdir():
        steps = [one for one in seen if one.file == path.name]
        done = [one.done_bytes for one in steps]
        assert done == sorted(set(done))
        assert done[-1] == path.stat().st_size
        assert {one.total_bytes for one in steps} == {path.stat().st_size}


def test_packed_files_that_are_there_are_not_fetched_again(mnist, server, tmp_path, never):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.served([server.address], server.folder)
    raw = mnist.write(tmp_path / "data", "gz")
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(b"broken off")
    dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    assert server.asked == ["/t10k-labels-idx1-ubyte.gz"]
    assert len(dataset.load(tmp_path / "data").test) == 20


def test_mirrors_are_tried_in_turn(mnist, server, refused, tmp_path, never):
    mnist.write_into(server.folder, "gz")
    damaged = server.folder / "damaged"
    dataset = mnist.served(
        [refused, f"{server.address}/none", f"{server.address}/damaged", server.address],
        server.folder,
    )
    damaged.mkdir()
    (damaged / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    assert left_over(tmp_path / "data") == sorted(dataset.files)


@pytest.mark.parametrize("failure", ["refused", "missing", "checksum", "broken off", "nonsense"])
def test_a_failure_says_which_files_to_put_where(
    mnist, server, refused, tmp_path, never, monkeypatch, failure
):
    mnist.write_into(server.folder, "gz")
    mirror, reason = {
        "refused": (refused, "Connection refused"),
        "missing": (f"{server.address}/none", "HTTP 404"),
        "checksum": (server.address, "wrong checksum"),
        "broken off": (f"{server.address}/slow", "the connection broke off"),
        "nonsense": ("no address", "unknown url type"),
    }[failure]
    dataset = mnist.served([mirror], server.folder)
    if failure == "checksum":
        for path in server.folder.iterdir():
            path.write_bytes(b"something else")
    server.go_on.set()
    with pytest.raises(UserError) as caught:
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    sentence = str(caught.value)
    assert sentence.startswith("MNIST could not be downloaded")
    assert reason in sentence
    assert all(name in sentence for name in dataset.files)
    assert str(tmp_path / "data" / "MNIST" / "raw") in sentence
    assert "\n" not in sentence
    assert not left_over(tmp_path / "data")


def test_a_silent_server_is_given_up(mnist, server, tmp_path, never, monkeypatch):
    monkeypatch.setattr("tsexplorer.data.download.TIMEOUT_SECONDS", 0.2)
    mnist.write_into(server.folder, "gz")
    dataset = mnist.served([f"{server.address}/slow"], server.folder)
    with pytest.raises(UserError, match="timed out"):
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    assert not left_over(tmp_path / "data")


def test_a_full_disk_says_so_and_leaves_nothing(mnist, server, tmp_path, never, monkeypatch):
    class FullDisk:
        def write(self, _chunk: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def on_full_disk(target: Path):
        yield FullDisk()

    monkeypatch.setattr("tsexplorer.data.download.open_atomic", on_full_disk)
    mnist.write_into(server.folder, "gz")
    dataset = mnist.served([server.address, server.address], server.folder)
    with pytest.raises(UserError, match=r"\(No space left on device\); put train-images"):
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)
    assert len(server.asked) == 1, "another mirror does not help"


def test_a_folder_that_cannot_be_made_says_so(mnist, server, tmp_path, never):
    dataset = mnist.served([server.address], server.folder)
    dataset = replace(dataset, remote=Remote((server.address,), (RemoteFile("x.gz", "0"),)))
    (tmp_path / "data").write_text("a file stands where the folder should be")
    with pytest.raises(UserError, match="could not be downloaded"):
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=never)


@contextmanager
def at_most(seconds: float):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def test_cancel_takes_effect_while_the_server_is_silent(mnist, server, tmp_path):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.served([f"{server.address}/slow"], server.folder)
    asked_at = []

    def cancelled() -> bool:
        if server.stalled.is_set() and not asked_at:
            asked_at.append(time.monotonic())
        return bool(asked_at) and time.monotonic() > asked_at[0] + 0.05

    with pytest.raises(Cancelled):
        dataset.download(tmp_path / "data", progress=lambda _: None, cancelled=cancelled)
    assert time.monotonic() - asked_at[0] < 0.05 + 0.2 + 0.1  # the last for a busy machine
    assert not left_over(tmp_path / "data")


@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_cancel_between_chunks_leaves_no_partial_file(mnist, server, tmp_path, after):
    mnist.write_into(server.folder, "gz")
    dataset = mnist.served([server.address], server.folder)
    data = tmp_path / "data"
    with pytest.raises(Cancelled):
        dataset.download(data, progress=lambda _: None, cancelled=turns_true(after))
    whole = {*dataset.files, *(f"{name}.gz" for name in dataset.files)}
    assert set(left_over(data)) <= whole
    for path in data.rglob("*-ubyte"):
        assert path.read_bytes() == mnist.files()[path.name]
    dataset.download(data, progress=lambda _: None, cancelled=lambda: False)
    assert len(dataset.load(data).train) == 30


def turns_true(after: int) -> Callable[[], bool]:
    answers = iter([False] * after)
    return lambda: next(answers, True)
