"""From an experiment to the stages that must be trained, in an order that can be followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tsexplorer.specs import LABELS, ExperimentSpec, ObjectiveSpec, Role, StageSpec


@dataclass(frozen=True)
class PlannedStage:
    """One net of an experiment: whose turn it is, for which seed, and its spec."""

    seed: int
    role: Role
    spec: StageSpec


@dataclass(frozen=True)
class Course:
    """What an objective asks to be trained.

    Attributes:
        needs_teacher: whether it learns from the teacher; if not, the distilled stage does not
            depend on it.
        first: the objective of a stage before (FitNets' hints), from whose weights the distilled
            stage goes on; None: there is no such stage.
    """

    needs_teacher: bool = True
    first: ObjectiveSpec | None = None


TAUGHT = Course()
"""A teacher, and a student that learns from it."""


def plan(experiment: ExperimentSpec, course: Course = TAUGHT) -> tuple[PlannedStage, ...]:
    """The stages of an experiment, each after those that it learns from.

    A seed's teacher, baseline and distilled stage are planned together, so that the first seed
    has an answer before the second begins.

    Args:
        experiment: what is asked for.
        course: what its objective asks to be trained.
    """
    return tuple(
        stage for seed in experiment.seeds for stage in _for_seed(experiment, seed, course)
    )


def _for_seed(experiment: ExperimentSpec, seed: int, course: Course) -> Iterator[PlannedStage]:
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
    distilled = StageSpec(
        data=experiment.data,
        model=experiment.student,
        objective=experiment.objective,
        train=experiment.distilled_train,
        seed=seed,
        teachers=(teacher.hash,) if course.needs_teacher else (),
        start_from=baseline.hash if experiment.warm_start else None,
        left_out=experiment.left_out,
    )
    yield PlannedStage(seed, "teacher", teacher)
    yield PlannedStage(seed, "baseline", baseline)
    if course.first is not None:
        hint = distilled.model_copy(update={"objective": course.first})
        yield PlannedStage(seed, "hint", hint)
        distilled = distilled.model_copy(update={"start_from": hint.hash})
    yield PlannedStage(seed, "distilled", distilled)
