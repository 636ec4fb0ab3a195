"""A process is killed at the worst moments; the next start finds its job and can go on.

The weights, the curves and the figures must then be those of a job that was never stopped, bit
by bit.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.jobs.jobs_examples import (
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
from tests.jobs.jobs_processes import (
    MOMENTS,
    VARIED,
    context,
    run_elsewhere,
    train_endlessly,
    train_until_killed,
)
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.training import checkpoints


class Whole(NamedTuple):
    """What comes of a job that nobody stops."""

    weights: dict[str, Any]
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    home = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
        service = Service(settings(home))
        experiment = trained(service, service.start(VARIED))
        found = Whole(weights(home, experiment), figures(service, experiment))
        service.close()
    assert {role: len(stage["rows"]) for role, stage in found.figures.items()} == {
        "0 teacher": 3,
        "0 baseline": 4,
        "0 distilled": 5,
    }
    return found


# An epoch has 4 batches. Each is (moment, how often it comes first, stages then done).
WHEN = [
    ("step", 2, 0),
    ("step", 12 + 16 + 18, 2),
    ("validation", 2, 0),
    ("row", 1, 0),
    ("half a file", 1, 0),
    ("checkpoint", 2, 0),
    ("checkpoint", 3 + 4 + 5, 2),
    ("weights", 1, 0),
    ("weights", 3, 2),
    ("stage change", 1, 1),
    ("stage begun", 3, 2),
    ("teacher outputs", 1, 2),
]


def test_each_moment_is_tried():
    assert {moment for moment, _, _ in WHEN} == set(MOMENTS)


@pytest.mark.parametrize(("moment", "count", "done"), WHEN)
def test_killed_job_is_interrupted_and_goes_on_to_the_same_end(
    whole: Whole,
    home: Path,
    open_service: Callable[[Settings], Service],
    new_store: Path,
    moment: str,
    count: int,
    done: int,
):
    open_service(settings(home)).close()
    assert run_elsewhere(train_until_killed, home, moment, count) == -signal.SIGKILL
    service = open_service(settings(home))
    job = service.jobs()[0]
    assert job.status == "interrupted"
    statuses = [link.stage.status for link in service.experiment(job.experiment_id).stages]
    assert statuses[:done] == ["done"] * done
    assert not {"running", "done"} & set(statuses[done:])
    service.resume(job.id)
    experiment = trained(service, job)
    assert_same_weights(weights(home, experiment), whole.weights)
    assert figures(service, experiment) == whole.figures
    for link in experiment.stages:
        folder = home / "stages" / link.stage.hash
        assert {one.name for one in folder.iterdir()} == {checkpoints.WEIGHTS, ".lock"}


def test_killed_while_another_waits(home: Path, open_service, new_store: Path):
    """The queue outlives the process; what waited is not interrupted, and is taken in its turn."""
    service = open_service(settings(home))
    process = context().Process(
        target=train_endlessly, args=(home, spec(epochs=ENDLESS, teacher=STUDENT))
    )
    process.start()
    running = wait_until(lambda: next(iter(service.jobs(active_only=True)), None))
    wait_until(has_epochs(service, running.experiment_id, 1))
    waiting = service.enqueue(spec("second", seeds=(1,)))
    process.kill()
    process.join()
    service.close()
    service = open_service(settings(home))
    assert service.store.job(running.id).status == "interrupted"
    assert service.store.job(waiting.id).status == "queued"
    service.serve()
    trained(service, waiting)
    assert service.store.job(running.id).status == "interrupted"
