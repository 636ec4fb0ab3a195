"""One job from its first stage to its last, run without a worker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.jobs.experiment_examples import assert_same_weights, settings, spec, weights
from tsexplorer.errors import UserError
from tsexplorer.jobs.heartbeat import this_process
from tsexplorer.jobs.job_runner import JobRunner, use_cores
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.jobs.stage_files import failure_sentence
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import JobSnapshot
from tsexplorer.studies.kind import steps_of
from tsexplorer.training import events
from tsexplorer.training.control import Control

OTHER = "elsewhere:1:1"


class Foreground:
    """Runs jobs in this thread, and records their events.

    Attributes:
        events: all training events so far.
        on_event: called with each event.
        control: of the current job.
        status: that the runner returned for the last job.
    """

    def __init__(self, service: Service) -> None:
        self.service, self.store = service, service.store
        self.board, self.events = ProgressBoard(), list[events.Event]()
        self.runner = JobRunner(self.store, service.settings, self.board, this_process(), steps_of)
        self.on_event: Callable[[events.Event], None] = lambda _: None
        self.control = Control()
        self.status = ""

    def __call__(self, experiment: ExperimentSpec) -> JobSnapshot:
        """Queue an experiment and run its job until it ends."""
        return self.run(self.service.enqueue(experiment))

    def run(self, job: JobSnapshot) -> JobSnapshot:
        """Run a queued job until it ends."""
        claimed = self.store.claim(this_process(), job.id)
        assert claimed is not None
        self.control = Control()
        self.status = self.runner.run(claimed, self.control, self.listen)
        return self.store.job(job.id)

    def statuses(self, job: JobSnapshot) -> list[str]:
        stages = self.service.experiment(job.experiment_id).stages
        return [link.stage.status for link in stages]

    def events_of(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def listen(self, event: events.Event) -> None:
        self.events.append(event)
        self.on_event(event)


@pytest.fixture
def run(service: Service) -> Foreground:
    return Foreground(service)


def test_job_trains_its_stages_in_order(run: Foreground):
    job = run(spec())
    assert (run.status, job.status, job.error) == ("done", "done", None)
    experiment = run.service.experiment(job.experiment_id)
    assert [event.stage for event in run.events_of(events.StageEnded)] == [
        link.stage.hash for link in experiment.stages
    ]
    assert experiment.done
    assert run.board.read(job.id).stages_done == run.board.read(job.id).stages == 3
    assert run.board.read(job.id).progress is None


def test_store_has_the_figures_of_the_events(run: Foreground):
    job = run(spec())
    ends = {event.stage: event for event in run.events_of(events.StageEnded)}
    for link in run.service.experiment(job.experiment_id).stages:
        stage, end = link.stage, ends[link.stage.hash]
        for name in (
            "kept_epoch",
            "validation_accuracy",
            "validation_loss",
            "test_accuracy",
            "train_seconds",
        ):
            assert getattr(stage, name) == getattr(end, name)
        rows = run.store.epochs(stage.hash)
        epochs = [event for event in run.events_of(events.EpochEnded) if event.stage == stage.hash]
        assert [vars(row) for row in rows] == [
            {name: value for name, value in vars(event).items() if name != "stage"}
            for event in epochs
        ]
        assert stage.epochs_done == len(rows) == 2
        assert stage.parameters > 0
        assert stage.macs > 0
        assert "CPU" in stage.machine


def test_second_lambda_trains_one_stage(run: Foreground):
    run(spec("first", lam=0.3))
    first = {event.stage for event in run.events_of(events.StageStarted)}
    run.events.clear()
    job = run(spec("second", lam=0.7))
    distilled = run.service.experiment(job.experiment_id).stage(0, "distilled").hash
    assert [event.stage for event in run.events_of(events.StageStarted)] == [distilled]
    assert distilled not in first


def test_trained_experiment_is_not_trained_again(run: Foreground):
    run(spec())
    run.events.clear()
    assert run(spec()).status == "done"
    assert run.events == []


def test_error_of_a_listener_does_not_stop_the_job(run: Foreground, caplog):
    def fail(_: events.Event) -> None:
        raise ValueError("error of the listener")

    run.on_event = fail
    job = run(spec())
    assert job.status == "done"
    assert [len(run.store.epochs(event.stage)) for event in run.events_of(events.StageEnded)] == [
        2
    ] * 3
    assert "error of the listener" in caplog.text


def cancel_at(run: Foreground, kind: type[events.Event], count: int = 1) -> None:
    """Cancel the job at the n-th event of a kind."""

    def cancel(event: events.Event) -> None:
        if isinstance(event, kind) and len(run.events_of(kind)) == count:
            run.control.cancel()

    run.on_event = cancel


def test_cancelled_job_can_be_resumed(run: Foreground, home: Path):
    cancel_at(run, events.CheckpointWritten, 3)
    job = run(spec())
    assert (run.status, job.status, job.error) == ("cancelled", "cancelled", None)
    assert run.statuses(job) == ["done", "cancelled", "new"]
    run.on_event = lambda _: None
    run.store.requeue(job.id)
    assert run.run(job).status == "done"
    resumed = weights(home, run.service.experiment(job.experiment_id))
    for folder in (home / "stages").iterdir():
        run.store.reset_stage(folder.name)
        (folder / "weights.safetensors").unlink()
    second = run.service.store.enqueue(job.experiment_id)
    assert run.run(second).status == "done"
    assert_same_weights(weights(home, run.service.experiment(job.experiment_id)), resumed)


def test_job_cancelled_before_its_start_trains_nothing(run: Foreground):
    job = run.service.enqueue(spec())
    claimed = run.store.claim(this_process(), job.id)
    control = Control()
    control.cancel()
    assert run.runner.run(claimed, control) == "cancelled"
    assert run.statuses(job) == ["new"] * 3


# -- failures -----------------------------------------------------------------------------------


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def train(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tsexplorer.jobs.job_runner.train", train)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("Say this."), r"^Say this\.$"),
        (MemoryError(), r"^The machine ran out of memory; take a smaller net or batch\.$"),
        (torch.OutOfMemoryError("no"), r"^The machine ran out of memory; take a smaller net"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"),
            r"^The machine ran out of memory; take a smaller net or batch\.$",
        ),
        (
            ZeroDivisionError("division by zero"),
            r"^Training stopped on an unexpected error \(ZeroDivisionError\); the log has",
        ),
    ],
)
def test_each_failure_is_one_sentence(run: Foreground, monkeypatch, error, sentence):
    with monkeypatch.context() as patch:
        fail_with(patch, error)
        job = run(spec())
    assert (run.status, job.status) == ("failed", "failed")
    assert re.match(sentence, job.error)
    assert run.statuses(job) == ["failed", "new", "new"]
    first = run.service.experiment(job.experiment_id).stages[0].stage
    assert first.error == job.error
    assert run.events_of(events.StageFailed) == [events.StageFailed(first.hash, job.error)]
    run.store.requeue(job.id)
    assert run.run(job).status == "done"
    assert run.service.experiment(job.experiment_id).stages[0].stage.error is None


def test_unexpected_error_is_logged_with_its_traceback(caplog):
    try:
        _ = 1 // 0
    except ZeroDivisionError as error:
        failure_sentence(error)
    assert "Traceback" in caplog.text
    caplog.clear()
    failure_sentence(UserError("Say this."))
    assert not caplog.text


def test_missing_data_fails_the_job_in_one_sentence(run: Foreground, monkeypatch):
    def load(name: str, folder: Path) -> None:
        raise UserError(f"{name} is missing; put it into {folder}.")

    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load)
    job = run(spec())
    assert job.error.startswith("mnist-5k is missing; put it into")
    assert run.statuses(job)[0] == "failed"


def test_missing_device_fails_the_job(home: Path, open_service):
    run = Foreground(open_service(settings(home, device="cuda:7")))
    assert run(spec()).error.startswith("The device 'cuda:7' is not on this machine")


# -- other processes with the same store --------------------------------------------------------


def test_job_claimed_by_another_process_is_left_to_it(run: Foreground):
    """It was marked as interrupted and resumed elsewhere, while this process was only slow."""

    def claim_elsewhere(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten) and not claimed:
            claimed.append(True)
            run.store.set_job_status(job.id, "interrupted")
            run.store.requeue(job.id)
            run.store.claim(OTHER, job.id)

    claimed: list[bool] = []
    run.on_event = claim_elsewhere
    job = run.service.enqueue(spec(epochs=5000))
    after = run.run(job)
    assert run.status == "cancelled"
    assert (after.status, after.owner) == ("running", OTHER)


def test_deleted_experiment_is_not_trained_further(run: Foreground, home: Path):
    """Another process marked its job as interrupted and deleted it."""

    def delete(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten):
            run.store.set_job_status(job.id, "interrupted")
            run.service.delete(job.experiment_id)
            run.on_event = lambda _: None

    run.on_event = delete
    job = run.service.enqueue(spec(epochs=1000))
    claimed = run.store.claim(this_process(), job.id)
    assert run.runner.run(claimed, run.control, run.listen) == "cancelled"
    assert list((home / "stages").iterdir()) == []


def test_end_that_cannot_be_stored_is_logged(run: Foreground, monkeypatch, caplog):
    def full(*_: object, **__: object) -> None:
        raise UserError("The disk that holds the database is full.")

    job = run.service.enqueue(spec())
    claimed = run.store.claim(this_process(), job.id)
    monkeypatch.setattr(run.store, "set_job_status", full)
    assert run.runner.run(claimed, run.control) == "done"
    assert "could not be stored: The disk that holds the database is full." in caplog.text


# -- threads ------------------------------------------------------------------------------------


def test_number_of_cores_is_set_for_the_calling_thread():
    """Also if another thread sets another number later; torch has one number per thread."""
    cores: list[int] = []
    before = torch.get_num_threads()

    def trainer() -> None:
        use_cores(2)
        other = threading.Thread(target=torch.set_num_threads, args=(1,))
        other.start()
        other.join()
        torch.zeros(10) + 1
        cores.append(torch.get_num_threads())

    thread = threading.Thread(target=trainer)
    thread.start()
    thread.join()
    torch.set_num_threads(before)
    assert cores == [2]


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="the system has no priorities")
def test_trainer_has_a_lower_priority_than_pages():
    priorities: dict[str, int] = {}

    def trainer() -> None:
        use_cores(1)
        priorities["trainer"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = os.getpriority(os.PRIO_PROCESS, 0)
    thread = threading.Thread(target=trainer)
    thread.start()
    thread.join()
    assert priorities["trainer"] == max(5, before)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot pin processes")
def test_default_is_the_cores_that_the_process_may_use():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import torch; "
        "from tsexplorer.training.device import use_cores; "
        "use_cores(None); print(torch.get_num_threads()); "
        "use_cores(3); print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.split(), done.returncode) == (["1", "3"], 0), done.stderr
