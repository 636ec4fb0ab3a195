"""Contract of the store: recovery after a crash."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.store.store_examples import LONG_AGO, OTHER, OWNER, add, epoch, run
from tsexplorer.store import Store


def is_unknown(owner: str) -> None:
    return None


class RecoveryContract:
    def test_job_and_stages_of_a_silent_owner_are_interrupted(self, store: Store) -> None:
        experiment, job = run(store)
        teacher, baseline = experiment.stages[0].stage.hash, experiment.stages[1].stage.hash
        store.record_stage_ended(teacher, "done")
        store.record_stage_started(baseline)
        store.request(job, "pause")
        later = datetime.now(UTC) + 2 * LONG_AGO
        assert store.interrupt_stale_jobs(later, LONG_AGO, is_unknown) == [job]
        stopped = store.job(job)
        assert (stopped.status, stopped.ended_at, stopped.request) == ("interrupted", later, None)
        statuses = [link.stage.status for link in store.experiment(experiment.id).stages]
        assert statuses == ["done", "interrupted", "new"]
        assert store.interrupt_stale_jobs(later, LONG_AGO, is_unknown) == []

    def test_job_of_a_dead_owner_is_interrupted_at_once(self, store: Store) -> None:
        _, dead = run(store)
        other = store.enqueue(add(store, "second").id).id
        store.claim(OTHER)
        now = datetime.now(UTC)
        assert store.interrupt_stale_jobs(now, LONG_AGO, lambda owner: owner != OWNER) == [dead]
        assert store.job(other).status == "running"

    def test_paused_job_of_a_dead_owner_is_interrupted(self, store: Store) -> None:
        _, job = run(store)
        store.set_job_status(job, "paused")
        assert store.interrupt_stale_jobs(datetime.now(UTC), LONG_AGO, lambda _: False) == [job]

    def test_queued_and_ended_jobs_are_not_interrupted(self, store: Store) -> None:
        _, job = run(store)
        store.set_job_status(job, "done")
        store.enqueue(add(store, "second").id)
        later = datetime.now(UTC) + 2 * LONG_AGO
        assert store.interrupt_stale_jobs(later, LONG_AGO, lambda _: False) == []

    def test_owner_that_sends_a_heartbeat_meanwhile_keeps_its_job(self, store: Store) -> None:
        _, job = run(store)

        def beat(owner: str) -> bool:
            store.heartbeat(job, owner, {})
            return False

        assert store.interrupt_stale_jobs(datetime.now(UTC), LONG_AGO, beat) == []
        assert store.job(job).status == "running"

    def test_stage_that_another_job_trains_is_not_interrupted(self, store: Store) -> None:
        first, dead = run(store)
        second = store.enqueue(add(store, "second", lam=0.9).id).id
        store.claim(OTHER, second)
        teacher = first.stage(0, "teacher").hash
        own = first.stage(0, "distilled").hash
        store.record_stage_started(teacher)
        store.record_stage_started(own)
        store.interrupt_stale_jobs(datetime.now(UTC), LONG_AGO, lambda owner: owner != OWNER)
        assert store.job(dead).status == "interrupted"
        assert store.stage(teacher).status == "running"
        assert store.stage(own).status == "interrupted"

    def test_slow_owner_gets_its_interrupted_job_back(self, store: Store) -> None:
        experiment, job = run(store)
        key = experiment.stage(0, "teacher").hash
        store.record_stage_started(key)
        store.interrupt_stale_jobs(datetime.now(UTC), LONG_AGO, lambda _: False)
        assert store.heartbeat(job, OWNER, {}) is None
        store.record_epoch(key, epoch(1))
        assert (store.job(job).status, store.job(job).ended_at) == ("running", None)
        assert store.stage(key).status == "running"

    def test_owner_whose_job_was_claimed_by_another_must_cancel(self, store: Store) -> None:
        _, job = run(store)
        store.interrupt_stale_jobs(datetime.now(UTC), LONG_AGO, lambda _: False)
        store.requeue(job)
        assert store.heartbeat(job, OWNER, {}) == "cancel"
        store.claim(OTHER)
        assert store.heartbeat(job, OWNER, {"mine": True}) == "cancel"
        assert not store.set_job_status(job, "cancelled", owner=OWNER)
        taken = store.job(job)
        assert (taken.status, taken.owner, taken.progress) == ("running", OTHER, {})
