"""A job of this shell beside those of other processes, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Shell, document
from tsexplorer.jobs import owner
from tsexplorer.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, parse_spec
from tsexplorer.store import JobSnapshot

SpecFile = Callable[..., str]
PATIENCE_SECONDS = 30.0
LONG = {"teacher_train": {"epochs": 2000, "batch_size": 100}}


def until(reached: Callable[[], object]) -> None:
    """Wait for something that is bound to come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Meanwhile(threading.Thread):
    """Does something on the side while a command runs; what goes wrong is raised at the end."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._act = act
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._act()
        except BaseException as error:
            self._error = error

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self.join()
        if self._error is not None:
            raise self._error


@pytest.fixture(autouse=True)
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSEXPLORER_HEARTBEAT_SECONDS", "0.2")
    get_settings.cache_clear()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Another process that lives."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def as_owner(process: subprocess.Popen[bytes]) -> str:
    host = owner.this_process().split(":")[0]
    return f"{host}:{process.pid}:{owner._start(process.pid)}"


def read(file: str, name: str) -> ExperimentSpec:
    return parse_spec(ExperimentSpec, Path(file).read_text()).model_copy(update={"name": name})


def taken(service: Service, spec: ExperimentSpec, by: str) -> JobSnapshot:
    """A job that another process runs."""
    job = service.enqueue(spec)
    claimed = service.store.claim(by, job.id)
    assert claimed is not None
    return claimed


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_cancels_and_resume_goes_on(
    shell: Shell, spec_file: SpecFile, service: Service, home: Path
) -> None:
    file = spec_file(teacher_train={"epochs": 400, "batch_size": 400})

    def interrupt_after_an_epoch() -> None:
        until(lambda: service.jobs() and teacher().epochs_done > 0)
        ctrl_c()

    def teacher():  # type: ignore[no-untyped-def]
        return service.experiment("toy").stage(0, "teacher")

    handler = signal.getsignal(signal.SIGINT)
    with Meanwhile(interrupt_after_an_epoch):
        result = shell("run", "--spec", file, "--json")
    assert signal.getsignal(signal.SIGINT) is handler
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-1] == (
        "Cancelled. What was trained is kept; to go on: python -m tsexplorer resume 1"
    )
    assert service.store.job(1).status == "cancelled"
    stopped = teacher()
    assert stopped.status == "cancelled"
    assert 0 < stopped.epochs_done < 400
    assert (home / "stages" / stopped.hash / "checkpoint.safetensors").is_file()

    resumed = document(shell("resume", "1", "--json"))
    assert resumed["seeds"][0]["stages"]["teacher"]["epochs"] == 400
    assert service.store.job(1).status == "done"
    assert document(shell("run", "--spec", file, "--json")) == resumed


def test_a_run_waits_while_another_process_trains(
    shell: Shell, spec_file: SpecFile, service: Service, stranger: subprocess.Popen[bytes]
) -> None:
    other = taken(service, read(spec_file(), "other"), as_owner(stranger))

    def end_the_other_one_later() -> None:
        until(lambda: len(service.jobs()) == 2)
        for _ in range(5):
            service.store.heartbeat(other.id, as_owner(stranger), {})
            time.sleep(0.1)
        assert service.jobs()[0].status == "queued"
        service.store.set_job_status(other.id, "done")

    with Meanwhile(end_the_other_one_later):
        result = shell("run", "--spec", spec_file(seeds=[1]), "--json")
    assert document(result)["experiment"] == "toy"
    waited = "Waiting until job 1 is done, which another process trains."
    assert result.stderr.splitlines().count(waited) == 1
    started, ended = service.store.job(2).started_at, service.store.job(1).ended_at
    assert started is not None
    assert ended is not None
    assert started >= ended


def test_ctrl_c_takes_a_waiting_run_out_of_the_queue(
    shell: Shell, spec_file: SpecFile, service: Service, stranger: subprocess.Popen[bytes]
) -> None:
    other = taken(service, read(spec_file(), "other"), as_owner(stranger))

    def interrupt_while_it_waits() -> None:
        until(lambda: len(service.jobs()) == 2)
        service.store.heartbeat(other.id, as_owner(stranger), {})
        ctrl_c()

    with Meanwhile(interrupt_while_it_waits):
        result = shell("run", "--spec", spec_file(), "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "resume 2" in result.stderr.splitlines()[-1]
    assert service.store.job(2).status == "cancelled"


def test_a_job_that_waits_for_a_process_that_dies_goes_on(
    shell: Shell, spec_file: SpecFile, service: Service, stranger: subprocess.Popen[bytes]
) -> None:
    taken(service, read(spec_file(), "other"), as_owner(stranger))

    def kill_the_other_one() -> None:
        until(lambda: len(service.jobs()) == 2)
        stranger.kill()
        stranger.wait()

    with Meanwhile(kill_the_other_one):
        result = shell("run", "--spec", spec_file(), "--json")
    assert document(result)["experiment"] == "toy"
    assert service.store.job(1).status == "interrupted"


def test_a_job_that_an_app_trains_is_followed(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    file = spec_file(teacher_train={"epochs": 100, "batch_size": 100})
    job = service.start(read(file, "toy"))
    until(lambda: service.store.job(job.id).status == "running")
    result = shell("run", "--spec", file, "--json")
    assert document(result)["seeds"][0]["stages"]["teacher"]["epochs"] == 100
    assert "Job 1 is trained by another process; following it." in result.stderr
    assert [one.id for one in service.jobs()] == [1]


def test_ctrl_c_lets_a_followed_job_go_on(
    shell: Shell, spec_file: SpecFile, service: Service, stranger: subprocess.Popen[bytes]
) -> None:
    spec = read(spec_file(), "toy")
    by = as_owner(stranger)
    job = taken(service, spec, by)

    def interrupt_while_it_follows() -> None:
        service.store.heartbeat(job.id, by, {})
        time.sleep(0.3)
        ctrl_c()

    handler = signal.signal(signal.SIGINT, lambda *_: None)  # if it comes too early, harmless
    try:
        with Meanwhile(interrupt_while_it_follows):
            result = shell("resume", "1", "--json")
    finally:
        signal.signal(signal.SIGINT, handler)
    assert (result.exit_code, result.stdout) == (130, "")
    assert "goes on in the other process" in result.stderr.splitlines()[-1]
    assert service.store.job(job.id).status == "running"
    assert service.store.job(job.id).request is None


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (("cancelled", None), "Job 1 was cancelled."),
        (("failed", "The disk is full."), "The disk is full."),
        (("interrupted", None), "Job 1 was interrupted."),
    ],
)
def test_a_followed_job_that_does_not_get_done_fails_the_command(
    shell: Shell,
    spec_file: SpecFile,
    service: Service,
    stranger: subprocess.Popen[bytes],
    end: tuple[str, str | None],
    words: str,
) -> None:
    job = taken(service, read(spec_file(), "toy"), as_owner(stranger))

    def end_it() -> None:
        status, error = end
        service.store.set_job_status(job.id, status, error=error)

    with Meanwhile(end_it) if end[0] != "interrupted" else Meanwhile(stranger.kill):
        result = shell("run", "--spec", spec_file(), "--json")
