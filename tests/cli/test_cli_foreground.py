"""Jobs in the foreground: Ctrl-C, the queue, and jobs of other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.cli.conftest import Shell, SpecFile, document
from tsexplorer.cli.run_job import CtrlC
from tsexplorer.jobs import heartbeat
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, parse_spec
from tsexplorer.store import JobSnapshot, StageSnapshot
from tsexplorer.training.control import Control

pytestmark = pytest.mark.usefixtures("settled")

PollAction = Callable[[int], None]
HELD_SECONDS = 120.0
"""Longest time that the training thread is held; far more than a busy machine needs."""


@pytest.fixture(autouse=True)
def _short_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """One heartbeat per second."""
    monkeypatch.setenv("TSEXPLORER_HEARTBEAT_SECONDS", "1")
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def _ctrl_c_interrupts() -> Iterator[None]:
    """Let Ctrl-C interrupt, as in a terminal; a background job inherits that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def other_process() -> Iterator[subprocess.Popen[bytes]]:
    """Another process that is running."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    yield process
    process.kill()
    process.wait()
    process.stdin.close()


@pytest.fixture
def at_each_poll(monkeypatch: pytest.MonkeyPatch) -> Callable[[PollAction], None]:
    """Register a function that is called with 1, 2, … each time the command polls a job."""

    def register(action: PollAction) -> None:
        polls = 0

        def poll(_seconds: float) -> None:
            nonlocal polls
            polls += 1
            assert polls < 1000, "the command polls forever"
            action(polls)
            sleep(0.01)

        monkeypatch.setattr("tsexplorer.services.foreground.sleep", poll)

    return register


def owner_of(process: subprocess.Popen[bytes]) -> str:
    """The name under which a process owns jobs."""
    host = heartbeat.this_process().split(":")[0]
    return f"{host}:{process.pid}:{heartbeat.process_start_time(process.pid)}"


def read_spec(file: str, name: str) -> ExperimentSpec:
    return parse_spec(ExperimentSpec, Path(file).read_text()).model_copy(update={"name": name})


def claimed_job(
    service: Service, spec: ExperimentSpec, process: subprocess.Popen[bytes]
) -> JobSnapshot:
    """A job that another process runs."""
    job = service.store.claim(owner_of(process), service.enqueue(spec).id)
    assert job is not None
    return job


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def ctrl_c_after_an_epoch(monkeypatch: pytest.MonkeyPatch, *, held: bool = True) -> list[Control]:
    """Press Ctrl-C after the first epoch; with ``held``, training waits until it is cancelled.

    Returns:
        The control of the interrupted job; empty before.
    """
    epoch_ended, interrupted = Control.epoch_ended, []

    def press(self: Control) -> None:
        epoch_ended(self)
        if not interrupted:
            interrupted.append(self)
            press_ctrl_c()
            deadline = monotonic() + HELD_SECONDS
            while held and not self.cancelled and monotonic() < deadline:
                sleep(0.01)

    monkeypatch.setattr(Control, "epoch_ended", press)
    return interrupted


def test_ctrl_c_cancels_and_resume_continues(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def teacher() -> StageSnapshot:
        return service.experiment("toy").stage(0, "teacher")

    file = spec_file()
    handler = signal.getsignal(signal.SIGINT)
    ctrl_c_after_an_epoch(monkeypatch)
    result = shell("run", "--spec", file, "--json")
    assert signal.getsignal(signal.SIGINT) is handler
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines() == [
        'Training "toy" as job 1.',
        "Cancelled. Finished epochs are kept; to continue: python -m tsexplorer resume 1",
    ]
    assert service.store.job(1).status == "cancelled"
    assert teacher().status == "cancelled"
    assert teacher().epochs_done == 1
    assert (home / "stages" / teacher().hash / "checkpoint.safetensors").is_file()

    resumed = document(shell("resume", "1", "--json"))
    assert resumed["seeds"][0]["stages"]["teacher"]["epochs"] == 2
    assert [job.status for job in service.jobs()] == ["done"]
    assert document(shell("run", "--spec", file, "--json")) == resumed


def test_ctrl_c_stays_ignored_in_background_jobs(
    shell: Shell, spec_file: SpecFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupted = ctrl_c_after_an_epoch(monkeypatch, held=False)
        result = shell("run", "--spec", spec_file(), "--json")
        assert len(interrupted) == 1
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert document(result)["experiment"] == "toy"


def test_second_ctrl_c_raises_keyboard_interrupt() -> None:
    with CtrlC() as ctrl_c:
        press_ctrl_c()
        assert ctrl_c.requested
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()


def test_run_waits_while_another_process_trains(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    other_process: subprocess.Popen[bytes],
    at_each_poll: Callable[[PollAction], None],
) -> None:
    other = claimed_job(service, read_spec(spec_file(), "other"), other_process)
    statuses = []

    def end_the_other_job_at_poll_5(poll: int) -> None:
        statuses.append(service.jobs()[0].status)
        if poll == 5:
            service.store.set_job_status(other.id, "done")

    at_each_poll(end_the_other_job_at_poll_5)
    result = shell("run", "--spec", spec_file(), "--json")
    assert document(result)["experiment"] == "toy"
    assert statuses == ["queued"] * 5
    waited = "Waiting for job 1, which another process trains."
    assert result.stderr.splitlines().count(waited) == 1


def test_run_does_not_wait_for_a_paused_job(
    shell: Shell, spec_file: SpecFile, service: Service, other_process: subprocess.Popen[bytes]
) -> None:
    other = claimed_job(service, read_spec(spec_file(), "other"), other_process)
    service.store.set_job_status(other.id, "paused")
    assert document(shell("run", "--spec", spec_file(), "--json"))["experiment"] == "toy"
    assert service.store.job(other.id).status == "paused"


def test_ctrl_c_removes_a_waiting_run_from_the_queue(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    other_process: subprocess.Popen[bytes],
    at_each_poll: Callable[[PollAction], None],
) -> None:
    claimed_job(service, read_spec(spec_file(), "other"), other_process)
    at_each_poll(lambda _poll: press_ctrl_c())
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-1].endswith("resume 2")
    assert [job.status for job in service.jobs()] == ["cancelled", "running"]


def test_run_continues_if_the_process_it_waits_for_dies(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    other_process: subprocess.Popen[bytes],
    at_each_poll: Callable[[PollAction], None],
) -> None:
    def die(_poll: int) -> None:
        other_process.kill()
        other_process.wait()

    claimed_job(service, read_spec(spec_file(), "other"), other_process)
    at_each_poll(die)
    assert document(shell("run", "--spec", spec_file(), "--json"))["experiment"] == "toy"
    assert [job.status for job in service.jobs()] == ["done", "interrupted"]


def test_job_that_the_app_trains_is_followed(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    at_each_poll: Callable[[PollAction], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check, followed = Control.check, threading.Event()

    def held_until_followed(self: Control) -> float:
        assert followed.wait(HELD_SECONDS)
        return check(self)

    monkeypatch.setattr(Control, "check", held_until_followed)
    at_each_poll(lambda _poll: followed.set())
    file = spec_file()
    job = service.start(read_spec(file, "toy"))
    while service.store.job(job.id).status == "queued":
        sleep(0.01)
    result = shell("run", "--spec", file, "--json")
    assert document(result)["experiment"] == "toy"
    lines = result.stderr.splitlines()
    assert lines[:2] == [
        'Training "toy" as job 1.',
        "Job 1 is trained by another process; following it.",
    ]
    assert [line.split(",")[0] for line in lines[2:]] == ["teacher", "baseline", "distilled"]
    assert [job.id for job in service.jobs()] == [1]


def test_queued_job_without_a_process_can_be_resumed(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    job = service.enqueue(read_spec(spec_file(), "orphan"))
    assert document(shell("resume", str(job.id), "--json"))["experiment"] == "orphan"


def test_resume_asks_the_other_process_to_continue(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    other_process: subprocess.Popen[bytes],
    at_each_poll: Callable[[PollAction], None],
) -> None:
    job = claimed_job(service, read_spec(spec_file(), "toy"), other_process)
    service.store.set_job_status(job.id, "paused")
    requests = []

    def read_request(_poll: int) -> None:
        requests.append(service.store.heartbeat(job.id, owner_of(other_process), {}))
        service.store.set_job_status(job.id, "cancelled")

    at_each_poll(read_request)
    assert shell("resume", "1").exit_code == 1
    assert requests == ["resume"]


def test_ctrl_c_does_not_stop_a_followed_job(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    other_process: subprocess.Popen[bytes],
    at_each_poll: Callable[[PollAction], None],
) -> None:
    job = claimed_job(service, read_spec(spec_file(), "toy"), other_process)
    at_each_poll(lambda _poll: press_ctrl_c())
    result = shell("resume", "1", "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-1] == (
        "Job 1 continues in the other process; to stop it: python -m tsexplorer cancel 1"
    )
    stored = service.store.job(job.id)
    assert (stored.status, stored.request) == ("running", None)


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        ("failed", "The disk is full.", "The disk is full."),
        (
            "cancelled",
            None,
            "Job 1 was cancelled. Finished epochs are kept; "
            "to continue: python -m tsexplorer resume 1",
        ),
    ],
)
def test_followed_job_that_is_not_done_fails_the_command(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    other_process: subprocess.Popen[bytes],
    at_each_poll: Callable[[PollAction], None],
    status: str,
    error: str | None,
    sentence: str,
) -> None:
    job = claimed_job(service, read_spec(spec_file(), "toy"), other_process)

    def end(_poll: int) -> None:
        service.store.set_job_status(job.id, status, error=error)

    at_each_poll(end)
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == sentence


def test_followed_job_whose_process_dies_fails_the_command(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    other_process: subprocess.Popen[bytes],
    at_each_poll: Callable[[PollAction], None],
) -> None:
    def die(_poll: int) -> None:
        other_process.kill()
        other_process.wait()

    claimed_job(service, read_spec(spec_file(), "toy"), other_process)
    at_each_poll(die)
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("Job 1 was interrupted.")
    assert document(shell("resume", "1", "--json"))["experiment"] == "toy"


def test_experiment_deleted_during_the_job_gives_one_sentence(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    other_process: subprocess.Popen[bytes],
    at_each_poll: Callable[[PollAction], None],
) -> None:
    job = claimed_job(service, read_spec(spec_file(), "toy"), other_process)

    def delete(_poll: int) -> None:
        service.store.set_job_status(job.id, "cancelled")
        service.delete("toy")

    at_each_poll(delete)
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no job 1" in result.stderr.splitlines()[-1]


def test_status_that_cannot_be_stored_ends_the_command(
    shell: Shell, spec_file: SpecFile, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.store.Store.set_job_status", lambda *_, **__: False)
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("The end of job 1 could not be stored.")
