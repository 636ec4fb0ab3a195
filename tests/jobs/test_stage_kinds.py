"""Stages of each kind are killed or paused, and end as if they were never stopped.

``test_killed_jobs`` and ``test_job_control`` test what all stages have in common. This file tests
what a kind of stage adds: initial weights from another stage, teachers that were students, several
teachers, and nets of the objective that train with the student.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from torch import Tensor

from tests.jobs.experiment_examples import (
    PATIENCE,
    STUDENT,
    OptimiserSteps,
    assert_same_weights,
    figures,
    settings,
    spec,
    trained,
    wait_until,
    weights,
)
from tests.jobs.job_processes import run_in_process, train_until_killed
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.specs import (
    ExperimentSpec,
    FurtherTeacher,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    TrainSpec,
)
from tsexplorer.training import checkpoints
from tsexplorer.training.control import Control

EPOCHS = 2
BATCHES = 4
"""Batches in an epoch: 120 images, 30 in a batch."""
STOP_STEP = BATCHES + 2
"""Steps until the middle of a stage's second epoch, after its first checkpoint."""
WIDE = ModelSpec(name="custom", net=NetConfig(dense=(16, 10), dropout=0.2))


def experiment_spec(objective: str, teacher: ModelSpec = WIDE, **changes: Any) -> ExperimentSpec:
    """Return an experiment whose checkpoints also have averaged weights and the best epoch."""
    objective_spec = ObjectiveSpec(
        name=objective, temperature=3.0, lam=0.3, options=changes.pop("options", {})
    )
    training = {"epochs": EPOCHS, "jitter": 1, "averaging": 0.6, "keep": "best"}
    return spec(objective, objective=objective_spec, teacher=teacher, **(training | changes))


EXPERIMENTS = {
    "fitnets": experiment_spec("fitnets"),
    "meal-v2": experiment_spec(
        "meal-v2",
        warm_start=True,
        more_teachers=(FurtherTeacher(model=STUDENT, seed_offset=1000),),
        combine="probabilities",
    ),
    "mutual": experiment_spec("mutual", options={"peers": 2}),
    "born-again": experiment_spec(
        "born-again",
        teacher=STUDENT,
        options={"generations": 3},
        # Different from the baseline's training, because both are the same net.
        teacher_train=TrainSpec(epochs=EPOCHS, batch_size=30, learning_rate=0.02),
    ),
}


class Kind(NamedTuple):
    """A kind of stage: an experiment, the stage's part, and the number of stages before it."""

    experiment: str
    part: str
    before: int


KINDS = {
    "hint": Kind("fitnets", "hints", 2),
    "guided": Kind("fitnets", "distilled", 3),
    "member": Kind("meal-v2", "teacher 2", 1),
    "discriminator": Kind("meal-v2", "distilled", 3),
    "peers": Kind("mutual", "distilled", 2),
    "generation": Kind("born-again", "generation 2", 3),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


class Expected(NamedTuple):
    """Weights and figures of a job that was never stopped."""

    weights: dict[str, dict[str, Tensor]]
    figures: dict[str, Any]

    @property
    def steps(self) -> int:
        """Optimiser steps of the job."""
        return BATCHES * sum(len(stage["rows"]) for stage in self.figures.values())

    def statuses(self, kind: Kind, status: str) -> dict[str, str]:
        """Return the statuses of all parts while the stage of a kind has ``status``."""
        parts = list(self.figures)
        assert parts[kind.before] == f"0 {kind.part}"
        after = len(parts) - kind.before - 1
        statuses = ["done"] * kind.before + [status] + ["new"] * after
        return dict(zip(parts, statuses, strict=True))


@pytest.fixture(scope="module")
def train_uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Expected]:
    """Trains an experiment by its name, once."""
    results: dict[str, Expected] = {}

    def train(name: str) -> Expected:
        home = tmp_path_factory.mktemp(name)
        service = Service(settings(home))
        experiment = trained(service, service.start(EXPERIMENTS[name]))
        service.close()
        return Expected(weights(home, experiment), figures(service, experiment))

    def get(name: str) -> Expected:
        if name not in results:
            results[name] = train(name)
        return results[name]

    return get


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the run waits in a pause, which is later than its status in the store."""
    event = threading.Event()
    original = Control.check

    def check(self: Control) -> float:
        if self.paused:
            event.set()
        return original(self)

    monkeypatch.setattr(Control, "check", check)
    return event


def statuses(service: Service, experiment_id: str) -> dict[str, str]:
    experiment = service.experiment(experiment_id)
    return {f"{link.seed} {experiment.part(link)}": link.stage.status for link in experiment.stages}


@each_kind
def test_killed_stage_resumes_to_the_same_results(
    kind: Kind,
    train_uninterrupted: Callable[[str], Expected],
    home: Path,
    open_service: Callable[[Settings], Service],
    steps: OptimiserSteps,
):
    expected, study = train_uninterrupted(kind.experiment), EXPERIMENTS[kind.experiment]
    open_service(settings(home)).close()
    before = kind.before * EPOCHS * BATCHES
    code = run_in_process(train_until_killed, home, "optimiser step", before + STOP_STEP, study)
    assert code == -signal.SIGKILL
    steps.reset()
    service = open_service(settings(home))
    job = service.jobs()[0]
    assert job.status == "interrupted"
    assert statuses(service, job.experiment_id) == expected.statuses(kind, "interrupted")
    service.resume(job.id)
    experiment = trained(service, job)
    # Neither the stages before nor the first epoch of this stage are trained again.
    assert steps.count == expected.steps - before - BATCHES
    assert_same_weights(weights(home, experiment), expected.weights)
    assert figures(service, experiment) == expected.figures
    for link in experiment.stages:
        folder = home / "stages" / link.stage.hash
        assert {file.name for file in folder.iterdir()} == {checkpoints.WEIGHTS, ".lock"}


@each_kind
def test_paused_stage_continues_to_the_same_results(
    kind: Kind,
    train_uninterrupted: Callable[[str], Expected],
    home: Path,
    open_service: Callable[[Settings], Service],
    steps: OptimiserSteps,
    paused: threading.Event,
):
    expected = train_uninterrupted(kind.experiment)
    step = kind.before * EPOCHS * BATCHES + STOP_STEP
    steps.reset()
    service = open_service(settings(home))
    steps.actions[step] = lambda: service.pause(1)
    job = service.start(EXPERIMENTS[kind.experiment])
    assert paused.wait(PATIENCE)
    wait_until(lambda: service.store.job(job.id).status == "paused")
    assert steps.count == step
    assert statuses(service, job.experiment_id) == expected.statuses(kind, "running")
    service.resume(job.id)
    experiment = trained(service, job)
    assert steps.count == expected.steps
    assert_same_weights(weights(home, experiment), expected.weights)
    assert figures(service, experiment) == expected.figures
