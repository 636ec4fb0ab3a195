"""How long the training of experiments will take, estimated from nets that were trained before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tsexplorer.data.registry import get_dataset
from tsexplorer.published.recipe_results import join_machines
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, StageSpec
from tsexplorer.store import StageSnapshot


@dataclass(frozen=True)
class RecipeCost:
    """The training that is left to do.

    Attributes:
        nets: number of nets.
        steps: optimiser steps of all nets, without early stopping.
        seconds: estimated time; None if no net like one of them was trained before.
        machine: the machine on which such nets were trained.
    """

    nets: int
    steps: int
    seconds: float | None
    machine: str = ""


def estimate_cost(
    service: Service, specs: Iterable[ExperimentSpec], trained: Sequence[StageSnapshot]
) -> RecipeCost:
    """Add up the training that is left to do; measures nothing.

    Args:
        service: the service that would train the experiments.
        specs: the experiments; a net that several of them use counts once.
        trained: stages of the store, for the estimate of the time.

    Raises:
        UserError: an experiment is not valid.
    """
    checks = [service.check(spec) for spec in specs]
    planned = {stage.spec.hash: stage.spec for check in checks for stage in check.stages}
    done = {key for check in checks for key in check.trained}
    missing = [stage for key, stage in planned.items() if key not in done]
    if not missing:
        return RecipeCost(0, 0, 0.0)
    steps = [count_steps(stage) for stage in missing]
    timed = sorted(filter(_is_timed, trained), key=_finished_at)
    models = {key: stage.model.hash for key, stage in planned.items()}
    models |= {stage.hash: stage.spec.model.hash for stage in timed}
    latest = {_speed_key(stage.spec, models): stage for stage in timed}
    similar = [latest.get(_speed_key(stage, models)) for stage in missing]
    seconds = sum(
        count * _seconds_per_step(stage)
        for count, stage in zip(steps, similar, strict=True)
        if stage is not None
    )
    return RecipeCost(
        nets=len(missing),
        steps=sum(steps),
        seconds=None if None in similar else seconds,
        machine=join_machines(stage.machine for stage in similar if stage is not None),
    )


def count_steps(stage: StageSpec) -> int:
    """Optimiser steps of a stage; images of excluded classes are estimated as equal shares."""
    info = get_dataset(stage.data.name).info
    images = info.train * (1 - len(stage.left_out) / len(info.classes))
    return stage.train.epochs * math.ceil(round(images, 6) / stage.train.batch_size)


def _is_timed(stage: StageSnapshot) -> bool:
    """Whether the training time of a stage holds for another net: trained here, and alone."""
    return (
        stage.status == "done"
        and bool(stage.train_seconds)
        and stage.epochs_done > 0
        and stage.hash not in demo.stages()
        and " together" not in (stage.machine or "")  # a stacked student of a sweep
    )


def _speed_key(stage: StageSpec, models: Mapping[str, str]) -> object:
    """The settings that decide the time of a step.

    Args:
        stage: the stage.
        models: hash of the model, by hash of the stage.
    """
    train = stage.train
    return (
        stage.model.hash,
        stage.objective.name,
        tuple(sorted(stage.objective.options.items())),
        tuple(models.get(key, key) for key in stage.teachers),
        train.batch_size,
        bool(train.jitter),
        train.optimiser,
        train.precision,
    )


def _seconds_per_step(stage: StageSnapshot) -> float:
    """Training time by step, work at the end of epochs included."""
    epochs = stage.spec.train.epochs
    return (stage.train_seconds or 0.0) / (count_steps(stage.spec) * stage.epochs_done / epochs)


def _finished_at(stage: StageSnapshot) -> float:
    return stage.finished_at.timestamp() if stage.finished_at is not None else 0.0
