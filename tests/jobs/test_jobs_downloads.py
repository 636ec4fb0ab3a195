"""Datasets on their way: watched, cancelled, and one sentence when they do not arrive."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.jobs.jobs_examples import wait_until
from tsexplorer.data.registry import DownloadProgress
from tsexplorer.errors import Cancelled, NotFoundError, UserError
from tsexplorer.services import downloads as module
from tsexplorer.services.downloads import Download, Downloads

HALF = DownloadProgress("digits.gz", 50, 100, 1, 1)


class Slow:
    """A dataset that is fetched up to its middle, and then waits to be told how it ends."""

    def __init__(self) -> None:
        self.half, self.go_on = threading.Event(), threading.Event()
        self.fetches = 0
        self.error: Exception | None = None
        self.folder: Path | None = None

    def download(self, folder, *, progress, cancelled) -> None:
        self.fetches += 1
        self.folder = folder
        progress(HALF)
        self.half.set()
        while not self.go_on.wait(0.002):
            if cancelled():
                raise Cancelled
        if self.error is not None:
            raise self.error


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    dataset = Slow()
    monkeypatch.setattr(module, "get_dataset", lambda _: dataset)
    return dataset


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    return Downloads(tmp_path)


def ended(downloads: Downloads, name: str = "digits") -> Download:
    return wait_until(
        lambda: (state := downloads.state(name)) and state.status != "running" and state
    )


def test_download_is_watched_to_its_end(slow: Slow, downloads: Downloads, tmp_path: Path):
    assert downloads.state("digits") is None
    downloads.start("digits")
    assert slow.half.wait(30)
    assert downloads.state("digits") == Download("running", HALF)
    slow.go_on.set()
    assert ended(downloads) == Download("done")
    assert slow.folder == tmp_path


def test_download_under_way_is_not_begun_twice(slow: Slow, downloads: Downloads):
    for _ in range(3):
        downloads.start("digits")
    assert slow.half.wait(30)
    slow.go_on.set()
    ended(downloads)
    assert slow.fetches == 1


def test_cancelled_download_can_be_begun_again(slow: Slow, downloads: Downloads):
    downloads.start("digits")
    assert slow.half.wait(30)
    downloads.cancel("digits")
    assert ended(downloads) == Download("cancelled")
    downloads.start("digits")
    slow.go_on.set()
    assert ended(downloads) == Download("done")


def test_begun_again_while_it_is_still_stopping(slow: Slow, downloads: Downloads):
    downloads.start("digits")
    assert slow.half.wait(30)
    downloads.cancel("digits")
    downloads.start("digits")
    slow.go_on.set()
    wait_until(lambda: downloads.state("digits").status in ("done", "cancelled"))
    if downloads.state("digits").status == "cancelled":
        downloads.start("digits")
    assert ended(downloads).status == "done"


def test_all_are_cancelled_at_once(slow: Slow, downloads: Downloads):
    for name in ("digits", "letters"):
        downloads.start(name)
    downloads.cancel_all()
    assert [ended(downloads, name).status for name in ("digits", "letters")] == ["cancelled"] * 2
    downloads.cancel("never begun")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("No network; put the files there."), "No network; put the files there."),
        (
            ZeroDivisionError("by zero"),
            "The download stopped on an unexpected error (ZeroDivisionError).",
        ),
    ],
)
def test_download_that_fails_says_why(slow: Slow, downloads: Downloads, error, sentence):
    slow.error = error
    slow.go_on.set()
    downloads.start("digits")
    assert ended(downloads) == Download("failed", sentence=sentence)


def test_unknown_dataset_is_one_sentence(downloads: Downloads):
    downloads.start("digits of pi")
    assert ended(downloads, "digits of pi").sentence.startswith(
        "There is no dataset called 'digits of pi'; choose one of "
    )
    with pytest.raises(NotFoundError):
        module.get_dataset("digits of pi")
