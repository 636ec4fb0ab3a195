"""Epochs of stages and of students are written to the store, in order and without gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.jobs.experiment_examples import spec
from tsexplorer.jobs.job_runner import EpochLog
from tsexplorer.jobs.student_results import StudentEpochLog
from tsexplorer.planning import plan
from tsexplorer.store import Store, StoreError, StudentRow
from tsexplorer.students.events import ChunkStarted, Scores, StudentEpoch
from tsexplorer.training.events import EpochEnded, Progress, StageStarted


def epoch_ended(epoch: int) -> EpochEnded:
    return EpochEnded("stage", epoch, 0.5, {"labels": 0.5}, 0.9, 0.4, 0.8, 1e-3, 2.0)


def student_epoch(stage: str, epoch: int) -> StudentEpoch:
    return StudentEpoch(stage, epoch, 0.5, Scores(0.9, 0.3, 0.8, 0.1), 0.01, 1.0)


@pytest.fixture
def key(store: Store) -> str:
    """Hash of a stage that is not trained."""
    experiment = spec()
    return store.add_experiment(experiment, plan(experiment)).stages[0].stage.hash


def stored_epochs(store: Store, key: str) -> list[int]:
    return [row.epoch for row in store.epochs(key)]


class TestEpochLog:
    def test_each_epoch_is_written_when_it_ends(self, store: Store, key: str):
        log = EpochLog(store, store.stage(key))
        for epoch in (1, 2):
            log.record(epoch_ended(epoch))
            assert stored_epochs(store, key) == list(range(1, epoch + 1))

    def test_other_events_are_ignored(self, store: Store, key: str):
        EpochLog(store, store.stage(key)).record(
            Progress("stage", "training", 1, 2, 0.25, 3.0, None, 0.5)
        )
        assert stored_epochs(store, key) == []

    def test_refused_epochs_are_written_later_in_order(self, store, key, monkeypatch):
        def refuse(*_: object) -> None:
            raise StoreError("The database is kept busy.")

        log = EpochLog(store, store.stage(key))
        with monkeypatch.context() as patch:
            patch.setattr(store, "record_epoch", refuse)
            log.record(epoch_ended(1))
            log.record(epoch_ended(2))
            with pytest.raises(StoreError):
                log.flush()
        log.record(epoch_ended(3))
        assert stored_epochs(store, key) == [1, 2, 3]

    def test_epochs_of_a_checkpoint_are_written(self, store: Store, key: str):
        EpochLog(store, store.stage(key)).record(epoch_ended(1))
        log = EpochLog(store, store.stage(key))
        changed = replace(epoch_ended(1), train_loss=99.0)
        log.record(StageStarted("stage", 4, 3, 10, (changed, epoch_ended(2), epoch_ended(3))))
        assert stored_epochs(store, key) == [1, 2, 3]
        assert store.epochs(key)[0].train_loss == 0.5  # the stored epoch is not overwritten

    def test_restarted_stage_loses_its_later_epochs(self, store: Store, key: str):
        first = EpochLog(store, store.stage(key))
        for epoch in (1, 2, 3):
            first.record(epoch_ended(epoch))
        second = EpochLog(store, store.stage(key))
        second.record(StageStarted("stage", 4, 0, 10))
        second.record(epoch_ended(1))
        assert stored_epochs(store, key) == [1]


class FakeStore:
    """A store that refuses epochs while it is full."""

    def __init__(self, *, full: bool) -> None:
        self.full = full
        self.rows: list[StudentRow] = []

    def record_student_epochs(self, rows: list[StudentRow]) -> None:
        if self.full:
            raise StoreError("The disk is full.")
        self.rows += rows


class TestStudentEpochLog:
    def log(self, store: FakeStore, **epochs_stored: int) -> StudentEpochLog:
        fake: Any = store
        return StudentEpochLog(fake, epochs_stored)

    def test_refused_epochs_are_written_later(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("tsexplorer.jobs.student_results.WRITE_INTERVAL_SECONDS", 0.0)
        store = FakeStore(full=True)
        log = self.log(store, a=0, b=1)
        earlier = (student_epoch("a", 1), student_epoch("b", 1), student_epoch("other", 1))
        log.record(ChunkStarted("key", ("a", "b", "other"), 3, earlier, ""))
        log.record(student_epoch("b", 2))
        with pytest.raises(StoreError):
            log.flush()
        store.full = False
        log.record(student_epoch("other", 2))
        assert [(row.stage, row.row.epoch) for row in store.rows] == [("a", 1), ("b", 2)]
        assert (store.rows[0].agreement, store.rows[0].ece) == (0.8, 0.1)
        log.flush()
        assert len(store.rows) == 2

    def test_many_epochs_are_written_at_once(self):
        store = FakeStore(full=False)
        log = self.log(store, a=0)
        for epoch in (1, 2, 3):
            log.record(student_epoch("a", epoch))
        assert store.rows == []
        log.flush()
        assert [row.row.epoch for row in store.rows] == [1, 2, 3]
