"""Experiments of toy nets, and helpers that wait for other threads and processes."""

from __future__ import annotations

import threading
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
"""Seconds after which a test fails; a test waits that long only if something is broken."""
POLL = 0.005
QUIET = 0.3
"""Seconds without an optimiser step after which a run is certainly paused."""

TEACHER = ModelSpec(name="custom", net=NetConfig(conv=(4, 6), dropout=0.2))
STUDENT = ModelSpec(name="custom", net=NetConfig(dense=(12, 8), dropout=0.2))
ENDLESS = 10_000
"""More epochs than any test trains."""

Answer = TypeVar("Answer")


@cache
def few_images() -> Splits:
    """Return the first images of the bundled MNIST subset: 120, 40 and 40."""
    splits = load_splits("mnist-5k", Path("unused"))
    parts = {
        name: Split(split.images[:count], split.labels[:count])
        for name, split, count in (
            ("train", splits.train, 120),
            ("validation", splits.validation, 40),
            ("test", splits.test, 40),
        )
    }
    return replace(splits, **parts)


def load_few(_name: str, _folder: Path) -> Splits:
    """Replacement for ``load_splits``."""
    return few_images()


def settings(home: Path, **changes: Any) -> Settings:
    """Return settings of one thread and frequent heartbeats, with changes."""
    return Settings(**({"home": home, "threads": 1, "heartbeat_seconds": 0.25} | changes))


def spec(name: str = "toy", *, lam: float = 0.3, **changes: Any) -> ExperimentSpec:
    """Return an experiment of three stages of 2 epochs in fp32 with batches of 30.

    Args:
        name: of the experiment.
        lam: λ of the objective.
        changes: fields of the experiment; other fields are those of each stage's training.
    """
    fields = {
        field: changes.pop(field) for field in ExperimentSpec.model_fields if field in changes
    }
    defaults = {"epochs": 2, "batch_size": 30, "learning_rate": 0.01, "precision": "fp32"}
    train = TrainSpec(**(defaults | changes))
    experiment = {
        "name": name,
        "teacher": TEACHER,
        "student": STUDENT,
        "objective": ObjectiveSpec(name="hinton", temperature=3.0, lam=lam),
        "teacher_train": train,
        "baseline_train": train,
        "distilled_train": train,
    }
    return ExperimentSpec(**(experiment | fields))


def wait_until(condition: Callable[[], Answer], patience: float = PATIENCE) -> Answer:
    """Return the condition's first true answer."""
    deadline = time.monotonic() + patience
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"the condition did not become true in {patience} s")
        time.sleep(POLL)
    return answer


def ended(service: Service, job: JobSnapshot) -> JobSnapshot:
    """Wait until a job has ended, and return it."""
    wait_until(lambda: service.store.job(job.id).status not in ACTIVE)
    return service.store.job(job.id)


def has_epochs(service: Service, experiment_id: str, count: int = 1) -> Callable[[], bool]:
    """Return a condition: the stages of an experiment have ``count`` epochs in total."""
    return lambda: sum(map(len, service.watch(experiment_id).epochs.values())) >= count


def trained(service: Service, job: JobSnapshot) -> ExperimentSnapshot:
    """Wait until a job is done, and return its experiment; fail if the job fails."""
    end = ended(service, job)
    assert (end.status, end.error) == ("done", None)
    return service.experiment(job.experiment_id)


def weights(home: Path, experiment: ExperimentSnapshot) -> dict[str, dict[str, Tensor]]:
    """Return the weights of all stages by seed and part."""
    stages = home / "stages"
    return {
        f"{link.seed} {experiment.part(link)}": checkpoints.read(
            stages / link.stage.hash / checkpoints.WEIGHTS
        )[0]
        for link in experiment.stages
    }


def figures(service: Service, experiment: ExperimentSnapshot) -> dict[str, Any]:
    """Return all that the store has of the stages, except times, by seed and part."""
    stages = {}
    for link in experiment.stages:
        rows = [{**vars(row), "seconds": None} for row in service.store.epochs(link.stage.hash)]
        values = {
            name: value
            for name, value in vars(link.stage).items()
            if name not in ("created_at", "finished_at", "train_seconds")
        }
        stages[f"{link.seed} {experiment.part(link)}"] = {**values, "rows": rows}
    return stages


def assert_same_weights(
    actual: dict[str, dict[str, Tensor]], expected: dict[str, dict[str, Tensor]]
) -> None:
    assert actual.keys() == expected.keys()
    for part, tensors in actual.items():
        assert tensors.keys() == expected[part].keys()
        for name, tensor in tensors.items():
            assert torch.equal(tensor, expected[part][name]), f"{name} of {part} differs"


class OptimiserSteps:
    """When optimiser steps were taken, by any training of this process.

    Attributes:
        times: of the steps, on the monotonic clock.
        actions: called after the step with the given number, counted from 1.
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.actions: dict[int, Callable[[], object]] = {}
        self._changed = threading.Condition()

    @property
    def count(self) -> int:
        return len(self.times)

    def record(self) -> None:
        with self._changed:
            self.times.append(time.monotonic())
            self._changed.notify_all()
            action = self.actions.get(len(self.times))
        if action is not None:
            action()

    def reset(self) -> None:
        with self._changed:
            self.times.clear()

    def next_after(self, moment: float) -> float:
        """Wait for the first step after a moment, and return its time."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.times and self.times[-1] > moment, 60)
            return next(step for step in self.times if step > moment)

    def last(self) -> float:
        """Wait until there are no more steps, and return the time of the last."""
        with self._changed:
            while self._changed.wait_for(self._has_more(), QUIET):
                pass
            return self.times[-1]

    def _has_more(self) -> Callable[[], bool]:
        count = len(self.times)
        return lambda: len(self.times) > count
