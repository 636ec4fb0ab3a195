"""One job from its first stage to its last, without a worker around it."""

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

from tests.jobs.jobs_examples import assert_same_weights, settings, spec, weights
from tsexplorer.errors import UserError
from tsexplorer.jobs.heartbeat import this_process
from tsexplorer.jobs.job_runner import JobRunner, in_one_sentence, use_cores
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import JobSnapshot
from tsexplorer.studies.kind import steps_of
from tsexplorer.training import events
from tsexplorer.training.control import Control

OTHER = "elsewhere:1:1"


class Foreground:
    """A runner in this thread, and what it says."""

    def __init__(self, service: Service) -> None:
        self.service, self.store = service, service.store
        self.board, self.heard = ProgressBoard(), list[events.Event]()
        self.runner = JobRunner(self.store, service.settings, self.board, this_process(), steps_of)
        self.act: Callable[[events.Event], None] = lambda _: None
        self.control = Control()

    def __call__(self, wanted: ExperimentSpec) -> JobSnapshot:
        """Run an experiment's job as far as it goes."""
        return self.take(self.service.enqueue(wanted))

    def take(self, job: JobSnapshot) -> JobSnapshot:
        claimed = self.store.claim(this_process(), job.id)
        assert claimed is not None
        self.control = Control()
        self.said = self.runner.run(claimed, self.control, self._listen)
        return self.store.job(job.id)

    def statuses(self, job: JobSnapshot) -> list[str]:
        stages = self.service.experiment(job.experiment_id).stages
        return [link.stage.status for link in stages]

    def of(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for event in self.heard if isinstance(event, kind)]

    def _listen(self, event: events.Event) -> None:
        self.heard.append(event)
        self.act(event)


@pytest.fixture
def run(service: Service) -> Foreground:
    return Foreground(service)


def test_a_job_trains_its_stages_in_their_order(run: Foreground):
    job = run(spec())
    assert (run.said, job.status, job.error) == ("done", "done", None)
    experiment = run.service.experiment(job.experiment_id)
    assert [event.stage for event in run.of(events.StageEnded)] == [
        link.stage.hash for link in experiment.stages
    ]
    assert experiment.done
    assert run.board.read(job.id).stages_done == run.board.read(job.id).stages == 3
    assert run.board.read(job.id).progress is None


def test_the_store_has_the_figures_that_were_said(run: Foreground):
    job = run(spec())
    ends = {event.stage: event for event in run.of(events.StageEnded)}
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
        said = [event for event in run.of(events.EpochEnded) if event.stage == stage.hash]
        assert [vars(row) for row in rows] == [
            {name: value for name, value in vars(event).items() if name != "stage"}
            for event in said
        ]
        assert stage.epochs_done == len(rows) == 2
        assert stage.parameters > 0
        assert stage.macs > 0
        assert "CPU" in stage.machine


def test_a_second_lambda_trains_one_net(run: Foreground):
    run(spec("first", lam=0.3))
    first = {event.stage for event in run.of(events.StageStarted)}
    run.heard.clear()
    job = run(spec("second", lam=0.7))
    distilled = run.service.experiment(job.experiment_id).stage(0, "distilled").hash
    assert [event.stage for event in run.of(events.StageStarted)] == [distilled]
    assert distilled not in first


def test_a_done_experiment_trains_nothing_again(run: Foreground):
    run(spec())
    run.heard.clear()
    assert run(spec()).status == "done"
    assert run.heard == []


def test_listener_that_raises_stops_nothing(run: Foreground, caplog):
    def act(_: events.Event) -> None:
        raise ValueError("own trouble")

    run.act = act
    job = run(spec())
    assert job.status == "done"
    assert [len(run.store.epochs(event.stage)) for event in run.of(events.StageEnded)] == [2] * 3
    assert "own trouble" in caplog.text


def cancel_at(run: Foreground, kind: type[events.Event], count: int = 1) -> None:
    def act(event: events.Event) -> None:
        if isinstance(event, kind) and len(run.of(kind)) == count:
            run.control.cancel()

    run.act = act


def test_cancelled_job_says_so_and_goes_on_later(run: Foreground, home: Path):
    cancel_at(run, events.CheckpointWritten, 3)
    job = run(spec())
    assert (run.said, job.status, job.error) == ("cancelled", "cancelled", None)
    assert run.statuses(job) == ["done", "cancelled", "new"]
    run.act = lambda _: None
    run.store.requeue(job.id)
    assert run.take(job).status == "done"
    resumed = weights(home, run.service.experiment(job.experiment_id))
    for folder in (home / "stages").iterdir():
        run.store.reset_stage(folder.name)
        (folder / "weights.safetensors").unlink()
    again = run.service.store.enqueue(job.experiment_id)
    assert run.take(again).status == "done"
    assert_same_weights(weights(home, run.service.experiment(job.experiment_id)), resumed)


def test_cancelled_before_it_began(run: Foreground):
    job = run.service.enqueue(spec())
    claimed = run.store.claim(this_process(), job.id)
    control = Control()
    control.cancel()
    assert run.runner.run(claimed, control) == "cancelled"
    assert run.statuses(job) == ["new"] * 3


# -- what can go wrong --------------------------------------------------------------------------


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
def test_whatever_goes_wrong_is_one_sentence(run: Foreground, monkeypatch, error, sentence):
    with monkeypatch.context() as patch:
        fail_with(patch, error)
        job = run(spec())
    assert (run.said, job.status) == ("failed", "failed")
    assert re.match(sentence, job.error)
    assert run.statuses(job) == ["failed", "new", "new"]
    first = run.service.experiment(job.experiment_id).stages[0].stage
    assert first.error == job.error
    assert run.of(events.StageFailed) == [events.StageFailed(first.hash, job.error)]
    run.store.requeue(job.id)
    assert run.take(job).status == "done"
    assert run.service.experiment(job.experiment_id).stages[0].stage.error is None


def test_what_nobody_expected_is_logged_in_full(caplog):
    try:
        _ = 1 // 0
    except ZeroDivisionError as error:
        in_one_sentence(error)
    assert "Traceback" in caplog.text
    caplog.clear()
    in_one_sentence(UserError("Say this."))
    assert not caplog.text


def test_missing_data_fails_the_job_in_one_sentence(run: Foreground, monkeypatch):
    def load(name: str, folder: Path) -> None:
        raise UserError(f"{name} is not there; put it into {folder}.")

    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load)
    job = run(spec())
    assert job.error.startswith("mnist-5k is not there; put it into")
    assert run.statuses(job)[0] == "failed"


def test_device_that_is_not_here_fails_the_job(home: Path, open_service):
    run = Foreground(open_service(settings(home, device="cuda:7")))
    assert run(spec()).error.startswith("The device 'cuda:7' is not on this machine")


# -- others at the same store -------------------------------------------------------------------


def test_a_job_that_another_process_took_over_is_left_to_it(run: Foreground):
    """Given up for dead and taken up elsewhere, while this process was only slow."""

    def act(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten) and not taken:
            taken.append(True)
            run.store.set_job_status(job.id, "interrupted")
            run.store.requeue(job.id)
            run.store.claim(OTHER, job.id)

    taken: list[bool] = []
    run.act = act
    job = run.service.enqueue(spec(epochs=5000))
    after = run.take(job)
    assert run.said == "cancelled"
    assert (after.status, after.owner) == ("running", OTHER)


def test_a_deleted_experiment_is_no_longer_trained(run: Foreground, home: Path):
    """By somebody who thought that its process was dead."""

    def act(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten):
            run.store.set_job_status(job.id, "interrupted")
            run.service.delete(job.experiment_id)
            run.act = lambda _: None

    run.act = act
    job = run.service.enqueue(spec(epochs=1000))
    claimed = run.store.claim(this_process(), job.id)
    assert run.runner.run(claimed, run.control, run._listen) == "cancelled"
    assert list((home / "stages").iterdir()) == []


def test_end_that_the_store_does_not_take_is_no_exception(run: Foreground, monkeypatch, caplog):
    def full(*_: object, **__: object) -> None:
        raise UserError("The disk that holds the database is full.")

    job = run.service.enqueue(spec())
    claimed = run.store.claim(this_process(), job.id)
    monkeypatch.setattr(run.store, "set_job_status", full)
    assert run.runner.run(claimed, run.control) == "done"
    assert "could not be stored: The disk that holds the database is full." in caplog.text


# -- threads ------------------------------------------------------------------------------------


def test_cores_are_taken_in_the_thread_that_asks():
    """Whatever another thread said last; torch's number is one a thread."""
    seen: list[int] = []
    before = torch.get_num_threads()

    def trainer() -> None:
        use_cores(2)
        others = threading.Thread(target=torch.set_num_threads, args=(1,))
        others.start()
        others.join()
        torch.zeros(10) + 1
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=trainer)
    thread.start()
    thread.join()
    torch.set_num_threads(before)
    assert seen == [2]


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="the system has no priorities")
def test_trainer_steps_back_for_pages():
    seen: dict[str, int] = {}

    def trainer() -> None:
        use_cores(1)
        seen["trainer"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = os.getpriority(os.PRIO_PROCESS, 0)
    thread = threading.Thread(target=trainer)
    thread.start()
    thread.join()
    assert seen["trainer"] == max(5, before)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system pins no process")
def test_default_is_the_cores_that_the_process_may_use():
    pinned = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import torch; "
        "from tsexplorer.training.device import use_cores; "
        "use_cores(None); print(torch.get_num_threads()); "
        "use_cores(3); print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", pinned], capture_output=True, text=True)
    assert (done.stdout.split(), done.returncode) == (["1", "3"], 0), done.stderr
