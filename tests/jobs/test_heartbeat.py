"""Heartbeats of a running job, and the requests that they apply."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

import pytest

from tests.jobs.experiment_examples import settings, spec, wait_until
from tsexplorer.jobs.heartbeat import HeartbeatThread, apply_request, this_process
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.services.service import Service
from tsexplorer.store import JobSnapshot, Store, StoreError
from tsexplorer.training.control import Control
from tsexplorer.training.events import Progress

PROGRESS = Progress(
    "stage",
    doing="training",
    epoch=2,
    epochs=5,
    fraction=0.3,
    seconds=12.5,
    seconds_left=30.0,
    loss=0.25,
)


class RunningJob:
    """A job with a heartbeat, but without a runner."""

    def __init__(self, service: Service, heartbeat_seconds: float) -> None:
        owner = this_process()
        self.store = service.store
        self.id = service.enqueue(spec()).id
        self.store.claim(owner, self.id)
        self.control, self.board = Control(), ProgressBoard()
        chosen = settings(service.settings.home, heartbeat_seconds=heartbeat_seconds)
        self.heartbeat = HeartbeatThread(
            self.store, self.id, owner, self.control, self.board, chosen
        )

    @property
    def snapshot(self) -> JobSnapshot:
        return self.store.job(self.id)


MakeJob = Callable[..., RunningJob]


@pytest.fixture
def make_job(service: Service) -> MakeJob:
    def make(heartbeat_seconds: float = 0.05) -> RunningJob:
        return RunningJob(service, heartbeat_seconds)

    return make


@pytest.mark.parametrize(
    ("request_", "paused", "cancelled"),
    [
        ("pause", True, False),
        ("resume", False, False),
        ("step", False, False),
        ("cancel", False, True),
    ],
)
def test_request_is_applied_to_the_control(request_: str, paused: bool, cancelled: bool):
    control = Control()
    apply_request(request_, control)
    assert (control.paused, control.cancelled) == (paused, cancelled)


def test_heartbeats_write_time_and_progress(make_job: MakeJob):
    job = make_job()
    job.board.begin(job.id, stages=3)
    job.board.stage_done(job.id)
    job.board.record(job.id, PROGRESS)
    with job.heartbeat:
        first = wait_until(lambda: job.snapshot.progress and job.snapshot.heartbeat_at)
        wait_until(lambda: job.snapshot.heartbeat_at > first)
    assert job.snapshot.progress == {**asdict(PROGRESS), "stages": 3, "stages_done": 1}


def test_no_heartbeat_after_the_end(make_job: MakeJob):
    job = make_job()
    with job.heartbeat:
        wait_until(lambda: job.snapshot.progress)
    last = job.snapshot.heartbeat_at
    time.sleep(0.2)  # four heartbeats
    assert job.snapshot.heartbeat_at == last


def test_requests_are_applied_between_heartbeats(make_job: MakeJob):
    job = make_job(60.0)
    with job.heartbeat:
        for action, paused in (("pause", True), ("resume", False), ("pause", True)):
            job.store.request(job.id, action)
            wait_until(lambda paused=paused: job.control.paused is paused)
            wait_until(lambda paused=paused: (job.snapshot.status == "paused") is paused)
        assert job.snapshot.request is None
        job.store.request(job.id, "cancel")
        wait_until(lambda: job.control.cancelled)


def test_request_from_before_the_start_is_applied(make_job: MakeJob):
    job = make_job(60.0)
    job.store.request(job.id, "pause")
    with job.heartbeat:
        wait_until(lambda: job.control.paused)


def test_pause_after_a_step_reaches_the_store(make_job: MakeJob):
    """Also if the store still has the status from before the step."""
    job = make_job(60.0)
    with job.heartbeat:
        for _ in range(3):
            job.control.step()
            job.control.epoch_ended()
            job.store.set_job_status(job.id, "running")
            wait_until(lambda: job.snapshot.status == "paused")


def test_running_job_marked_as_interrupted_continues(make_job: MakeJob):
    job = make_job(60.0)
    with job.heartbeat:
        wait_until(lambda: job.snapshot.progress)
        job.store.set_job_status(job.id, "interrupted")
        wait_until(lambda: job.snapshot.status == "running")
    assert not job.control.cancelled


@pytest.mark.parametrize("change", ["requeued", "claimed", "cancelled", "deleted"])
def test_job_that_another_process_changed_is_cancelled(
    service: Service, make_job: MakeJob, change: str
):
    job = make_job(60.0)
    with job.heartbeat:
        wait_until(lambda: job.snapshot.progress)
        job.store.set_job_status(job.id, "cancelled" if change == "cancelled" else "interrupted")
        if change in ("requeued", "claimed"):
            job.store.requeue(job.id)
        if change == "claimed":
            job.store.claim("elsewhere:1:1", job.id)
        if change == "deleted":
            service.delete("toy")
        wait_until(lambda: job.control.cancelled)
    if change != "deleted":
        expected = {"requeued": "queued", "claimed": "running"}.get(change, change)
        assert job.snapshot.status == expected


def test_heartbeats_continue_after_the_store_was_busy(make_job: MakeJob, monkeypatch, caplog):
    refused: list[None] = []
    original = Store.heartbeat

    def heartbeat(self: Store, *arguments):
        if len(refused) < 2:
            refused.append(None)
            raise StoreError("The database is kept busy by another program.")
        return original(self, *arguments)

    monkeypatch.setattr(Store, "heartbeat", heartbeat)
    job = make_job()
    with job.heartbeat:
        wait_until(lambda: job.snapshot.progress)
    assert len(refused) == 2
    assert caplog.text.count("was lost") == 2
    assert not job.control.cancelled


def test_failing_store_is_asked_once_a_heartbeat(make_job: MakeJob, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise StoreError("The database does not answer.")

    job = make_job(0.3)
    monkeypatch.setattr(Store, "heartbeat", fail)
    monkeypatch.setattr(Store, "job", fail)
    with job.heartbeat:
        time.sleep(0.7)
    assert 1 <= caplog.text.count("was lost") <= 3


def test_heartbeat_recovers_jobs_of_ended_processes(service: Service, make_job: MakeJob):
    """The worker does not while it runs a job."""
    stale = service.enqueue(spec("stale", seeds=(1,)))
    ended_process = this_process().rsplit(":", 1)[0] + ":1"
    service.store.claim(ended_process, stale.id)
    job = make_job()
    with job.heartbeat:
        wait_until(lambda: service.store.job(stale.id).status == "interrupted")
    assert job.snapshot.status == "running"
