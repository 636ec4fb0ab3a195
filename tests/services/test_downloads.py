"""Downloads of datasets: shown, cancelled, and one sentence if they fail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.experiment_examples import wait_until
from tsexplorer.data.registry import DownloadProgress
from tsexplorer.errors import Cancelled, NotFoundError, UserError
from tsexplorer.services import downloads as downloads_module
from tsexplorer.services.downloads import Download, Downloads

HALF = DownloadProgress("digits.gz", 50, 100, 1, 1)


class SlowDataset:
    """A dataset whose download stops in the middle until ``finish`` is set.

    Attributes:
        started: set when half of the file is downloaded.
        finish: lets the download end.
        count: number of downloads.
        error: raised at the end, if not None.
        folder: of the last download.
    """

    def __init__(self) -> None:
        self.started, self.finish = threading.Event(), threading.Event()
        self.count = 0
        self.error: Exception | None = None
        self.folder: Path | None = None

    def download(
        self,
        folder: Path,
        *,
        progress: Callable[[DownloadProgress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.count += 1
        self.folder = folder
        progress(HALF)
        self.started.set()
        while not self.finish.wait(0.002):
            if cancelled():
                raise Cancelled
        if self.error is not None:
            raise self.error


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowDataset:
    dataset = SlowDataset()
    monkeypatch.setattr(downloads_module, "get_dataset", lambda _: dataset)
    return dataset


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    return Downloads(tmp_path)


def ended(downloads: Downloads, name: str = "digits") -> Download:
    """Wait until a download has ended, and return its state."""
    return wait_until(
        lambda: (state := downloads.state(name)) and state.status != "running" and state
    )


def test_download_shows_progress_and_end(slow: SlowDataset, downloads: Downloads, tmp_path: Path):
    assert downloads.state("digits") is None
    downloads.start("digits")
    assert slow.started.wait(30)
    assert downloads.state("digits") == Download("running", HALF)
    slow.finish.set()
    assert ended(downloads) == Download("done")
    assert slow.folder == tmp_path


def test_running_download_is_not_started_twice(slow: SlowDataset, downloads: Downloads):
    for _ in range(3):
        downloads.start("digits")
    assert slow.started.wait(30)
    slow.finish.set()
    ended(downloads)
    assert slow.count == 1


def test_cancelled_download_can_be_started_again(slow: SlowDataset, downloads: Downloads):
    downloads.start("digits")
    assert slow.started.wait(30)
    downloads.cancel("digits")
    assert ended(downloads) == Download("cancelled")
    downloads.start("digits")
    slow.finish.set()
    assert ended(downloads) == Download("done")


def test_download_started_again_while_it_is_cancelled(slow: SlowDataset, downloads: Downloads):
    downloads.start("digits")
    assert slow.started.wait(30)
    downloads.cancel("digits")
    downloads.start("digits")
    slow.finish.set()
    wait_until(lambda: downloads.state("digits").status in ("done", "cancelled"))
    if downloads.state("digits").status == "cancelled":
        downloads.start("digits")
    assert ended(downloads).status == "done"


@pytest.mark.usefixtures("slow")
def test_all_downloads_are_cancelled_at_once(downloads: Downloads):
    for name in ("digits", "letters"):
        downloads.start(name)
    downloads.cancel_all()
    assert [ended(downloads, name).status for name in ("digits", "letters")] == ["cancelled"] * 2
    downloads.cancel("never started")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("No network; put the files there."), "No network; put the files there."),
        (
            ZeroDivisionError("by zero"),
            "The download stopped on an unexpected error (ZeroDivisionError); "
            "the log has the details.",
        ),
    ],
)
def test_failed_download_has_a_sentence(slow: SlowDataset, downloads, error, sentence):
    slow.error = error
    slow.finish.set()
    downloads.start("digits")
    assert ended(downloads) == Download("failed", sentence=sentence)


def test_unknown_dataset_fails_in_one_sentence(downloads: Downloads):
    downloads.start("digits of pi")
    assert ended(downloads, "digits of pi").sentence.startswith(
        "There is no dataset called 'digits of pi'; choose one of "
    )
    with pytest.raises(NotFoundError):
        downloads_module.get_dataset("digits of pi")
