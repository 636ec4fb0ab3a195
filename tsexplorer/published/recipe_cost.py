"""How long experiments will take, by what such nets took before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tsexplorer.data.registry import get_dataset
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, StageSpec
from tsexplorer.store import StageSnapshot


@dataclass(frozen=True)
class Cost:
    """What is left to train.

    Attributes:
        nets: how many.
        steps: optimiser steps of all of them, if no early stopping comes in.
        seconds: by what nets of these sizes took before; None where there was none for one.
        machine: that they took it on, in words.
    """

    nets: int
    steps: int
    seconds: float | None
    machine: str = ""


def cost(
    service: Service, specs: Iterable[ExperimentSpec], before: Sequence[StageSnapshot]
) -> Cost:
    """Add up what is not trained yet; measures nothing.

    Args:
        service: where it would be trained.
        specs: what; nets that several of them share count once.
        before: stages of its store, by which the time is judged.

    Raises:
        UserError: an experiment cannot be.
    """
    checks = [service.check(spec) for spec in specs]
    planned = {stage.spec.hash: stage.spec for check in checks for stage in check.stages}
    trained = {key for check in checks for key in check.trained}
    left = [stage for key, stage in planned.items() if key not in trained]
    steps = [steps_of(stage) for stage in left]
    if not left:
        return Cost(0, 0, 0.0)
    models = {key: stage.model.hash for key, stage in planned.items()}
    done = [stage for stage in before if _counts(stage)]
    models |= {stage.hash: stage.spec.model.hash for stage in done}
    paces = {_kind(one.spec, models): one for one in sorted(done, key=_age)}
    known = [paces.get(_kind(stage, models)) for stage in left]
    seconds = sum(
        many * _pace(one) for many, one in zip(steps, known, strict=True) if one is not None
    )
    return Cost(
        nets=len(left),
        steps=sum(steps),
        seconds=None if None in known else seconds,
        machine=_in_words(one.machine for one in known if one is not None),
    )


def steps_of(stage: StageSpec) -> int:
    """Optimiser steps of a stage; where classes are left out, as if all were as frequent."""
    info = get_dataset(stage.data.name).info
    images = info.train * (1 - len(stage.left_out) / len(info.classes))
    return stage.train.epochs * math.ceil(round(images, 6) / stage.train.batch_size)


def _counts(stage: StageSnapshot) -> bool:
    """Whether it was trained by whoever uses this store, alone, and was timed."""
    return (
        stage.status == "done"
        and bool(stage.train_seconds)
        and stage.epochs_done > 0
        and stage.hash not in demo.stages()
        and " together" not in (stage.machine or "")  # as a sweep's students are
    )


def _kind(stage: StageSpec, models: dict[str, str]) -> object:
    """The same for stages whose steps take as long."""
    taught = tuple(models.get(key, key) for key in stage.teachers)
    train = stage.train
    return (
        stage.model.hash,
        stage.objective.name,
        tuple(sorted(stage.objective.options.items())),
        taught,
        train.batch_size,
        bool(train.jitter),
        train.optimiser,
        train.precision,
    )


def _pace(stage: StageSnapshot) -> float:
    """Seconds a step, with what is paid once an epoch."""
    epochs = stage.spec.train.epochs
    return (stage.train_seconds or 0.0) / (steps_of(stage.spec) * stage.epochs_done / epochs)


def _age(stage: StageSnapshot) -> float:
    return stage.finished_at.timestamp() if stage.finished_at is not None else 0.0


def _in_words(machines: Iterable[str | None]) -> str:
    return " and ".join(dict.fromkeys(words for words in machines if words))
