"""From an experiment to the stages that must be trained, in an order that can be followed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tsexplorer.specs import LABELS, ExperimentSpec, ObjectiveSpec, Role, StageSpec

APART = 10_000
"""Between the seeds of generations: beyond those that members of an ensemble usually have."""


@dataclass(frozen=True)
class PlannedStage:
    """One net of an experiment: whose turn it is, for which seed, and its spec."""

    seed: int
    role: Role
    spec: StageSpec


@dataclass(frozen=True)
class PretrainStage:
    """A stage before the distilled one, which goes on from its weights (FitNets' hints).

    Attributes:
        objective: what it learns.
        epochs: for how long; None: as long as the distilled stage.
    """

    objective: ObjectiveSpec
    epochs: int | None = None


@dataclass(frozen=True)
class TrainingPlan:
    """What an objective asks to be trained.

    Attributes:
        needs_teacher: whether it learns from the teacher; if not, the distilled stage does not
            depend on it.
        first: the stage before the distilled one; None: there is none.
        generations: how many students follow each other, each taught by the one before; the last
            is the distilled stage.
        new_seeds: whether each generation has a seed of its own.
        counts: names of options that say how much is trained and are no part of a loss: no
            stage's objective has them, so that stages that are alike hash alike.
    """

    needs_teacher: bool = True
    first: PretrainStage | None = None
    generations: int = 1
    new_seeds: bool = False
    counts: tuple[str, ...] = ()


TAUGHT = TrainingPlan()
"""A teacher, and a student that learns from it."""


def plan(experiment: ExperimentSpec, course: TrainingPlan = TAUGHT) -> tuple[PlannedStage, ...]:
    """The stages of an experiment, each after those that it learns from.

    A seed's teachers, baseline and distilled stage are planned together, so that the first seed
    has an answer before the second begins.

    Args:
        experiment: what is asked for.
        course: what its objective asks to be trained.
    """
    return tuple(
        stage for seed in experiment.seeds for stage in _for_seed(experiment, seed, course)
    )


def counted_as(roles: Iterable[Role]) -> str:
    """What stages are counted as: nets, unless one net is trained in two parts.

    >>> counted_as(["teacher", "baseline", "hint", "distilled"])
    'trainings'
    """
    return "trainings" if "hint" in roles else "nets"


def _for_seed(
    experiment: ExperimentSpec, seed: int, course: TrainingPlan
) -> Iterator[PlannedStage]:
    teacher = StageSpec(
        data=experiment.data,
        model=experiment.teacher,
        objective=LABELS,
        train=experiment.teacher_train,
        seed=seed,
    )
    baseline = StageSpec(
        data=experiment.data,
        model=experiment.student,
        objective=LABELS,
        train=experiment.baseline_train,
        seed=seed,
    )
    members = [
        teacher.model_copy(update={"model": one.model, "seed": seed + one.seed_offset})
        for one in (experiment.more_teachers if course.needs_teacher else ())
    ]
    distilled = StageSpec(
        data=experiment.data,
        model=experiment.student,
        objective=_without(experiment.objective, course.counts),
        train=experiment.distilled_train,
        seed=seed,
        teachers=(teacher.hash, *(one.hash for one in members)) if course.needs_teacher else (),
        start_from=baseline.hash if experiment.warm_start else None,
        teacher_weights=_weights(experiment) if members else (),
        combine=experiment.combine if members else "logits",
        left_out=experiment.left_out,
    )
    yield PlannedStage(seed, "teacher", teacher)
    yield from (PlannedStage(seed, "member", one) for one in members)
    yield PlannedStage(seed, "baseline", baseline)
    if course.first is not None:
        hint = _first(distilled, course.first)
        yield PlannedStage(seed, "hint", hint)
        distilled = distilled.model_copy(update={"start_from": hint.hash})
    if course.new_seeds:
        *before, distilled = _generations(distilled, course.generations)
        yield from (PlannedStage(seed, "generation", one) for one in before)
    yield PlannedStage(seed, "distilled", distilled)


def _generations(first: StageSpec, count: int) -> Iterator[StageSpec]:
    """Students that follow each other; a shorter course is the beginning of a longer one."""
    stage = first.model_copy(update={"seed": first.seed + APART, "start_from": None})
    yield stage
    for _ in range(1, count):
        after = {"teacher_weights": (), "combine": "logits", "seed": stage.seed + APART}
        stage = stage.model_copy(update={"teachers": (stage.hash,), **after})
        yield stage


def _without(objective: ObjectiveSpec, names: tuple[str, ...]) -> ObjectiveSpec:
    """The objective without some of its options; itself where it has none of them."""
    kept = {name: value for name, value in objective.options.items() if name not in names}
    return (
        objective if kept == objective.options else objective.model_copy(update={"options": kept})
    )


def _weights(experiment: ExperimentSpec) -> tuple[float, ...]:
    """What each teacher counts beside the first; none where all count alike."""
    weights = tuple(one.weight / experiment.teacher_weight for one in experiment.members)
    return weights if len(set(weights)) > 1 else ()


def _first(distilled: StageSpec, before: PretrainStage) -> StageSpec:
    """The stage before the distilled one.

    Its net does not answer yet, so that validation must not decide anything: it runs to its last
    epoch and keeps that. What it looks at is the first teacher's.
    """
    schedule = distilled.train.schedule
    train = {
        "keep": "last",
        "early_stopping": None,
        "schedule": "constant" if schedule == "plateau" else schedule,
        "epochs": distilled.train.epochs if before.epochs is None else before.epochs,
    }
    return distilled.model_copy(
        update={
            "objective": before.objective,
            "train": distilled.train.model_copy(update=train),
            "teachers": distilled.teachers[:1],
            "teacher_weights": (),
            "combine": "logits",
        }
    )
