"""Pause, resume, step and cancel of a running job take effect within 0.2 s, from any process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.jobs.experiment_examples import (
    ENDLESS,
    STUDENT,
    OptimiserSteps,
    ended,
    has_epochs,
    settings,
    spec,
    trained,
    wait_until,
)
from tsexplorer.errors import UserError
from tsexplorer.models.network import Net
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.store import JobSnapshot
from tsexplorer.training.teacher_logits import MeanOfTeachers

PROMPT = 0.2
"""Seconds within which a request takes effect."""
ATTEMPTS = 5
"""A busy machine may delay one attempt; a slow program is slow in each."""
PROMPT_VIA_STORE = 0.5
"""Seconds for a request of another process, and for the last writes of a cancelled job. An idle
machine needs half of PROMPT; a program that waited for a heartbeat would need seconds."""


def assert_prompt(attempt: Callable[[int], float], within: float = PROMPT) -> None:
    """Repeat an attempt, which returns its delay in seconds, until it is quick enough."""
    delays = []
    while len(delays) < ATTEMPTS:
        delays.append(attempt(len(delays)))
        if delays[-1] < within:
            return
    raise AssertionError(f"each attempt took longer than {within} s: {delays}")


@pytest.fixture(params=["this process", "another"])
def client(request: pytest.FixtureRequest, service: Service, home: Path, open_service) -> Service:
    """The service that sends requests: the one that trains, or another one with the same store.

    Heartbeats are far slower than 0.2 s, so that a test shows whether a request waits for one.
    """
    return service if request.param == "this process" else open_service(settings(home))


@pytest.fixture
def service(home: Path, open_service: Callable[[Settings], Service]) -> Service:
    return open_service(settings(home, heartbeat_seconds=5.0))


@pytest.fixture
def job(service: Service, steps: OptimiserSteps) -> JobSnapshot:
    """A running job that would take hours."""
    started = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    steps.next_after(0)
    return started


def status(service: Service, job: JobSnapshot) -> str:
    return service.store.job(job.id).status


def test_pause_and_resume(
    client: Service, service: Service, job: JobSnapshot, steps: OptimiserSteps
):
    def pause(_: int) -> float:
        client.resume(job.id)
        steps.next_after(time.monotonic())
        requested = time.monotonic()
        client.pause(job.id)
        return steps.last() - requested

    def resume(_: int) -> float:
        client.pause(job.id)
        steps.last()
        requested = time.monotonic()
        client.resume(job.id)
        return steps.next_after(requested) - requested

    within = PROMPT if client is service else PROMPT_VIA_STORE
    assert_prompt(pause, within)
    wait_until(lambda: status(service, job) == "paused")
    assert_prompt(resume, within)
    wait_until(lambda: status(service, job) == "running")


def test_step_trains_one_epoch_and_pauses_again(
    client: Service, service: Service, job: JobSnapshot, steps: OptimiserSteps
):
    client.pause(job.id)
    steps.last()
    key = service.experiment(job.experiment_id).stages[0].stage.hash

    def step(_: int) -> float:
        done = len(service.store.epochs(key))
        requested = time.monotonic()
        client.step(job.id)
        wait_until(lambda: len(service.store.epochs(key)) > done)
        steps.last()
        assert len(service.store.epochs(key)) == done + 1
        # If it was paused during validation, the epoch had no optimiser steps left.
        delay = next((moment for moment in steps.times if moment > requested), math.inf) - requested
        # Also if the epoch ended before the store noted that it had started.
        wait_until(lambda: status(service, job) == "paused")
        return delay

    step(0)
    assert_prompt(step, PROMPT if client is service else PROMPT_VIA_STORE)


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_cancel(client: Service, service: Service, steps: OptimiserSteps, paused: bool):
    def cancel(number: int) -> float:
        job = service.start(spec(str(number), epochs=ENDLESS, teacher=STUDENT, seeds=(number,)))
        steps.next_after(time.monotonic())
        if paused:
            service.pause(job.id)
            steps.last()
        requested = time.monotonic()
        client.cancel(job.id)
        assert ended(service, job).status == "cancelled"
        delay = time.monotonic() - requested
        if paused:
            return delay
        assert steps.last() < requested + delay
        return steps.last() - requested

    prompt = client is service and not paused
    assert_prompt(cancel, PROMPT if prompt else PROMPT_VIA_STORE)


def test_cancel_of_a_queued_job(client: Service, service: Service, job: JobSnapshot):
    queued = service.start(spec("second", seeds=(2,)))
    requested = time.monotonic()
    client.cancel(queued.id)
    assert status(service, queued) == "cancelled"
    assert time.monotonic() - requested < PROMPT
    assert status(service, job) == "running"


def test_queued_job_that_is_paused_starts_paused(
    client: Service, service: Service, job: JobSnapshot, steps: OptimiserSteps
):
    queued = service.start(spec("second", epochs=ENDLESS, seeds=(2,)))
    client.pause(queued.id)
    assert status(service, queued) == "queued"
    service.cancel(job.id)
    wait_until(lambda: status(service, queued) == "paused")
    steps.last()
    client.resume(queued.id)
    wait_until(lambda: status(service, queued) == "running")


def test_repeated_pause_and_resume_do_no_harm(
    client: Service, service: Service, job: JobSnapshot, steps: OptimiserSteps
):
    for _ in range(2):
        client.pause(job.id)
    steps.last()
    for _ in range(2):
        client.resume(job.id)
    assert steps.next_after(time.monotonic())
    wait_until(lambda: status(service, job) == "running")


FORWARD_SECONDS = 0.05


@pytest.mark.parametrize("slow", [Net, MeanOfTeachers], ids=["validation", "teacher logits"])
def test_cancel_during_validation_or_teacher_logits(
    service: Service, monkeypatch: pytest.MonkeyPatch, slow: type[torch.nn.Module]
):
    """Each of the 40 validation images, or of the teacher's 120, takes 0.05 s."""
    started = threading.Event()
    original = slow.forward

    def forward(self: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        if not self.training:
            started.set()
            time.sleep(FORWARD_SECONDS)
        return original(self, images)

    monkeypatch.setattr(slow, "forward", forward)
    monkeypatch.setattr("tsexplorer.training.task.evaluation_batch_size", lambda _: 1)

    def cancel(number: int) -> float:
        started.clear()
        job = service.start(spec(str(number), epochs=1, seeds=(number,)))
        assert started.wait(60)
        requested = time.monotonic()
        service.cancel(job.id)
        assert ended(service, job).status == "cancelled"
        return time.monotonic() - requested

    assert_prompt(cancel, PROMPT_VIA_STORE)


def test_cancelled_job_resumes_where_it_stopped(
    service: Service, job: JobSnapshot, steps: OptimiserSteps
):
    wait_until(has_epochs(service, job.experiment_id, 2))
    service.cancel(job.id)
    ended(service, job)
    key = service.experiment(job.experiment_id).stages[0].stage.hash
    done = len(service.store.epochs(key))
    service.resume(job.id)
    wait_until(lambda: len(service.store.epochs(key)) > done)
    service.cancel(job.id)
    ended(service, job)
    epochs = [row.epoch for row in service.store.epochs(key)]
    assert epochs == list(range(1, len(epochs) + 1))


def test_step_pauses_between_two_stages(service: Service, steps: OptimiserSteps):
    job = service.enqueue(spec(epochs=1))
    service.store.request(job.id, "pause")
    service.worker.wake_worker()
    wait_until(lambda: status(service, job) == "paused")
    for count in (1, 2):
        service.step(job.id)
        wait_until(has_epochs(service, job.experiment_id, count))
        wait_until(lambda: status(service, job) == "paused")
        steps.last()
        done = [link.stage.status for link in service.experiment(job.experiment_id).stages]
        assert done == ["done"] * count + ["new"] * (3 - count)
    service.step(job.id)
    trained(service, job)


def test_ended_job_refuses_requests(service: Service):
    done = service.start(spec())
    trained(service, done)
    for action, participle in (
        (service.pause, "paused"),
        (service.step, "stepped"),
        (service.cancel, "cancelled"),
    ):
        with pytest.raises(UserError, match=rf"^Job 1 is done, so it cannot be {participle}\.$"):
            action(done.id)
    with pytest.raises(UserError, match=r"^Job 1 is done, so there is nothing to resume\.$"):
        service.resume(done.id)
