"""A killed process leaves an interrupted job, which can be resumed.

The weights, the curves and the figures are then bit for bit those of a job that was never stopped.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.jobs.experiment_examples import (
    ENDLESS,
    STUDENT,
    assert_same_weights,
    figures,
    has_epochs,
    load_few,
    settings,
    spec,
    trained,
    wait_until,
    weights,
)
from tests.jobs.job_processes import (
    MOMENTS,
    VARIED,
    process_context,
    run_in_process,
    train_endlessly,
    train_until_killed,
)
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.training import checkpoints


class Expected(NamedTuple):
    """Weights and figures of a job that was never stopped."""

    weights: dict[str, Any]
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    home = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
        service = Service(settings(home))
        experiment = trained(service, service.start(VARIED))
        results = Expected(weights(home, experiment), figures(service, experiment))
        service.close()
    assert {part: len(stage["rows"]) for part, stage in results.figures.items()} == {
        "0 teacher": 3,
        "0 baseline": 4,
        "0 distilled": 5,
    }
    return results


# An epoch has 4 batches. Each is (moment, how often it occurs, stages done by then).
KILLS = [
    ("optimiser step", 2, 0),
    ("optimiser step", 12 + 16 + 18, 2),
    ("validation", 2, 0),
    ("epoch stored", 1, 0),
    ("temporary file", 1, 0),
    ("checkpoint", 2, 0),
    ("checkpoint", 3 + 4 + 5, 2),
    ("weights", 1, 0),
    ("weights", 3, 2),
    ("stage ended", 1, 1),
    ("stage started", 3, 2),
    ("teacher logits", 1, 2),
]


def test_each_moment_is_tested():
    assert {moment for moment, _, _ in KILLS} == set(MOMENTS)


@pytest.mark.usefixtures("new_store")
@pytest.mark.parametrize(("moment", "count", "done"), KILLS)
def test_killed_job_resumes_to_the_same_results(
    expected: Expected,
    home: Path,
    open_service: Callable[[Settings], Service],
    moment: str,
    count: int,
    done: int,
):
    open_service(settings(home)).close()
    assert run_in_process(train_until_killed, home, moment, count) == -signal.SIGKILL
    service = open_service(settings(home))
    job = service.jobs()[0]
    assert job.status == "interrupted"
    statuses = [link.stage.status for link in service.experiment(job.experiment_id).stages]
    assert statuses[:done] == ["done"] * done
    assert not {"running", "done"} & set(statuses[done:])
    service.resume(job.id)
    experiment = trained(service, job)
    assert_same_weights(weights(home, experiment), expected.weights)
    assert figures(service, experiment) == expected.figures
    for link in experiment.stages:
        folder = home / "stages" / link.stage.hash
        assert {file.name for file in folder.iterdir()} == {checkpoints.WEIGHTS, ".lock"}


@pytest.mark.usefixtures("new_store")
def test_queued_job_survives_the_death_of_its_process(home: Path, open_service):
    """It is not interrupted, and trains when another process serves the queue."""
    service = open_service(settings(home))
    process = process_context().Process(
        target=train_endlessly, args=(home, spec(epochs=ENDLESS, teacher=STUDENT))
    )
    process.start()
    running = wait_until(lambda: next(iter(service.jobs(active_only=True)), None))
    wait_until(has_epochs(service, running.experiment_id, 1))
    queued = service.enqueue(spec("second", seeds=(1,)))
    process.kill()
    process.join()
    service.close()
    service = open_service(settings(home))
    assert service.store.job(running.id).status == "interrupted"
    assert service.store.job(queued.id).status == "queued"
    service.serve()
    trained(service, queued)
    assert service.store.job(running.id).status == "interrupted"
