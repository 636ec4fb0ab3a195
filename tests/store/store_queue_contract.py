"""Contract of the store: jobs, the queue and requests."""

from __future__ import annotations

import math

import pytest

from tests.store.store_examples import OTHER, OWNER, add, run
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.store import Store


class QueueContract:
    def test_oldest_job_is_claimed_first_and_only_once(self, store: Store) -> None:
        jobs = [store.enqueue(add(store, name).id).id for name in "abc"]
        assert [store.queue_position(job) for job in jobs] == [0, 1, 2]
        claimed = store.claim(OWNER)
        assert claimed is not None
        assert (claimed.id, claimed.status, claimed.owner) == (jobs[0], "running", OWNER)
        assert claimed.heartbeat_at == claimed.started_at is not None
        assert [store.queue_position(job) for job in jobs] == [0, 0, 1]
        assert [store.claim(OWNER).id for _ in "bc"] == jobs[1:]  # type: ignore[union-attr]
        assert store.claim(OWNER) is None

    def test_given_job_can_be_claimed_before_older_ones_and_once(self, store: Store) -> None:
        first, second = (store.enqueue(add(store, name).id).id for name in "ab")
        claimed = store.claim(OWNER, second)
        assert claimed is not None
        assert claimed.id == second
        assert store.claim(OTHER, second) is None
        assert store.job(second).owner == OWNER
        assert store.job(first).status == "queued"

    def test_active_experiment_is_not_queued_twice(self, store: Store) -> None:
        experiment, job = run(store)
        assert store.enqueue(experiment.id).id == job
        store.set_job_status(job, "paused")
        assert store.enqueue(experiment.id).id == job
        store.set_job_status(job, "done")
        assert store.enqueue(experiment.id).id != job

    def test_requeued_job_keeps_its_cluster(self, store: Store) -> None:
        experiment = add(store)
        job = store.enqueue(experiment.id, "tcp://box:8786")
        assert store.enqueue(experiment.id).id == job.id
        store.cancel_queued(job.id)
        assert store.requeue(job.id).cluster == store.job(job.id).cluster == "tcp://box:8786"
        store.cancel_queued(job.id)
        assert store.enqueue(experiment.id).cluster is None

    def test_jobs_are_listed_newest_first(self, store: Store) -> None:
        jobs = [store.enqueue(add(store, name).id).id for name in "abc"]
        store.cancel_queued(jobs[1])
        assert [job.id for job in store.jobs()] == jobs[::-1]
        assert [job.id for job in store.jobs(active_only=True)] == [jobs[2], jobs[0]]

    def test_id_of_a_deleted_job_is_not_reused(self, store: Store) -> None:
        experiment = add(store)
        deleted = store.enqueue(experiment.id).id
        store.delete_study(experiment.id)
        assert store.enqueue(add(store).id).id > deleted

    def test_heartbeat_stores_progress_and_returns_a_request_once(self, store: Store) -> None:
        _, job = run(store)
        started = store.job(job).heartbeat_at
        store.request(job, "pause")
        assert store.job(job).request == "pause"
        assert store.heartbeat(job, OWNER, {"stages_done": 1, "loss": math.nan}) == "pause"
        assert store.heartbeat(job, OWNER, {"stages_done": 2, "nested": {"a": [1]}}) is None
        after = store.job(job)
        assert after.request is None
        assert after.progress == {"stages_done": 2, "nested": {"a": [1]}}
        assert started is not None
        assert after.heartbeat_at is not None
        assert after.heartbeat_at > started

    def test_later_request_replaces_an_earlier_one_except_cancel(self, store: Store) -> None:
        _, job = run(store)
        store.request(job, "pause")
        store.request(job, "step")
        assert store.heartbeat(job, OWNER, {}) == "step"
        store.request(job, "cancel")
        store.request(job, "resume")
        assert store.heartbeat(job, OWNER, {}) == "cancel"

    def test_request_to_a_queued_job_is_kept_for_its_owner(self, store: Store) -> None:
        job = store.enqueue(add(store).id).id
        store.request(job, "pause")
        store.claim(OWNER)
        assert store.heartbeat(job, OWNER, {}) == "pause"

    def test_unknown_or_late_request_is_an_error(self, store: Store) -> None:
        _, job = run(store)
        with pytest.raises(UserError, match="cannot be asked to explode"):
            store.request(job, "explode")
        store.set_job_status(job, "done")
        with pytest.raises(UserError, match=f"Job {job} is done, so it cannot pause"):
            store.request(job, "pause")

    def test_failed_job_has_an_end_time_and_an_error(self, store: Store) -> None:
        _, job = run(store)
        assert store.set_job_status(job, "failed", error="Out of memory.")
        ended = store.job(job)
        assert (ended.status, ended.error) == ("failed", "Out of memory.")
        assert ended.ended_at is not None

    def test_late_status_does_not_change_an_ended_job(self, store: Store) -> None:
        _, job = run(store)
        store.set_job_status(job, "done")
        assert not store.set_job_status(job, "paused")
        assert not store.set_job_status(job, "failed")
        assert store.job(job).status == "done"

    def test_invalid_status_is_an_error(self, store: Store) -> None:
        _, job = run(store)
        with pytest.raises(UserError, match="cannot be set to queued"):
            store.set_job_status(job, "queued")

    def test_cancel_queued_does_not_cancel_a_running_job(self, store: Store) -> None:
        job = store.enqueue(add(store).id).id
        assert store.cancel_queued(job)
        assert store.job(job).status == "cancelled"
        assert store.claim(OWNER) is None
        _, running = run(store, "second")
        assert not store.cancel_queued(running)
        assert store.job(running).status == "running"

    @pytest.mark.parametrize("status", ["interrupted", "cancelled", "failed"])
    def test_requeued_job_is_last_in_the_queue(self, store: Store, status: str) -> None:
        experiment, job = run(store)
        store.set_job_status(job, status, error="It stopped.")
        waiting = store.enqueue(add(store, "second").id).id
        again = store.requeue(job)
        assert (again.status, again.owner, again.error, again.ended_at) == (
            "queued",
            None,
            None,
            None,
        )
        assert store.queue_position(job) == 1
        assert [store.claim(OWNER).id for _ in "ab"] == [waiting, job]  # type: ignore[union-attr]
        assert store.latest_job(experiment.id) == store.job(job)

    def test_only_a_job_that_stopped_early_can_be_requeued(self, store: Store) -> None:
        experiment, job = run(store)
        with pytest.raises(UserError, match="is running, so there is nothing to resume"):
            store.requeue(job)
        store.set_job_status(job, "cancelled")
        newer = store.enqueue(experiment.id).id
        with pytest.raises(UserError, match=f"already queued as job {newer}"):
            store.requeue(job)

    def test_latest_job_is_the_job_that_was_queued_last(self, store: Store) -> None:
        experiment = add(store)
        assert store.latest_job(experiment.id) is None
        first = store.enqueue(experiment.id).id
        store.cancel_queued(first)
        second = store.enqueue(experiment.id).id
        assert store.latest_job(experiment.id) == store.job(second)
        store.cancel_queued(second)
        store.requeue(first)
        assert store.latest_job(experiment.id) == store.job(first)

    def test_unknown_job_is_an_error_with_its_id(self, store: Store) -> None:
        for method in (store.job, store.requeue, store.cancel_queued, store.queue_position):
            with pytest.raises(NotFoundError, match="no job 7"):
                method(7)
        with pytest.raises(NotFoundError, match="no experiment"):
            store.enqueue("00000000")
