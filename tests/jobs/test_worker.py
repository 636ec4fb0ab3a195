"""The worker trains the jobs of the queue in order, one at a time, whatever happens to each."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

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
from tsexplorer.jobs import job_runner
from tsexplorer.jobs.heartbeat import this_process
from tsexplorer.jobs.worker import Worker
from tsexplorer.services.service import Service
from tsexplorer.store import JobSnapshot, Store, StoreError
from tsexplorer.training.control import Control

OTHER_PROCESS = this_process().rsplit(":", 1)[0] + ":?"
"""A process of this machine with an unknown start, so that it is alive while it has heartbeats."""


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, float]]:
    """Each training: its stage, start and end."""
    recorded: list[tuple[str, float, float]] = []
    original = job_runner.train

    def train(task, *arguments, **keywords):
        start = time.monotonic()
        try:
            return original(task, *arguments, **keywords)
        finally:
            recorded.append((task.key, start, time.monotonic()))

    monkeypatch.setattr(job_runner, "train", train)
    return recorded


def hashes(service: Service, *keys: str) -> list[str]:
    return [link.stage.hash for key in keys for link in service.experiment(key).stages]


def test_jobs_are_trained_in_order_one_at_a_time(service: Service, trainings):
    names = [f"number {number}" for number in range(3)]
    jobs = [service.enqueue(spec(name, seeds=(number,))) for number, name in enumerate(names)]
    service.worker.wake_worker()
    for job in jobs:
        trained(service, job)
    assert [key for key, _, _ in trainings] == hashes(service, *names)
    for (_, _, end), (_, start, _) in pairwise(trainings):
        assert end <= start
    starts = [service.store.job(job.id).started_at for job in jobs]
    assert starts == sorted(starts)


def test_queued_jobs_know_how_many_are_before_them(service: Service):
    first = service.start(spec("first", epochs=ENDLESS, teacher=STUDENT))
    second = service.start(spec("second", seeds=(1,)))
    third = service.start(spec("third", seeds=(2,)))
    wait_until(has_epochs(service, "first"))
    watched = [service.watch(name) for name in ("first", "second", "third")]
    assert [watch.job.status for watch in watched] == ["running", "queued", "queued"]
    assert [watch.jobs_before for watch in watched] == [0, 0, 1]
    service.cancel(second.id)
    service.cancel(first.id)
    trained(service, third)
    assert service.store.job(second.id).status == "cancelled"


@pytest.mark.usefixtures("trainings")
def test_resumed_job_goes_to_the_end_of_the_queue(service: Service):
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


def test_new_job_starts_at_once(service: Service):
    """It does not wait until the worker reads the queue again, which is every second."""
    trained(service, service.start(spec("first")))
    delays = []
    for number in range(1, 5):
        requested = time.monotonic()
        job = service.start(spec(str(number), seeds=(number,)))
        wait_until(lambda job=job: service.store.job(job.id).status != "queued")
        delays.append(time.monotonic() - requested)
        trained(service, job)
    assert min(delays) < 0.2


def test_job_queued_by_another_process_is_trained(service: Service, home: Path, open_service):
    service.worker.wake_worker()
    job = open_service(settings(home)).enqueue(spec())
    trained(service, job)


def test_stop_cancels_the_running_job_and_starts_no_other(service: Service):
    running = service.start(spec("first", epochs=ENDLESS, teacher=STUDENT))
    queued = service.start(spec("second", seeds=(1,)))
    wait_until(has_epochs(service, "first"))
    service.worker.stop()
    assert not service.worker.alive
    assert service.store.job(running.id).status == "cancelled"
    assert service.store.job(queued.id).status == "queued"
    service.worker.wake_worker()
    assert not service.worker.alive


def test_stop_cancels_a_paused_job(service: Service):
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    wait_until(has_epochs(service, "toy"))
    service.pause(job.id)
    service.close()
    assert service.store.job(job.id).status == "cancelled"


def test_stop_cancels_a_job_that_was_just_claimed(service: Service, monkeypatch):
    """It is claimed, but the worker does not have its control yet."""
    claimed, finish = threading.Event(), threading.Event()
    original = Worker.claim

    def claim(self: Worker):
        job = original(self)
        if job is not None:
            claimed.set()
            assert finish.wait(30)
        return job

    monkeypatch.setattr(Worker, "claim", claim)
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    assert claimed.wait(30)
    stopper = threading.Thread(target=service.worker.stop)
    stopper.start()
    wait_until(lambda: service.worker.stopping)
    finish.set()
    stopper.join(30)
    assert not service.worker.alive
    assert service.store.job(job.id).status == "cancelled"


def test_request_for_a_job_that_was_just_claimed_is_applied(service: Service, monkeypatch):
    claimed, finish = threading.Event(), threading.Event()
    original = Worker.make_control

    def make_control(self: Worker, job: JobSnapshot) -> Control:
        claimed.set()
        assert finish.wait(30)
        return original(self, job)

    monkeypatch.setattr(Worker, "make_control", make_control)
    job = service.start(spec(epochs=ENDLESS, teacher=STUDENT))
    assert claimed.wait(30)
    service.cancel(job.id)
    finish.set()
    assert ended(service, job).status == "cancelled"


def test_worker_survives_an_error_of_its_job(service: Service, monkeypatch, caplog):
    calls = iter(range(100))
    original = job_runner.JobRunner.run

    def run(self, *arguments):
        if next(calls) == 0:
            raise ZeroDivisionError
        return original(self, *arguments)

    monkeypatch.setattr(job_runner.JobRunner, "run", run)
    first = service.enqueue(spec("first"))
    second = service.enqueue(spec("second", seeds=(1,)))
    service.worker.wake_worker()
    wait_until(lambda: service.store.job(first.id).status == "interrupted")  # no heartbeats
    trained(service, second)
    assert "could not be stored" in caplog.text


@pytest.mark.parametrize("error", [StoreError("The database is busy."), ZeroDivisionError()])
def test_worker_survives_a_queue_that_cannot_be_read(service: Service, monkeypatch, error):
    calls = iter(range(100))
    original = Store.claim

    def claim(self: Store, *arguments):
        if next(calls) < 2:
            raise error
        return original(self, *arguments)

    monkeypatch.setattr(Store, "claim", claim)
    trained(service, service.start(spec()))


def test_worker_waits_while_another_process_trains_here(service: Service, monkeypatch):
    """Two trainings at once take many times as long as one after the other."""
    queue_read = threading.Event()
    original = Worker.claim

    def claim(self: Worker):
        job = original(self)
        queue_read.set()
        return job

    monkeypatch.setattr(Worker, "claim", claim)
    other = service.enqueue(spec("other"))
    service.store.claim(OTHER_PROCESS, other.id)
    own = service.start(spec("own", seeds=(1,)))
    stop = threading.Event()

    def send_heartbeats() -> None:
        while not stop.wait(0.05):
            service.store.heartbeat(other.id, OTHER_PROCESS, {})

    thread = threading.Thread(target=send_heartbeats)
    thread.start()
    try:
        for _ in range(3):
            queue_read.clear()
            service.worker.wake_worker()
            assert queue_read.wait(30)
            assert service.store.job(own.id).status == "queued"
        service.store.set_job_status(other.id, "paused", owner=OTHER_PROCESS)
        trained(service, own)  # a paused job of another process uses no cores
    finally:
        stop.set()
        thread.join()


def test_job_of_another_machine_does_not_block_the_queue(service: Service):
    other = service.enqueue(spec("other"))
    service.store.claim("elsewhere:1:1", other.id)
    trained(service, service.start(spec("own", seeds=(1,))))


def test_service_that_only_reads_has_no_worker(service: Service):
    """The shell lists and queues; only start, resume and serve need a worker."""
    service.enqueue(spec())
    service.jobs()
    service.watch("toy")
    service.check(spec("other", seeds=(1,)))
    assert not service.has_worker
    assert not any(thread.name == "trainer" for thread in threading.enumerate())


def test_serve_trains_queued_jobs_and_starts_no_idle_thread(service: Service):
    service.serve()
    assert not service.has_worker
    job = service.enqueue(spec())
    service.serve()
    trained(service, job)


def test_importing_the_service_does_not_import_torch():
    code = "import sys, tsexplorer.services.service; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_unknown_job_is_one_sentence(service: Service):
    for action in (service.pause, service.resume, service.step, service.cancel):
        with pytest.raises(UserError, match=r"^There is no job 77; the list of jobs has"):
            action(77)
