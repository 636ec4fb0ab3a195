"""The job queue of the service: start, watch, resume and cancel."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.experiment_examples import (
    ENDLESS,
    STUDENT,
    ended,
    has_epochs,
    settings,
    spec,
    trained,
    wait_until,
)
from tsexplorer.errors import UserError
from tsexplorer.jobs.heartbeat import this_process
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.jobs.worker import Worker
from tsexplorer.services.service import Service


def test_starting_an_active_experiment_again_returns_its_job(service: Service):
    first = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    assert service.start(spec(epochs=ENDLESS, teacher=STUDENT)).id == first.id
    wait_until(has_epochs(service, "toy"))
    assert service.start(spec(epochs=ENDLESS, teacher=STUDENT)).id == first.id
    assert len(service.jobs()) == 1


def test_name_of_another_experiment_is_an_error(service: Service):
    service.enqueue(spec(lam=0.3))
    with pytest.raises(UserError, match=r'^An experiment named "toy" exists with other settings;'):
        service.start(spec(lam=0.4))
    assert len(service.jobs()) == 1
    assert service.free_name(spec(lam=0.3), "toy") == "toy"
    assert service.free_name(spec(lam=0.4), "toy") == "toy (2)"


def test_watch_returns_job_and_progress_until_the_end(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(has_epochs(service, "toy", 2))
    watch = service.watch("toy")
    assert (watch.job.id, watch.job.status, watch.jobs_before) == (job.id, "running", 0)
    assert (watch.progress.stages, watch.progress.stages_done) == (3, 0)
    progress = wait_until(lambda: service.watch("toy").progress.progress)
    assert progress.stage == watch.experiment.stages[0].stage.hash
    service.cancel(job.id)
    ended(service, job)
    assert service.watch("toy").job.status == "cancelled"


def test_progress_in_another_process_is_read_from_heartbeats(service: Service, home: Path):
    service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    observer = Service(settings(home))
    progress = wait_until(lambda: observer.watch("toy").progress.progress)
    assert (progress.doing, progress.epochs) == ("training", ENDLESS)
    assert observer.watch("toy").progress.stages == 3
    observer.close()


def test_progress_is_that_of_the_process_that_runs_the_job(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(lambda: service.watch("toy").progress.progress)
    service.cancel(job.id)
    ended(service, job)
    service.worker.stop()  # otherwise it may claim the job before the other process
    service.store.requeue(job.id)
    service.store.claim("elsewhere:1:1", job.id)
    service.store.heartbeat(job.id, "elsewhere:1:1", {"stages": 3, "stages_done": 2})
    assert service.watch("toy").progress == JobProgress(stages=3, stages_done=2)


def test_two_simultaneous_resumes_queue_the_job_once(service: Service, monkeypatch):
    job = service.enqueue(spec())
    service.cancel(job.id)
    barrier = threading.Barrier(2)  # both calls read the status before one changes it
    store_requeue = service.store.requeue

    def requeue(number: int) -> Any:
        barrier.wait(30)
        return store_requeue(number)

    errors: list[Exception] = []

    def resume() -> None:
        try:
            service.resume(job.id)
        except Exception as error:
            errors.append(error)

    with monkeypatch.context() as patch:
        patch.setattr(service.store, "requeue", requeue)
        threads = [threading.Thread(target=resume) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert errors == []
    trained(service, job)
    assert len(service.jobs()) == 1


def test_resuming_an_active_job_does_nothing(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    waiting = service.start(spec("second", seeds=(1,)))
    wait_until(has_epochs(service, "toy"))
    service.resume(waiting.id)
    service.resume(job.id)
    assert service.store.job(waiting.id).status == "queued"
    assert service.store.job(job.id).status == "running"


def test_resuming_an_experiment_with_a_newer_job_is_an_error(service: Service):
    first = service.enqueue(spec())
    service.cancel(first.id)
    second = service.enqueue(spec())
    sentence = rf"^The experiment of job {first.id} is already queued as job {second.id}; follow"
    with pytest.raises(UserError, match=sentence):
        service.resume(first.id)


def test_interrupted_job_can_be_cancelled(service: Service):
    job = service.enqueue(spec())
    service.store.claim("elsewhere:1:1", job.id)
    service.store.set_job_status(job.id, "interrupted")
    service.cancel(job.id)
    assert service.store.job(job.id).status == "cancelled"
    assert service.store.heartbeat(job.id, "elsewhere:1:1", {}) == "cancel"  # was only slow
    service.resume(job.id)
    trained(service, job)


def test_request_to_a_job_that_has_just_ended_does_nothing(service: Service, monkeypatch):
    job = service.enqueue(spec())
    service.store.claim(this_process(), job.id)
    assert service.worker  # exists, but does not run this job

    def apply_request(self: Worker, number: int, request: str) -> bool:
        service.store.set_job_status(number, "done")
        return True

    monkeypatch.setattr(Worker, "apply_request", apply_request)
    service.pause(job.id)
    assert service.store.job(job.id).status == "done"
