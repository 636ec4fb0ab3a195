"""Progress of jobs in memory and from heartbeats."""

from __future__ import annotations

from dataclasses import asdict, replace

from tsexplorer.jobs.progress import JobProgress, ProgressBoard
from tsexplorer.training.events import Notice, Progress

PROGRESS = Progress("stage", "training", 1, 2, 0.25, 3.0, None, 0.5)


def test_progress_of_an_unknown_job_is_empty():
    assert ProgressBoard().read(1) == JobProgress()


def test_last_progress_and_each_notice_once_are_kept():
    board = ProgressBoard()
    board.begin(1, stages=3)
    for event in (
        Notice("stage", "One."),
        replace(PROGRESS, fraction=0.1),
        PROGRESS,
        Notice("stage", "Two."),
        Notice("stage", "One."),
    ):
        board.record(1, event)
    assert board.read(1) == JobProgress(PROGRESS, 0, 3, ("One.", "Two."))
    assert board.read(2) == JobProgress()


def test_end_of_a_stage_clears_its_progress():
    board = ProgressBoard()
    board.begin(1, stages=2)
    board.record(1, PROGRESS)
    board.stage_done(1)
    assert board.read(1) == JobProgress(None, 1, 2)


def test_resumed_job_starts_with_empty_progress():
    board = ProgressBoard()
    board.begin(1, stages=2)
    board.record(1, Notice("stage", "One."))
    board.stage_done(1)
    board.begin(1, stages=2)
    assert board.read(1) == JobProgress(None, 0, 2)


def test_progress_in_a_heartbeat_is_read_back():
    report = {**asdict(PROGRESS), "stages": 3, "stages_done": 1}
    assert JobProgress.from_heartbeat(report) == JobProgress(PROGRESS, 1, 3)
    without_progress = {"stages": 3, "stages_done": 1}
    assert JobProgress.from_heartbeat(without_progress) == JobProgress(None, 1, 3)
    assert JobProgress.from_heartbeat({}) == JobProgress()
    of_later_version = {**report, "a later field": 1}
    assert JobProgress.from_heartbeat(of_later_version) == JobProgress(None, 1, 3)
