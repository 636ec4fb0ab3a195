"""The heart of a running job: it beats, hears, and knows whose job it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

import pytest

from tests.jobs.jobs_examples import settings, spec, wait_until
from tsexplorer.jobs.heartbeat import HeartbeatThread, apply, this_process
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


class Patient:
    """A running job without a runner, and a heart for it."""

    def __init__(self, service: Service, owner: str, every: float) -> None:
        self.store, self.owner = service.store, owner
        self.job = service.enqueue(spec()).id
        self.store.claim(owner, self.job)
        self.control, self.board = Control(), ProgressBoard()
        chosen = settings(service.settings.home, heartbeat_seconds=every)
        self.heart = HeartbeatThread(self.store, self.job, owner, self.control, self.board, chosen)

    @property
    def snapshot(self) -> JobSnapshot:
        return self.store.job(self.job)


@pytest.fixture
def patient(service: Service) -> Callable[..., Patient]:
    def make(owner: str | None = None, every: float = 0.05) -> Patient:
        return Patient(service, owner or this_process(), every)

    return make


@pytest.mark.parametrize(
    ("word", "paused", "cancelled"),
    [
        ("pause", True, False),
        ("resume", False, False),
        ("step", False, False),
        ("cancel", False, True),
    ],
)
def test_words_turn_the_wheel(word, paused, cancelled):
    control = Control()
    apply(word, control)
    assert (control.paused, control.cancelled) == (paused, cancelled)


def test_beats_say_that_the_job_lives_and_how_far_it_is(patient):
    one = patient()
    one.board.begin(one.job, stages=3)
    one.board.stage_done(one.job)
    one.board.take(one.job, PROGRESS)
    with one.heart:
        first = wait_until(lambda: one.snapshot.progress and one.snapshot.heartbeat_at)
        wait_until(lambda: one.snapshot.heartbeat_at > first)
    assert one.snapshot.progress == {**asdict(PROGRESS), "stages": 3, "stages_done": 1}


def test_no_beat_after_the_end(patient):
    one = patient()
    with one.heart:
        wait_until(lambda: one.snapshot.progress)
    last = one.snapshot.heartbeat_at
    time.sleep(0.2)  # four beats
    assert one.snapshot.heartbeat_at == last


def test_wishes_are_heard_between_two_beats(patient):
    one = patient(every=60.0)
    with one.heart:
        for word, paused in (("pause", True), ("resume", False), ("pause", True)):
            one.store.request(one.job, word)
            wait_until(lambda paused=paused: one.control.paused is paused)
            wait_until(lambda paused=paused: (one.snapshot.status == "paused") is paused)
        assert one.snapshot.request is None
        one.store.request(one.job, "cancel")
        wait_until(lambda: one.control.cancelled)


def test_wish_that_was_there_before_is_heard_first(patient):
    one = patient(every=60.0)
    one.store.request(one.job, "pause")
    with one.heart:
        wait_until(lambda: one.control.paused)


def test_hold_that_nobody_wished_for_is_said(patient):
    """A step that is over; also where the store still says what it said before."""
    one = patient(every=60.0)
    with one.heart:
        for _ in range(3):
            one.control.step()
            one.control.epoch_ended()
            one.store.set_job_status(one.job, "running")
            wait_until(lambda: one.snapshot.status == "paused")


def test_job_given_up_for_dead_is_taken_up_again(patient):
    one = patient(every=60.0)
    with one.heart:
        wait_until(lambda: one.snapshot.progress)
        one.store.set_job_status(one.job, "interrupted")
        wait_until(lambda: one.snapshot.status == "running")
    assert not one.control.cancelled


@pytest.mark.parametrize("how", ["requeued", "taken", "cancelled", "deleted"])
def test_job_that_is_no_longer_ours_is_let_go(service: Service, patient, how: str):
    one = patient(every=60.0)
    with one.heart:
        wait_until(lambda: one.snapshot.progress)
        one.store.set_job_status(one.job, "cancelled" if how == "cancelled" else "interrupted")
        if how in ("requeued", "taken"):
            one.store.requeue(one.job)
        if how == "taken":
            one.store.claim("elsewhere:1:1", one.job)
        if how == "deleted":
            service.delete("toy")
        wait_until(lambda: one.control.cancelled)
    if how != "deleted":
        assert one.snapshot.status == {"requeued": "queued", "taken": "running"}.get(how, how)


def test_beats_go_on_after_the_store_was_busy(patient, monkeypatch, caplog):
    refused: list[None] = []
    real = Store.heartbeat

    def heartbeat(self: Store, *arguments):
        if len(refused) < 2:
            refused.append(None)
            raise StoreError("The database is kept busy by another program.")
        return real(self, *arguments)

    monkeypatch.setattr(Store, "heartbeat", heartbeat)
    one = patient()
    with one.heart:
        wait_until(lambda: one.snapshot.progress)
    assert len(refused) == 2
    assert caplog.text.count("was lost") == 2
    assert not one.control.cancelled


def test_a_store_that_is_down_is_not_asked_ten_times_a_second(patient, monkeypatch, caplog):
    def down(*_: object) -> None:
        raise StoreError("The database does not answer.")

    one = patient(every=0.3)
    monkeypatch.setattr(Store, "heartbeat", down)
    monkeypatch.setattr(Store, "job", down)
    with one.heart:
        time.sleep(0.7)
    assert 1 <= caplog.text.count("was lost") <= 3


def test_heart_looks_after_the_jobs_of_dead_processes(service: Service, patient):
    """The worker cannot, for as long as it has a job itself."""
    dead = service.enqueue(spec("dead", seeds=(1,)))
    service.store.claim(this_process().rsplit(":", 1)[0] + ":1", dead.id)  # an earlier process
    one = patient()
    with one.heart:
        wait_until(lambda: service.store.job(dead.id).status == "interrupted")
    assert one.snapshot.status == "running"
