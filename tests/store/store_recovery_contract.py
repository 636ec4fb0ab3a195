"""What every store must do after a crash."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.store.store_examples import LONG_AGO, OTHER, OWNER, add, epoch, run
from tsexplorer.store import Store


def nobody_knows(owner: str) -> None:
    return None


class RecoveryContract:
    def test_silent_owner_loses_job_and_running_stages(self, store: Store) -> None:
        experiment, job = run(store)
        teacher, baseline = experiment.stages[0].stage.hash, experiment.stages[1].stage.hash
        store.stage_ended(teacher, "done")
        store.stage_started(baseline)
        store.request(job, "pause")
        later = datetime.now(UTC) + 2 * LONG_AGO
        assert store.interrupt_stale(later, LONG_AGO, nobody_knows) == [job]
        found = store.job(job)
        assert (found.status, found.ended_at, found.request) == ("interrupted", later, None)
        statuses = [link.stage.status for link in store.experiment(experiment.id).stages]
        assert statuses == ["done", "interrupted", "new"]
        assert store.interrupt_stale(later, LONG_AGO, nobody_knows) == []

    def test_dead_owner_is_not_waited_for(self, store: Store) -> None:
        _, dead = run(store)
        other = store.enqueue(add(store, "second").id).id
        store.claim(OTHER)
        found = store.interrupt_stale(datetime.now(UTC), LONG_AGO, lambda owner: owner != OWNER)
        assert found == [dead]
        assert store.job(other).status == "running"

    def test_paused_job_of_a_dead_owner_counts_too(self, store: Store) -> None:
        _, job = run(store)
        store.set_job_status(job, "paused")
        assert store.interrupt_stale(datetime.now(UTC), LONG_AGO, lambda _: False) == [job]

    def test_queued_and_ended_jobs_are_left_alone(self, store: Store) -> None:
        _, job = run(store)
        store.set_job_status(job, "done")
        store.enqueue(add(store, "second").id)
        later = datetime.now(UTC) + 2 * LONG_AGO
        assert store.interrupt_stale(later, LONG_AGO, lambda _: False) == []

    def test_owner_that_speaks_meanwhile_keeps_its_job(self, store: Store) -> None:
        _, job = run(store)

        def speaks(owner: str) -> bool:
            store.heartbeat(job, owner, {})
            return False

        assert store.interrupt_stale(datetime.now(UTC), LONG_AGO, speaks) == []
        assert store.job(job).status == "running"

    def test_stage_that_another_job_trains_goes_on(self, store: Store) -> None:
        first, dead = run(store)
        second = store.enqueue(add(store, "second", lam=0.9).id).id
        store.claim(OTHER, second)
        teacher = first.stage(0, "teacher").hash
        own = first.stage(0, "distilled").hash
        store.stage_started(teacher)
        store.stage_started(own)
        store.interrupt_stale(datetime.now(UTC), LONG_AGO, lambda owner: owner != OWNER)
        assert store.job(dead).status == "interrupted"
        assert store.stage(teacher).status == "running"
        assert store.stage(own).status == "interrupted"

    def test_owner_that_was_only_slow_goes_on(self, store: Store) -> None:
        experiment, job = run(store)
        key = experiment.stage(0, "teacher").hash
        store.stage_started(key)
        store.interrupt_stale(datetime.now(UTC), LONG_AGO, lambda _: False)
        assert store.heartbeat(job, OWNER, {}) is None
        store.record_epoch(key, epoch(1))
        assert (store.job(job).status, store.job(job).ended_at) == ("running", None)
        assert store.stage(key).status == "running"

    def test_owner_whose_job_another_one_took_is_told_to_stop(self, store: Store) -> None:
        _, job = run(store)
        store.interrupt_stale(datetime.now(UTC), LONG_AGO, lambda _: False)
        store.requeue(job)
        assert store.heartbeat(job, OWNER, {}) == "cancel"
        store.claim(OTHER)
        assert store.heartbeat(job, OWNER, {"mine": True}) == "cancel"
        assert not store.set_job_status(job, "cancelled", owner=OWNER)
        taken = store.job(job)
        assert (taken.status, taken.owner, taken.progress) == ("running", OTHER, {})
