"""Contract of the store: stages and epochs."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from tests.store.store_examples import add, epoch
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.store import Store


class StagesContract:
    @pytest.fixture
    def key(self, store: Store) -> str:
        return add(store).stage(0, "teacher").hash

    def test_stage_keeps_all_recorded_figures(self, store: Store, key: str) -> None:
        store.record_stage_started(key, parameters=61_514, macs=3_000_000_000, machine="a laptop")
        started = store.stage(key)
        assert (started.status, started.parameters, started.macs) == (
            "running",
            61_514,
            3_000_000_000,
        )
        store.record_epoch(key, epoch(1))
        store.record_stage_ended(
            key,
            "done",
            validation_accuracy=0.98,
            validation_loss=0.06,
            test_accuracy=0.97,
            train_seconds=12.5,
            kept_epoch=1,
        )
        done = store.stage(key)
        assert (done.status, done.epochs_done, done.kept_epoch) == ("done", 1, 1)
        assert (done.validation_accuracy, done.test_accuracy) == (0.98, 0.97)
        assert (done.validation_loss, done.train_seconds) == (0.06, 12.5)
        assert (done.machine, done.parameters) == ("a laptop", 61_514)
        assert store.is_stage_done(key)

    def test_times_are_in_utc(self, store: Store, key: str) -> None:
        store.record_stage_ended(key, "cancelled")
        stage = store.stage(key)
        assert stage.finished_at is not None
        assert stage.created_at.utcoffset() == stage.finished_at.utcoffset() == timedelta(0)
        assert timedelta(0) <= datetime.now(UTC) - stage.created_at < timedelta(minutes=1)

    def test_failed_stage_keeps_its_error_until_it_starts_again(
        self, store: Store, key: str
    ) -> None:
        store.record_stage_ended(key, "failed", error="The disk is full.")
        assert store.stage(key).error == "The disk is full."
        store.record_stage_started(key)
        again = store.stage(key)
        assert (again.status, again.error, again.finished_at) == ("running", None, None)

    def test_late_status_does_not_change_a_stage_that_is_done(self, store: Store, key: str) -> None:
        store.record_stage_ended(key, "done", test_accuracy=0.97)
        store.record_stage_ended(key, "cancelled")
        assert store.stage(key).status == "done"

    def test_epochs_are_returned_in_order(self, store: Store, key: str) -> None:
        rows = tuple(epoch(number) for number in range(1, 12))
        for row in rows:
            store.record_epoch(key, row)
        assert store.epochs(key) == rows
        assert store.stage(key).epochs_done == 11

    def test_repeated_epoch_replaces_the_stored_one_and_later_ones(
        self, store: Store, key: str
    ) -> None:
        for number in (1, 2, 3):
            store.record_epoch(key, epoch(number))
        repeated = epoch(2, validation_accuracy=0.5)
        store.record_epoch(key, repeated)
        assert store.epochs(key) == (epoch(1), repeated)
        assert store.stage(key).epochs_done == 2

    def test_loss_that_diverged_is_returned_as_nan(self, store: Store, key: str) -> None:
        row = epoch(1, train_loss=math.nan, terms={"hard": math.inf, "soft": 0.5})
        store.record_epoch(key, row)
        (kept,) = store.epochs(key)
        assert math.isnan(kept.train_loss)
        assert math.isnan(kept.terms["hard"])
        assert kept.terms["soft"] == 0.5
        assert kept.validation_loss == 0.3

    def test_figure_of_a_stage_that_is_nan_becomes_none(self, store: Store, key: str) -> None:
        store.record_stage_ended(key, "done", validation_loss=math.nan)
        assert store.stage(key).validation_loss is None

    def test_epochs_by_stage_returns_the_epochs_of_each_stage(self, store: Store) -> None:
        keys = [link.stage.hash for link in add(store).stages]
        store.record_epoch(keys[0], epoch(1))
        store.record_epoch(keys[1], epoch(1))
        store.record_epoch(keys[1], epoch(2))
        epochs = store.epochs_by_stage(keys)
        assert [len(epochs[key]) for key in keys] == [1, 2, 0]
        assert store.epochs_by_stage([]) == {}

    def test_reset_deletes_everything_except_the_spec(self, store: Store, key: str) -> None:
        new = store.stage(key)
        store.record_stage_started(key)
        store.record_epoch(key, epoch(1))
        store.record_stage_ended(key, "done", test_accuracy=0.9, train_seconds=3.0, kept_epoch=1)
        store.reset_stage(key)
        assert store.stage(key) == new
        assert store.epochs(key) == ()

    def test_unknown_stage_is_an_error_with_its_hash(self, store: Store) -> None:
        missing = "0" * 16
        assert not store.is_stage_done(missing)
        for method in (store.stage, store.record_stage_started, store.reset_stage):
            with pytest.raises(NotFoundError, match=missing):
                method(missing)
        with pytest.raises(NotFoundError, match=missing):
            store.record_epoch(missing, epoch(1))
        with pytest.raises(NotFoundError, match=missing):
            store.record_stage_ended(missing, "done")

    def test_invalid_epoch_or_status_is_an_error(self, store: Store, key: str) -> None:
        with pytest.raises(UserError, match="count from 1"):
            store.record_epoch(key, epoch(0))
        with pytest.raises(UserError, match="cannot end as running"):
            store.record_stage_ended(key, "running")
