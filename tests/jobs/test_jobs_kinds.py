"""Each kind of stage is killed, and held, in its middle; its job ends as one never stopped.

What all stages have in common is tried in ``test_jobs_kill`` and ``test_jobs_control``. Here it is
what a kind adds: weights that another stage left, teachers that were students or are several, a
net of the objective's own that learns along.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from torch import Tensor

from tests.jobs.jobs_examples import (
    PATIENCE,
    STUDENT,
    assert_same_weights,
    figures,
    settings,
    spec,
    trained,
    wait_until,
    weights,
)
from tests.jobs.jobs_processes import run_elsewhere, train_until_killed
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
from tsexplorer.training.learner import Learner

EPOCHS = 2
BATCHES = 4
"""An epoch's: 120 images by 30."""
MIDDLE = BATCHES + 2
"""Steps of a stage until its second epoch is half over: a checkpoint is there, and is old."""
WIDE = ModelSpec(name="custom", net=NetConfig(dense=(16, 10), dropout=0.2))


def course(objective: str, teacher: ModelSpec = WIDE, **changes: Any) -> ExperimentSpec:
    """Stages whose checkpoints hold all that one can: an average and the best epoch, too."""
    asked = ObjectiveSpec(
        name=objective, temperature=3.0, lam=0.3, options=changes.pop("options", {})
    )
    training = {"epochs": EPOCHS, "jitter": 1, "averaging": 0.6, "keep": "best"}
    return spec(objective, objective=asked, teacher=teacher, **(training | changes))


COURSES = {
    "fitnets": course("fitnets"),
    "meal-v2": course(
        "meal-v2",
        warm_start=True,
        more_teachers=(FurtherTeacher(model=STUDENT, seed_offset=1000),),
        combine="probabilities",
    ),
    "mutual": course("mutual", options={"peers": 2}),
    "born-again": course(
        "born-again",
        teacher=STUDENT,
        options={"generations": 3},
        # Of its own, or the teacher would be the baseline, too.
        teacher_train=TrainSpec(epochs=EPOCHS, batch_size=30, learning_rate=0.02),
    ),
}


class Kind(NamedTuple):
    """A stage of one of the courses: its part there, and how many stages come before it."""

    course: str
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


class Whole(NamedTuple):
    """What comes of a job that nobody stops."""

    weights: dict[str, dict[str, Tensor]]
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Whole]:
    """What comes of a course; each is trained once."""
    known: dict[str, Whole] = {}

    def train(name: str) -> Whole:
        home = tmp_path_factory.mktemp(name)
        service = Service(settings(home))
        experiment = trained(service, service.start(COURSES[name]))
        service.close()
        return Whole(weights(home, experiment), figures(service, experiment))

    def get(name: str) -> Whole:
        if name not in known:
            known[name] = train(name)
        return known[name]

    return get


class Steps:
    """Counts optimiser steps, and acts once one is taken."""

    def __init__(self) -> None:
        self.count = 0
        self.acts: dict[int, Callable[[], object]] = {}

    def note(self) -> None:
        self.count += 1
        self.acts.get(self.count, lambda: None)()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    taken = Steps()
    real = Learner.step

    def step(self: Learner, loss: Tensor) -> None:
        real(self, loss)
        taken.note()

    monkeypatch.setattr(Learner, "step", step)
    return taken


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once the run has come to where a pause holds it; the store says so sooner."""
    come = threading.Event()
    real = Control.check

    def check(self: Control) -> float:
        if self.paused:
            come.set()
        return real(self)

    monkeypatch.setattr(Control, "check", check)
    return come


def statuses(service: Service, experiment_id: str) -> dict[str, str]:
    experiment = service.experiment(experiment_id)
    return {f"{link.seed} {experiment.part(link)}": link.stage.status for link in experiment.stages}


def expected(whole: Whole, kind: Kind, own: str) -> dict[str, str]:
    """Done before it, new after it."""
    parts = list(whole.figures)
    assert parts[kind.before] == f"0 {kind.part}"
    after = len(parts) - kind.before - 1
    known = ["done"] * kind.before + [own] + ["new"] * after
    return dict(zip(parts, known, strict=True))


def of_all(whole: Whole) -> int:
    """Steps of a job that nobody stops."""
    return BATCHES * sum(len(stage["rows"]) for stage in whole.figures.values())


@each_kind
def test_killed_in_its_middle(
    kind: Kind,
    wholes: Callable[[str], Whole],
    home: Path,
    open_service: Callable[[Settings], Service],
    steps: Steps,
):
    whole, wanted = wholes(kind.course), COURSES[kind.course]
    open_service(settings(home)).close()
    before = kind.before * EPOCHS * BATCHES
    code = run_elsewhere(train_until_killed, home, "step", before + MIDDLE, wanted)
    assert code == -signal.SIGKILL
    steps.count = 0
    service = open_service(settings(home))
    job = service.jobs()[0]
    assert job.status == "interrupted"
    assert statuses(service, job.experiment_id) == expected(whole, kind, "interrupted")
    service.resume(job.id)
    experiment = trained(service, job)
    # From the checkpoint on: no stage that was done is trained again, nor is the first epoch.
    assert steps.count == of_all(whole) - before - BATCHES
    assert_same_weights(weights(home, experiment), whole.weights)
    assert figures(service, experiment) == whole.figures
    for link in experiment.stages:
        folder = home / "stages" / link.stage.hash
        assert {one.name for one in folder.iterdir()} == {checkpoints.WEIGHTS, ".lock"}


@each_kind
def test_held_in_its_middle(
    kind: Kind,
    wholes: Callable[[str], Whole],
    home: Path,
    open_service: Callable[[Settings], Service],
    steps: Steps,
    held: threading.Event,
):
    whole = wholes(kind.course)
    middle = kind.before * EPOCHS * BATCHES + MIDDLE
    steps.count = 0
    service = open_service(settings(home))
    steps.acts[middle] = lambda: service.pause(1)
    job = service.start(COURSES[kind.course])
    assert held.wait(PATIENCE)
    wait_until(lambda: service.store.job(job.id).status == "paused")
    assert steps.count == middle
    assert statuses(service, job.experiment_id) == expected(whole, kind, "running")
    service.resume(job.id)
    experiment = trained(service, job)
    assert steps.count == of_all(whole)
    assert_same_weights(weights(home, experiment), whole.weights)
    assert figures(service, experiment) == whole.figures
