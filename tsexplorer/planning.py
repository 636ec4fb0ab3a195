"""From an experiment to the stages that must be trained, in an order that can be followed."""

from __future__ import annotations

from dataclasses import dataclass

from tsexplorer.specs import LABELS, ExperimentSpec, Role, StageSpec


@dataclass(frozen=True)
class PlannedStage:
    """One net of an experiment: whose turn it is, for which seed, and its spec."""

    seed: int
    role: Role
    spec: StageSpec


def plan(experiment: ExperimentSpec, *, needs_teacher: bool = True) -> tuple[PlannedStage, ...]:
    """The stages of an experiment, each after those that it learns from.

    A seed's teacher, baseline and distilled stage are planned together, so that the first seed
    has an answer before the second begins.

    Args:
        experiment: what is asked for.
        needs_teacher: whether the objective learns from the teacher; if not, the distilled
            stage does not depend on it.
    """
    return tuple(
        stage for seed in experiment.seeds for stage in _for_seed(experiment, seed, needs_teacher)
    )


def _for_seed(
    experiment: ExperimentSpec, seed: int, needs_teacher: bool
) -> tuple[PlannedStage, ...]:
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
        teachers=(teacher.hash,) if needs_teacher else (),
        start_from=baseline.hash if experiment.warm_start else None,
    )
    return (
        PlannedStage(seed, "teacher", teacher),
        PlannedStage(seed, "baseline", baseline),
        PlannedStage(seed, "distilled", distilled),
    )
