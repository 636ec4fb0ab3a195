"""``jobs``, ``cancel`` and ``delete``: tables, JSON documents and messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import sleep

import pytest

from tests.cli.conftest import Shell, SpecFile, document
from tsexplorer.jobs.heartbeat import this_process
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ROLES, ExperimentSpec, parse_spec

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture
def queue_toy(service: Service, spec_file: SpecFile) -> Callable[..., int]:
    """Queue the toy experiment under a name, without training it; returns the job's id."""

    def queue(name: str, **changes: object) -> int:
        spec = parse_spec(ExperimentSpec, Path(spec_file(**changes)).read_text())
        return service.enqueue(spec.model_copy(update={"name": name})).id

    return queue


def test_empty_queue_says_how_to_start_a_job(shell: Shell) -> None:
    assert document(shell("jobs", "--json")) == []
    assert "No jobs yet; to start one: python -m tsexplorer run" in shell("jobs").stdout


def test_jobs_are_listed_newest_first(
    shell: Shell, spec_file: SpecFile, queue_toy: Callable[..., int], service: Service
) -> None:
    shell("run", "--spec", spec_file())
    queue_toy("[bold]second[/bold]")
    second, first = document(shell("jobs", "--json"))
    assert (second["id"], second["status"]) == (2, "queued")
    assert (second["stages_done"], second["stages"]) == (3, 3)  # all trained by the first
    assert second["started_at"] is second["ended_at"] is second["error"] is None
    assert (first["id"], first["experiment"], first["status"]) == (1, "toy", "done")
    assert first["experiment_id"] == service.experiment("toy").id
    times = [
        datetime.fromisoformat(first[f"{name}_at"]) for name in ("created", "started", "ended")
    ]
    assert times == sorted(times)
    table = shell("jobs").stdout
    assert "[bold]second[/bold]" in table
    assert table.index("second") < table.index("toy")
    assert "3 of 3" in table


def test_failed_job_shows_its_error(
    shell: Shell, queue_toy: Callable[..., int], service: Service
) -> None:
    job = queue_toy("toy")
    service.store.claim("there:1:1", job)
    service.store.set_job_status(job, "failed", error="The disk is full.")
    [row] = document(shell("jobs", "--json"))
    assert row["error"] == "The disk is full."
    assert "Job 1: The disk is full." in shell("jobs").stdout


def test_queued_job_is_cancelled_at_once(shell: Shell, queue_toy: Callable[..., int]) -> None:
    queue_toy("toy")
    row = document(shell("cancel", "1", "--json"))
    assert (row["id"], row["experiment"], row["status"]) == (1, "toy", "cancelled")
    again = shell("cancel", "1")
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.startswith("Job 1 is cancelled, so ")


def test_job_of_the_app_is_cancelled(
    shell: Shell, service: Service, spec_file: SpecFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "TSEXPLORER_HEARTBEAT_SECONDS", "20"
    )  # so that the command waits long enough
    get_settings.cache_clear()
    endless = spec_file(teacher_train={"epochs": 10_000, "batch_size": 100})
    spec = parse_spec(ExperimentSpec, Path(endless).read_text())
    job = service.start(spec).id
    while service.store.job(job).status == "queued":
        sleep(0.01)
    result = shell("cancel", str(job))
    assert result.exit_code == 0
    assert result.stdout == "Job 1 is cancelled; to continue: python -m tsexplorer resume 1\n"
    assert service.store.job(job).status == "cancelled"


def test_cancel_does_not_wait_forever_for_a_process(
    shell: Shell, queue_toy: Callable[..., int], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSEXPLORER_HEARTBEAT_SECONDS", "0.05")
    get_settings.cache_clear()
    monkeypatch.setattr("tsexplorer.services.service.recover", lambda *_: [])
    service.store.claim("there:1:1", queue_toy("toy"))
    row = document(shell("cancel", "1", "--json"))
    assert row["status"] == "running"
    assert service.store.job(1).request == "cancel"


def test_experiment_is_deleted_by_name(
    shell: Shell, spec_file: SpecFile, service: Service, home: Path
) -> None:
    shell("run", "--spec", spec_file())
    experiment = service.experiment("toy")
    weights = [home / "stages" / experiment.stage(0, role).hash for role in ROLES]
    assert all(folder.is_dir() for folder in weights)
    printed = document(shell("delete", "toy", "--json"))
    assert printed == {"deleted": {"id": experiment.id, "name": "toy"}}
    assert not any(folder.exists() for folder in weights)
    assert not service.store.has_study("toy")
    assert document(shell("jobs", "--json")) == []


def test_experiment_is_deleted_by_id_and_shared_nets_are_kept(
    shell: Shell, spec_file: SpecFile, service: Service, home: Path
) -> None:
    shell("run", "--spec", spec_file())
    shell("run", "--spec", spec_file("other", objective={"temperature": 9}))
    other = service.experiment("other")
    result = shell("delete", other.id)
    assert (result.exit_code, result.stdout) == (0, 'The experiment "other" is deleted.\n')
    assert (home / "stages" / other.stage(0, "teacher").hash).is_dir()
    assert not (home / "stages" / other.stage(0, "distilled").hash).exists()


def test_experiment_in_training_is_not_deleted(
    shell: Shell, queue_toy: Callable[..., int], service: Service
) -> None:
    service.store.claim(this_process(), queue_toy("toy"))
    result = shell("delete", "toy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is being trained; cancel its job 1 first" in result.stderr
