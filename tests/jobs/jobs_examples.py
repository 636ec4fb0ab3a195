"""Experiments of toy nets, and how tests wait for what other threads and processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from tsexplorer.data.base import Split, Splits
from tsexplorer.data.registry import load_splits
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.settings import Settings
from tsexplorer.specs import ExperimentSpec, ModelSpec, NetConfig, ObjectiveSpec, TrainSpec
from tsexplorer.store import ExperimentSnapshot, JobSnapshot
from tsexplorer.training import checkpoints

PATIENCE = 120.0
"""Seconds after which a test gives up; none waits so long unless something is broken."""
POLL = 0.005

TEACHER = ModelSpec(name="custom", net=NetConfig(conv=(4, 6), dropout=0.2))
STUDENT = ModelSpec(name="custom", net=NetConfig(dense=(12, 8), dropout=0.2))
ENDLESS = 10_000
"""Epochs that no test sees the end of."""

Answer = TypeVar("Answer")


@cache
def few_images() -> Splits:
    whole = load_splits("mnist-5k", Path("unused"))
    parts = {
        name: Split(split.images[:count], split.labels[:count])
        for name, split, count in (
            ("train", whole.train, 120),
            ("validation", whole.validation, 40),
            ("test", whole.test, 40),
        )
    }
    return replace(whole, **parts)


def load_few(_name: str, _folder: Path) -> Splits:
    """Stands in for ``load_splits``."""
    return few_images()


def settings(home: Path, **changes: Any) -> Settings:
    return Settings(**({"home": home, "threads": 1, "heartbeat_seconds": 0.25} | changes))


def spec(name: str = "toy", *, lam: float = 0.3, **changes: Any) -> ExperimentSpec:
    """Three stages of 2 epochs in fp32 and batches of 30; other changes are of all trainings."""
    own = {one: changes.pop(one) for one in ExperimentSpec.model_fields if one in changes}
    usual = {"epochs": 2, "batch_size": 30, "learning_rate": 0.01, "precision": "fp32"}
    train = TrainSpec(**(usual | changes))
    defaults = {
        "name": name,
        "teacher": TEACHER,
        "student": STUDENT,
        "objective": ObjectiveSpec(name="hinton", temperature=3.0, lam=lam),
        "teacher_train": train,
        "baseline_train": train,
        "distilled_train": train,
    }
    return ExperimentSpec(**(defaults | own))


def wait_until(condition: Callable[[], Answer], patience: float = PATIENCE) -> Answer:
    """The condition's first answer that is true."""
    deadline = time.monotonic() + patience
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(POLL)
    return answer


def ended(service: Service, job: JobSnapshot) -> JobSnapshot:
    """The job once it has left the queue."""
    wait_until(lambda: service.store.job(job.id).status not in ACTIVE)
    return service.store.job(job.id)


def has_epochs(service: Service, experiment_id: str, count: int = 1) -> Callable[[], bool]:
    """Whether an experiment's stages have so many epochs between them."""

    def look() -> bool:
        return sum(map(len, service.watch(experiment_id).epochs.values())) >= count

    return look


def trained(service: Service, job: JobSnapshot) -> ExperimentSnapshot:
    """The experiment of a job that must end well."""
    found = ended(service, job)
    assert (found.status, found.error) == ("done", None)
    return service.experiment(job.experiment_id)


def weights(home: Path, experiment: ExperimentSnapshot) -> dict[str, dict[str, Tensor]]:
    """Weights of all stages by seed and part."""
    stages = home / "stages"
    return {
        f"{link.seed} {experiment.part(link)}": checkpoints.read(
            stages / link.stage.hash / checkpoints.WEIGHTS
        )[0]
        for link in experiment.stages
    }


def figures(service: Service, experiment: ExperimentSnapshot) -> dict[str, Any]:
    """All that the store knows of the stages, but for times."""
    found = {}
    for link in experiment.stages:
        rows = [{**vars(row), "seconds": None} for row in service.store.epochs(link.stage.hash)]
        shown = {
            name: value
            for name, value in vars(link.stage).items()
            if name not in ("created_at", "finished_at", "train_seconds")
        }
        found[f"{link.seed} {experiment.part(link)}"] = {**shown, "rows": rows}
    return found


def assert_same_weights(
    one: dict[str, dict[str, Tensor]], other: dict[str, dict[str, Tensor]]
) -> None:
    assert one.keys() == other.keys()
    for part, tensors in one.items():
        assert tensors.keys() == other[part].keys()
        for name, tensor in tensors.items():
            assert torch.equal(tensor, other[part][name]), f"{name} of {part} differs"
