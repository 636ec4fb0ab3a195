"""Pause, resume, step and cancel in a real background run: each within 0.2 s, from anywhere."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.jobs.jobs_examples import (
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
from tsexplorer.models.network import Net
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.store import JobSnapshot
from tsexplorer.training.learner import Learner
from tsexplorer.training.teacher_logits import MeanOfTeachers

PROMPT = 0.2
"""Seconds within which a wish takes effect."""
ATTEMPTS = 5
"""A busy machine may delay a thread by more than that; a slow program is slow each time."""
BY_WORD_IN_THE_STORE = 0.5
"""What is allowed to a wish of another process and to what its job writes down when it ends. An
idle machine needs half of PROMPT; a program that waits for a heartbeat here would need seconds.
"""
QUIET = 0.3
"""Seconds without a step after which a run is held for certain."""


def assert_prompt(attempt: Callable[[int], float], within: float = PROMPT) -> None:
    """One attempt of several, each of which gives its delay in seconds, is quick enough."""
    delays = []
    while len(delays) < ATTEMPTS:
        delays.append(attempt(len(delays)))
        if delays[-1] < within:
            return
    raise AssertionError(f"each attempt took longer than {within} s: {delays}")


class Steps:
    """When optimiser steps were taken, by any run of this process."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._moved = threading.Condition()

    def note(self) -> None:
        with self._moved:
            self.times.append(time.monotonic())
            self._moved.notify_all()

    def next_after(self, moment: float) -> float:
        """When the first step after a moment was taken."""
        with self._moved:
            assert self._moved.wait_for(lambda: self.times and self.times[-1] > moment, 60)
            return next(one for one in self.times if one > moment)

    def last(self) -> float:
        """When the last step was taken, once there are no more."""
        with self._moved:
            while self._moved.wait_for(self._goes_on(), QUIET):
                pass
            return self.times[-1]

    def _goes_on(self) -> Callable[[], bool]:
        seen = len(self.times)
        return lambda: len(self.times) > seen


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    taken = Steps()
    real = Learner.step

    def step(self: Learner, loss: torch.Tensor) -> None:
        real(self, loss)
        taken.note()

    monkeypatch.setattr(Learner, "step", step)
    return taken


@pytest.fixture(params=["this process", "another"])
def hand(request: pytest.FixtureRequest, service: Service, home: Path, open_service) -> Service:
    """Who steers: the service that trains, or one that can only leave word in the store.

    The second has a heartbeat far slower than 0.2 s to find out whether it is waited for.
    """
    return service if request.param == "this process" else open_service(settings(home))


@pytest.fixture
def service(home: Path, open_service: Callable[[Settings], Service]) -> Service:
    return open_service(settings(home, heartbeat_seconds=5.0))


@pytest.fixture
def job(service: Service, steps: Steps) -> JobSnapshot:
    """A job that runs, and would for hours."""
    begun = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    steps.next_after(0)
    return begun


def status(service: Service, job: JobSnapshot) -> str:
    return service.store.job(job.id).status


def test_pause_and_resume(hand: Service, service: Service, job: JobSnapshot, steps: Steps):
    def pause(_: int) -> float:
        hand.resume(job.id)
        steps.next_after(time.monotonic())
        asked = time.monotonic()
        hand.pause(job.id)
        return steps.last() - asked

    def resume(_: int) -> float:
        hand.pause(job.id)
        steps.last()
        asked = time.monotonic()
        hand.resume(job.id)
        return steps.next_after(asked) - asked

    within = PROMPT if hand is service else BY_WORD_IN_THE_STORE
    assert_prompt(pause, within)
    wait_until(lambda: status(service, job) == "paused")
    assert_prompt(resume, within)
    wait_until(lambda: status(service, job) == "running")


def test_step_is_one_epoch_and_is_held_again(
    hand: Service, service: Service, job: JobSnapshot, steps: Steps
):
    hand.pause(job.id)
    steps.last()
    key = service.experiment(job.experiment_id).stages[0].stage.hash

    def step(_: int) -> float:
        done = len(service.store.epochs(key))
        asked = time.monotonic()
        hand.step(job.id)
        wait_until(lambda: len(service.store.epochs(key)) > done)
        steps.last()
        assert len(service.store.epochs(key)) == done + 1
        # Held while it validated, it had no step left to take: that attempt says nothing.
        delay = next((one for one in steps.times if one > asked), math.inf) - asked
        # Also where the epoch was over before anybody could note that it had begun.
        wait_until(lambda: status(service, job) == "paused")
        return delay

    step(0)
    assert_prompt(step, PROMPT if hand is service else BY_WORD_IN_THE_STORE)


@pytest.mark.parametrize("held", [False, True], ids=["running", "held"])
def test_cancel(hand: Service, service: Service, steps: Steps, held: bool):
    def cancel(number: int) -> float:
        one = service.start(spec(str(number), epochs=ENDLESS, teacher=STUDENT, seeds=(number,)))
        steps.next_after(time.monotonic())
        if held:
            service.pause(one.id)
            steps.last()
        asked = time.monotonic()
        hand.cancel(one.id)
        assert ended(service, one).status == "cancelled"
        end = time.monotonic() - asked
        if held:
            return end
        assert steps.last() < asked + end
        return steps.last() - asked

    prompt = hand is service and not held
    assert_prompt(cancel, PROMPT if prompt else BY_WORD_IN_THE_STORE)


def test_cancel_in_the_queue(hand: Service, service: Service, job: JobSnapshot):
    waiting = service.start(spec("second", seeds=(2,)))
    asked = time.monotonic()
    hand.cancel(waiting.id)
    assert status(service, waiting) == "cancelled"
    assert time.monotonic() - asked < PROMPT
    assert status(service, job) == "running"


def test_pause_in_the_queue_holds_the_job_when_its_turn_comes(
    hand: Service, service: Service, job: JobSnapshot, steps: Steps
):
    waiting = service.start(spec("second", epochs=ENDLESS, seeds=(2,)))
    hand.pause(waiting.id)
    assert status(service, waiting) == "queued"
    service.cancel(job.id)
    wait_until(lambda: status(service, waiting) == "paused")
    steps.last()
    hand.resume(waiting.id)
    wait_until(lambda: status(service, waiting) == "running")


def test_resume_twice_and_pause_twice(hand: Service, service: Service, job: JobSnapshot, steps):
    for _ in range(2):
        hand.pause(job.id)
    steps.last()
    for _ in range(2):
        hand.resume(job.id)
    assert steps.next_after(time.monotonic())
    wait_until(lambda: status(service, job) == "running")


SLOW_LOOK = 0.05


@pytest.mark.parametrize("slow", [Net, MeanOfTeachers], ids=["validation", "teacher outputs"])
def test_cancel_in_a_long_pass(
    service: Service, monkeypatch: pytest.MonkeyPatch, slow: type[torch.nn.Module]
):
    """40 images to validate, or 120 for the teacher, each of which takes 0.05 s."""
    begun = threading.Event()
    real = slow.forward

    def forward(self: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        if not self.training:
            begun.set()
            time.sleep(SLOW_LOOK)
        return real(self, images)

    monkeypatch.setattr(slow, "forward", forward)
    monkeypatch.setattr("tsexplorer.training.task.evaluation_batch_size", lambda _: 1)

    def cancel(number: int) -> float:
        begun.clear()
        job = service.start(spec(str(number), epochs=1, seeds=(number,)))
        assert begun.wait(60)
        asked = time.monotonic()
        service.cancel(job.id)
        assert ended(service, job).status == "cancelled"
        return time.monotonic() - asked

    assert_prompt(cancel, BY_WORD_IN_THE_STORE)


def test_cancelled_job_goes_on_where_it_was(service: Service, job: JobSnapshot, steps: Steps):
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


def test_step_over_the_end_of_a_stage_is_held_before_the_next(service: Service, steps: Steps):
    begun = service.enqueue(spec(epochs=1))
    service.store.request(begun.id, "pause")
    service.worker.wake_worker()
    wait_until(lambda: status(service, begun) == "paused")
    for count in (1, 2):
        service.step(begun.id)
        wait_until(has_epochs(service, begun.experiment_id, count))
        wait_until(lambda: status(service, begun) == "paused")
        steps.last()
        done = [link.stage.status for link in service.experiment(begun.experiment_id).stages]
        assert done == ["done"] * count + ["new"] * (3 - count)
    service.step(begun.id)
    trained(service, begun)


def test_job_that_has_ended_cannot_be_steered(service: Service):
    done = service.start(spec())
    trained(service, done)
    for act, word in (
        (service.pause, "paused"),
        (service.step, "stepped"),
        (service.cancel, "cancelled"),
    ):
        with pytest.raises(UserError, match=rf"^Job 1 is done, so it cannot be {word}\.$"):
            act(done.id)
    with pytest.raises(UserError, match=r"^Job 1 is done, so there is nothing to resume\.$"):
        service.resume(done.id)
