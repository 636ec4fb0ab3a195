"""What every store must do with stages and epochs."""

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

    def test_life_of_a_stage(self, store: Store, key: str) -> None:
        store.stage_started(key, parameters=61_514, macs=3_000_000_000, machine="a laptop")
        started = store.stage(key)
        assert (started.status, started.parameters, started.macs) == (
            "running",
            61_514,
            3_000_000_000,
        )
        store.record_epoch(key, epoch(1))
        store.stage_ended(
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
        assert store.has_stage_done(key)

    def test_moments_are_in_utc(self, store: Store, key: str) -> None:
        store.stage_ended(key, "cancelled")
        stage = store.stage(key)
        assert stage.finished_at is not None
        assert stage.created_at.utcoffset() == stage.finished_at.utcoffset() == timedelta(0)
        assert timedelta(0) <= datetime.now(UTC) - stage.created_at < timedelta(minutes=1)

    def test_failure_says_why_until_it_starts_again(self, store: Store, key: str) -> None:
        store.stage_ended(key, "failed", error="The disk is full.")
        assert store.stage(key).error == "The disk is full."
        store.stage_started(key)
        again = store.stage(key)
        assert (again.status, again.error, again.finished_at) == ("running", None, None)

    def test_done_stays_done_whatever_a_late_process_says(self, store: Store, key: str) -> None:
        store.stage_ended(key, "done", test_accuracy=0.97)
        store.stage_ended(key, "cancelled")
        assert store.stage(key).status == "done"

    def test_epochs_come_back_in_order(self, store: Store, key: str) -> None:
        rows = tuple(epoch(number) for number in range(1, 12))
        for row in rows:
            store.record_epoch(key, row)
        assert store.epochs(key) == rows
        assert store.stage(key).epochs_done == 11

    def test_repeated_epoch_replaces_itself_and_what_came_after(
        self, store: Store, key: str
    ) -> None:
        for number in (1, 2, 3):
            store.record_epoch(key, epoch(number))
        again = epoch(2, validation_accuracy=0.5)
        store.record_epoch(key, again)
        assert store.epochs(key) == (epoch(1), again)
        assert store.stage(key).epochs_done == 2

    def test_loss_that_diverged_is_kept_as_nan(self, store: Store, key: str) -> None:
        row = epoch(1, train_loss=math.nan, terms={"hard": math.inf, "soft": 0.5})
        store.record_epoch(key, row)
        (kept,) = store.epochs(key)
        assert math.isnan(kept.train_loss)
        assert math.isnan(kept.terms["hard"])
        assert kept.terms["soft"] == 0.5
        assert kept.validation_loss == 0.3

    def test_figure_that_is_not_a_number_is_no_figure(self, store: Store, key: str) -> None:
        store.stage_ended(key, "done", validation_loss=math.nan)
        assert store.stage(key).validation_loss is None

    def test_epochs_of_many_stages(self, store: Store) -> None:
        keys = [link.stage.hash for link in add(store).stages]
        store.record_epoch(keys[0], epoch(1))
        store.record_epoch(keys[1], epoch(1))
        store.record_epoch(keys[1], epoch(2))
        found = store.epochs_many(keys)
        assert [len(found[key]) for key in keys] == [1, 2, 0]
        assert store.epochs_many([]) == {}

    def test_reset_forgets_all_but_the_spec(self, store: Store, key: str) -> None:
        fresh = store.stage(key)
        store.stage_started(key)
        store.record_epoch(key, epoch(1))
        store.stage_ended(key, "done", test_accuracy=0.9, train_seconds=3.0, kept_epoch=1)
        store.reset_stage(key)
        assert store.stage(key) == fresh
        assert store.epochs(key) == ()

    def test_unknown_stage_is_named(self, store: Store) -> None:
        missing = "0" * 16
        assert not store.has_stage_done(missing)
        for act in (store.stage, store.stage_started, store.reset_stage):
            with pytest.raises(NotFoundError, match=missing):
                act(missing)
        with pytest.raises(NotFoundError, match=missing):
            store.record_epoch(missing, epoch(1))
        with pytest.raises(NotFoundError, match=missing):
            store.stage_ended(missing, "done")

    def test_what_cannot_be_is_refused(self, store: Store, key: str) -> None:
        with pytest.raises(UserError, match="count from 1"):
            store.record_epoch(key, epoch(0))
        with pytest.raises(UserError, match="cannot end as running"):
            store.stage_ended(key, "running")
