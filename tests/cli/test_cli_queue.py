"""``jobs``, ``cancel`` and ``delete``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import sleep

import pytest

from tests.cli.conftest import Shell, document
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ROLES, ExperimentSpec, parse_spec

pytestmark = pytest.mark.usefixtures("settled")

SpecFile = Callable[..., str]


@pytest.fixture
def queued(service: Service, spec_file: SpecFile) -> Callable[..., int]:
    """Queues the toy experiment under a name, untrained."""

    def queue(name: str, **changes: object) -> int:
        spec = parse_spec(ExperimentSpec, Path(spec_file(**changes)).read_text())
        return service.enqueue(spec.model_copy(update={"name": name})).id

    return queue


def test_no_jobs_yet(shell: Shell) -> None:
    assert document(shell("jobs", "--json")) == []
    assert "No jobs yet; to start one: python -m tsexplorer run" in shell("jobs").stdout


def test_jobs_are_listed_newest_first(
    shell: Shell, spec_file: SpecFile, queued: Callable[..., int], service: Service
) -> None:
    shell("run", "--spec", spec_file())
    queued("[bold]second[/bold]")
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


def test_a_job_that_failed_says_why(
    shell: Shell, queued: Callable[..., int], service: Service
) -> None:
    job = queued("toy")
    service.store.claim("there:1:1", job)
    service.store.set_job_status(job, "failed", error="The disk is full.")
    [row] = document(shell("jobs", "--json"))
    assert row["error"] == "The disk is full."
    assert "Job 1: The disk is full." in shell("jobs").stdout


def test_a_waiting_job_is_cancelled_at_once(shell: Shell, queued: Callable[..., int]) -> None:
    queued("toy")
    row = document(shell("cancel", "1", "--json"))
    assert (row["id"], row["experiment"], row["status"]) == (1, "toy", "cancelled")
    again = shell("cancel", "1")
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.startswith("Job 1 is cancelled, so ")


def test_the_job_of_an_app_is_cancelled(
    shell: Shell, service: Service, spec_file: SpecFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSEXPLORER_HEARTBEAT_SECONDS", "20")  # for a patient command
    get_settings.cache_clear()
    endless = spec_file(teacher_train={"epochs": 10_000, "batch_size": 100})
    spec = parse_spec(ExperimentSpec, Path(endless).read_text())
    job = service.start(spec).id
    while service.store.job(job).status == "queued":
        sleep(0.01)
    result = shell("cancel", str(job))
    assert result.exit_code == 0
    assert result.stdout == "Job 1 is cancelled; to go on: python -m tsexplorer resume 1\n"
    assert service.store.job(job).status == "cancelled"


def test_a_process_that_does_not_hear_is_not_waited_for_for_ever(
    shell: Shell, queued: Callable[..., int], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSEXPLORER_HEARTBEAT_SECONDS", "0.05")
    get_settings.cache_clear()
    monkeypatch.setattr("tsexplorer.services.service.recover", lambda *_: [])
    service.store.claim("there:1:1", queued("toy"))
    row = document(shell("cancel", "1", "--json"))
    assert row["status"] == "running"
    assert service.store.job(1).request == "cancel"


def test_an_experiment_is_deleted_by_name(
    shell: Shell, spec_file: SpecFile, service: Service, home: Path
) -> None:
    shell("run", "--spec", spec_file())
    kept = service.experiment("toy")
    weights = [home / "stages" / kept.stage(0, role).hash for role in ROLES]
    assert all(folder.is_dir() for folder in weights)
    found = document(shell("delete", "toy", "--json"))
    assert found == {"deleted": {"id": kept.id, "name": "toy"}}
    assert not any(folder.exists() for folder in weights)
    assert not service.store.has_experiment("toy")
    assert document(shell("jobs", "--json")) == []


def test_an_experiment_is_deleted_by_id_and_shared_nets_stay(
    shell: Shell, spec_file: SpecFile, service: Service, home: Path
) -> None:
    shell("run", "--spec", spec_file())
    shell("run", "--spec", spec_file("other", objective={"temperature": 9}))
    other = service.experiment("other")
    result = shell("delete", other.id)
    assert (result.exit_code, result.stdout) == (0, 'The experiment "other" is deleted.\n')
    assert (home / "stages" / other.stage(0, "teacher").hash).is_dir()
    assert not (home / "stages" / other.stage(0, "distilled").hash).exists()


def test_what_is_being_trained_is_not_deleted(
    shell: Shell, queued: Callable[..., int], service: Service
) -> None:
    service.store.claim(
        f"{__import__('socket').gethostname()}:{__import__('os').getpid()}:?", queued("toy")
    )
    result = shell("delete", "toy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is being trained; cancel its job 1 first" in result.stderr
