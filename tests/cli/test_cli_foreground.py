"""A job of this shell beside those of other processes, and Ctrl-C."""

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

from tests.cli.conftest import Shell, document
from tsexplorer.cli.run_job import CtrlC
from tsexplorer.jobs import heartbeat
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, parse_spec
from tsexplorer.store import JobSnapshot, StageSnapshot
from tsexplorer.training.control import Control

pytestmark = pytest.mark.usefixtures("settled")

SpecFile = Callable[..., str]
Act = Callable[[int], None]
HELD_SECONDS = 120.0
"""The longest that a trainer is held; far more than a busy machine needs."""


@pytest.fixture(autouse=True)
def _quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSEXPLORER_HEARTBEAT_SECONDS", "1")
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def _ctrl_c_is_on() -> Iterator[None]:
    """Ctrl-C interrupts, as from a terminal; a background job inherits that it does nothing."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Another process that lives."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    yield process
    process.kill()
    process.wait()
    process.stdin.close()


@pytest.fixture
def at_each_look(monkeypatch: pytest.MonkeyPatch) -> Callable[[Act], None]:
    """Have something done each time that the command looks at a job that it does not run."""

    def install(act: Act) -> None:
        looks = 0

        def look(_seconds: float) -> None:
            nonlocal looks
            looks += 1
            assert looks < 1000, "the command looks for ever"
            act(looks)
            sleep(0.01)

        monkeypatch.setattr("tsexplorer.services.foreground.sleep", look)

    return install


def as_owner(process: subprocess.Popen[bytes]) -> str:
    host = heartbeat.this_process().split(":")[0]
    return f"{host}:{process.pid}:{heartbeat._start(process.pid)}"


def read(file: str, name: str) -> ExperimentSpec:
    return parse_spec(ExperimentSpec, Path(file).read_text()).model_copy(update={"name": name})


def taken(service: Service, spec: ExperimentSpec, by: subprocess.Popen[bytes]) -> JobSnapshot:
    """A job that another process runs."""
    job = service.store.claim(as_owner(by), service.enqueue(spec).id)
    assert job is not None
    return job


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def ctrl_c_after_an_epoch(monkeypatch: pytest.MonkeyPatch, *, held: bool = True) -> list[Control]:
    """Interrupt the command after the first epoch; the trainer is held until it is cancelled.

    Returns:
        What was interrupted; empty until then.
    """
    epoch_ended, pressed = Control.epoch_ended, []

    def press(self: Control) -> None:
        epoch_ended(self)
        if not pressed:
            pressed.append(self)
            ctrl_c()
            deadline = monotonic() + HELD_SECONDS
            while held and not self.cancelled and monotonic() < deadline:
                sleep(0.01)

    monkeypatch.setattr(Control, "epoch_ended", press)
    return pressed


def test_ctrl_c_cancels_and_resume_goes_on(
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
        "Cancelled. What was trained is kept; to continue: python -m tsexplorer resume 1",
    ]
    assert service.store.job(1).status == "cancelled"
    assert teacher().status == "cancelled"
    assert teacher().epochs_done == 1
    assert (home / "stages" / teacher().hash / "checkpoint.safetensors").is_file()

    resumed = document(shell("resume", "1", "--json"))
    assert resumed["seeds"][0]["stages"]["teacher"]["epochs"] == 2
    assert [job.status for job in service.jobs()] == ["done"]
    assert document(shell("run", "--spec", file, "--json")) == resumed


def test_ctrl_c_is_left_alone_where_a_script_has_switched_it_off(
    shell: Shell, spec_file: SpecFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pressed = ctrl_c_after_an_epoch(monkeypatch, held=False)
        result = shell("run", "--spec", spec_file(), "--json")
        assert len(pressed) == 1
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert document(result)["experiment"] == "toy"


def test_the_second_ctrl_c_breaks_off() -> None:
    with CtrlC() as interrupt:
        ctrl_c()
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_a_run_waits_while_another_process_trains(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    at_each_look: Callable[[Act], None],
) -> None:
    other = taken(service, read(spec_file(), "other"), stranger)
    seen = []

    def end_the_other_one_in_the_end(look: int) -> None:
        seen.append(service.jobs()[0].status)
        if look == 5:
            service.store.set_job_status(other.id, "done")

    at_each_look(end_the_other_one_in_the_end)
    result = shell("run", "--spec", spec_file(), "--json")
    assert document(result)["experiment"] == "toy"
    assert seen == ["queued"] * 5
    waited = "Waiting until job 1 is done, which another process trains."
    assert result.stderr.splitlines().count(waited) == 1


def test_a_paused_job_is_not_waited_for(
    shell: Shell, spec_file: SpecFile, service: Service, stranger: subprocess.Popen[bytes]
) -> None:
    other = taken(service, read(spec_file(), "other"), stranger)
    service.store.set_job_status(other.id, "paused")
    assert document(shell("run", "--spec", spec_file(), "--json"))["experiment"] == "toy"
    assert service.store.job(other.id).status == "paused"


def test_ctrl_c_takes_a_waiting_run_out_of_the_queue(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    at_each_look: Callable[[Act], None],
) -> None:
    taken(service, read(spec_file(), "other"), stranger)
    at_each_look(lambda _look: ctrl_c())
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-1].endswith("resume 2")
    assert [job.status for job in service.jobs()] == ["cancelled", "running"]


def test_a_run_that_waits_for_a_process_that_dies_goes_on(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    at_each_look: Callable[[Act], None],
) -> None:
    def die(_look: int) -> None:
        stranger.kill()
        stranger.wait()

    taken(service, read(spec_file(), "other"), stranger)
    at_each_look(die)
    assert document(shell("run", "--spec", spec_file(), "--json"))["experiment"] == "toy"
    assert [job.status for job in service.jobs()] == ["done", "interrupted"]


def test_a_job_that_an_app_trains_is_followed(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    at_each_look: Callable[[Act], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check, followed = Control.check, threading.Event()

    def held_until_followed(self: Control) -> float:
        assert followed.wait(HELD_SECONDS)
        return check(self)

    monkeypatch.setattr(Control, "check", held_until_followed)
    at_each_look(lambda _look: followed.set())
    file = spec_file()
    job = service.start(read(file, "toy"))
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
    assert [one.id for one in service.jobs()] == [1]


def test_a_queued_job_that_nobody_trains_can_be_resumed(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    job = service.enqueue(read(spec_file(), "left behind"))
    assert document(shell("resume", str(job.id), "--json"))["experiment"] == "left behind"


def test_a_paused_job_of_another_process_is_asked_to_go_on(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    at_each_look: Callable[[Act], None],
) -> None:
    job = taken(service, read(spec_file(), "toy"), stranger)
    service.store.set_job_status(job.id, "paused")
    heard = []

    def hear(_look: int) -> None:
        heard.append(service.store.heartbeat(job.id, as_owner(stranger), {}))
        service.store.set_job_status(job.id, "cancelled")

    at_each_look(hear)
    assert shell("resume", "1").exit_code == 1
    assert heard == ["resume"]


def test_ctrl_c_lets_a_followed_job_go_on(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    at_each_look: Callable[[Act], None],
) -> None:
    job = taken(service, read(spec_file(), "toy"), stranger)
    at_each_look(lambda _look: ctrl_c())
    result = shell("resume", "1", "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-1] == (
        "Job 1 continues in the other process; to stop it: python -m tsexplorer cancel 1"
    )
    kept = service.store.job(job.id)
    assert (kept.status, kept.request) == ("running", None)


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        ("failed", "The disk is full.", "The disk is full."),
        (
            "cancelled",
            None,
            "Job 1 was cancelled. What was trained is kept; "
            "to continue: python -m tsexplorer resume 1",
        ),
    ],
)
def test_a_followed_job_that_is_not_done_fails_the_command(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    at_each_look: Callable[[Act], None],
    status: str,
    error: str | None,
    sentence: str,
) -> None:
    job = taken(service, read(spec_file(), "toy"), stranger)

    def end(_look: int) -> None:
        service.store.set_job_status(job.id, status, error=error)

    at_each_look(end)
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == sentence


def test_a_followed_job_whose_process_dies_fails_the_command(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    at_each_look: Callable[[Act], None],
) -> None:
    def die(_look: int) -> None:
        stranger.kill()
        stranger.wait()

    taken(service, read(spec_file(), "toy"), stranger)
    at_each_look(die)
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("Job 1 was interrupted.")
    assert document(shell("resume", "1", "--json"))["experiment"] == "toy"


def test_an_experiment_deleted_meanwhile_is_said(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    at_each_look: Callable[[Act], None],
) -> None:
    job = taken(service, read(spec_file(), "toy"), stranger)

    def delete(_look: int) -> None:
        service.store.set_job_status(job.id, "cancelled")
        service.delete("toy")

    at_each_look(delete)
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no job 1" in result.stderr.splitlines()[-1]


def test_an_end_that_the_store_does_not_take_is_not_waited_for(
    shell: Shell, spec_file: SpecFile, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.store.Store.set_job_status", lambda *_, **__: False)
    result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("The end of job 1 could not be stored.")
