"""The queue's worker: one job at a time, in their order, whatever becomes of each."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

import tsexplorer.jobs.job_runner as runner_module
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
from tsexplorer.jobs.heartbeat import this_process
from tsexplorer.jobs.worker import Worker
from tsexplorer.services.service import Service
from tsexplorer.store import Store, StoreError
from tsexplorer.training.control import Control

NEIGHBOUR = this_process().rsplit(":", 1)[0] + ":?"
"""A process of this machine that says nothing of its start, so that its beats alone count."""


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, float]]:
    """Each training: its stage, when it began, when it ended."""
    found: list[tuple[str, float, float]] = []
    real = runner_module.train

    def train(task, *arguments, **keywords):
        began = time.monotonic()
        try:
            return real(task, *arguments, **keywords)
        finally:
            found.append((task.key, began, time.monotonic()))

    monkeypatch.setattr(runner_module, "train", train)
    return found


def hashes(service: Service, *keys: str) -> list[str]:
    return [link.stage.hash for key in keys for link in service.experiment(key).stages]


def test_jobs_are_taken_in_their_order_one_at_a_time(service: Service, trainings):
    names = [f"number {number}" for number in range(3)]
    jobs = [service.enqueue(spec(name, seeds=(number,))) for number, name in enumerate(names)]
    service.worker.wake_worker()
    for job in jobs:
        trained(service, job)
    assert [key for key, _, _ in trainings] == hashes(service, *names)
    for (_, _, end), (_, began, _) in pairwise(trainings):
        assert end <= began
    starts = [service.store.job(job.id).started_at for job in jobs]
    assert starts == sorted(starts)


def test_the_second_waits_and_says_how_many_are_before_it(service: Service):
    first = service.start(spec("first", epochs=ENDLESS, teacher=STUDENT))
    second = service.start(spec("second", seeds=(1,)))
    third = service.start(spec("third", seeds=(2,)))
    wait_until(has_epochs(service, "first"))
    watched = {name: service.watch(name) for name in ("first", "second", "third")}
    assert {name: one.job.status for name, one in watched.items()} == {
        "first": "running",
        "second": "queued",
        "third": "queued",
    }
    assert {name: one.jobs_before for name, one in watched.items()} == {
        "first": 0,
        "second": 0,
        "third": 1,
    }
    service.cancel(second.id)
    service.cancel(first.id)
    trained(service, third)
    assert service.store.job(second.id).status == "cancelled"


def test_resumed_job_goes_to_the_back(service: Service, trainings):
    first = service.start(spec("first", epochs=ENDLESS, teacher=STUDENT))
    wait_until(has_epochs(service, "first"))
    service.cancel(first.id)
    ended(service, first)
    blocking = service.start(spec("blocking", epochs=ENDLESS, seeds=(9,), teacher=STUDENT))
    wait_until(has_epochs(service, "blocking"))
    service.start(spec("second", seeds=(1,)))
    service.resume(first.id)
    assert [service.watch(name).jobs_before for name in ("second", "first")] == [0, 1]
    service.cancel(blocking.id)
    wait_until(lambda: service.store.job(first.id).status == "running")
    assert service.experiment("second").done
    service.cancel(first.id)
    ended(service, first)


def test_new_job_is_taken_at_once(service: Service):
    """Not at the worker's next look, a second later."""
    trained(service, service.start(spec("first")))
    delays = []
    for number in range(1, 5):
        asked = time.monotonic()
        job = service.start(spec(str(number), seeds=(number,)))
        wait_until(lambda job=job: service.store.job(job.id).status != "queued")
        delays.append(time.monotonic() - asked)
        trained(service, job)
    assert min(delays) < 0.2


def test_job_that_another_process_queued_is_found(service: Service, home: Path, open_service):
    service.worker.wake_worker()
    job = open_service(settings(home)).enqueue(spec())
    trained(service, job)


def test_stop_cancels_what_runs_and_takes_no_more(service: Service):
    running = service.start(spec("first", epochs=ENDLESS, teacher=STUDENT))
    waiting = service.start(spec("second", seeds=(1,)))
    wait_until(has_epochs(service, "first"))
    service.worker.stop()
    assert not service.worker._thread.is_alive()
    assert service.store.job(running.id).status == "cancelled"
    assert service.store.job(waiting.id).status == "queued"
    service.worker.wake_worker()
    assert not service.worker._thread.is_alive()


def test_stop_reaches_a_held_job(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(has_epochs(service, "toy"))
    service.pause(job.id)
    service.close()
    assert service.store.job(job.id).status == "cancelled"


def test_stop_reaches_a_job_that_is_just_being_taken(service: Service, monkeypatch):
    """Claimed, but not yet known as the one that runs."""
    claimed, go_on = threading.Event(), threading.Event()
    real = Worker._claim

    def claim(self: Worker):
        job = real(self)
        if job is not None:
            claimed.set()
            assert go_on.wait(30)
        return job

    monkeypatch.setattr(Worker, "_claim", claim)
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    assert claimed.wait(30)
    stopper = threading.Thread(target=service.worker.stop)
    stopper.start()
    wait_until(lambda: service.worker._stop)
    go_on.set()
    stopper.join(30)
    assert not service.worker._thread.is_alive()
    assert service.store.job(job.id).status == "cancelled"


def test_a_wish_that_comes_while_a_job_is_being_taken_is_heard(service: Service, monkeypatch):
    claimed, go_on = threading.Event(), threading.Event()
    real = Worker._control_of

    def taken(self: Worker, job) -> Control:
        claimed.set()
        assert go_on.wait(30)
        return real(self, job)

    monkeypatch.setattr(Worker, "_control_of", taken)
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    assert claimed.wait(30)
    service.cancel(job.id)
    go_on.set()
    assert ended(service, job).status == "cancelled"


def test_worker_outlives_whatever_its_job_does(service: Service, monkeypatch, caplog):
    calls = iter(range(100))
    real = runner_module.JobRunner.run

    def run(self, *arguments):
        if next(calls) == 0:
            raise ZeroDivisionError
        return real(self, *arguments)

    monkeypatch.setattr(runner_module.JobRunner, "run", run)
    first = service.enqueue(spec("first"))
    second = service.enqueue(spec("second", seeds=(1,)))
    service.worker.wake_worker()
    wait_until(lambda: service.store.job(first.id).status == "interrupted")  # it fell silent
    trained(service, second)
    assert "could not be stored" in caplog.text


@pytest.mark.parametrize("error", [StoreError("The database is busy."), ZeroDivisionError()])
def test_worker_outlives_a_queue_that_cannot_be_read(service: Service, monkeypatch, error):
    calls = iter(range(100))
    real = Store.claim

    def claim(self: Store, *arguments):
        if next(calls) < 2:
            raise error
        return real(self, *arguments)

    monkeypatch.setattr(Store, "claim", claim)
    trained(service, service.start(spec()))


def test_worker_waits_while_another_process_of_this_machine_trains(service: Service, monkeypatch):
    """Two trainings at once take many times as long as one after the other."""
    looks = threading.Event()
    real = Worker._claim

    def claim(self: Worker):
        found = real(self)
        looks.set()
        return found

    monkeypatch.setattr(Worker, "_claim", claim)
    other = service.enqueue(spec("other"))
    service.store.claim(NEIGHBOUR, other.id)
    mine = service.start(spec("mine", seeds=(1,)))
    beat = threading.Event()

    def neighbour() -> None:
        while not beat.wait(0.05):
            service.store.heartbeat(other.id, NEIGHBOUR, {})

    thread = threading.Thread(target=neighbour)
    thread.start()
    try:
        for _ in range(3):
            looks.clear()
            service.worker.wake_worker()
            assert looks.wait(30)
            assert service.store.job(mine.id).status == "queued"
        service.store.set_job_status(other.id, "paused", owner=NEIGHBOUR)
        trained(service, mine)  # while the other is held, the cores are free
    finally:
        beat.set()
        thread.join()


def test_another_machine_keeps_nobody_waiting(service: Service):
    other = service.enqueue(spec("other"))
    service.store.claim("elsewhere:1:1", other.id)
    trained(service, service.start(spec("mine", seeds=(1,))))


def test_service_that_asks_only_trains_nothing(service: Service, home: Path):
    """The shell lists and queues; only who starts, resumes or serves has a worker."""
    service.enqueue(spec())
    service.jobs()
    service.watch("toy")
    service.check(spec("other", seeds=(1,)))
    assert service._worker is None
    assert not any(thread.name == "trainer" for thread in threading.enumerate())


def test_serve_begins_what_waits_and_needs_no_thread_for_nothing(service: Service):
    service.serve()
    assert service._worker is None
    job = service.enqueue(spec())
    service.serve()
    trained(service, job)


def test_importing_the_service_does_not_import_torch():
    code = "import sys, tsexplorer.services.service; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_unknown_job_is_one_sentence(service: Service):
    for act in (service.pause, service.resume, service.step, service.cancel):
        with pytest.raises(UserError, match=r"^There is no job 77; the list of jobs has"):
            act(77)
