"""The stages of an experiment, in an order in which they can be trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tsexplorer.specs import LABELS, ExperimentSpec, ObjectiveSpec, Role, StageSpec

GENERATION_SEED_STEP = 10_000
"""Difference between the seeds of successive generations.

It is larger than the usual seed offsets within an ensemble.
"""


@dataclass(frozen=True)
class PlannedStage:
    """A stage with the seed and the role that it has in an experiment."""

    seed: int
    role: Role
    spec: StageSpec


@dataclass(frozen=True)
class PretrainStage:
    """A stage whose weights the distilled stage starts from, as the hints of FitNets.

    Attributes:
        objective: objective of this stage.
        epochs: number of epochs; None: as many as in the distilled stage.
    """

    objective: ObjectiveSpec
    epochs: int | None = None


@dataclass(frozen=True)
class TrainingPlan:
    """The stages that an objective requires besides the baseline.

    Attributes:
        needs_teacher: whether the distilled stage depends on the teachers.
        pretrain_stage: a stage before the distilled one; None: no such stage.
        generations: number of successive students; each is the teacher of the next, and the last
            is the distilled stage.
        new_seeds: whether each generation has a different seed.
        labels_matter: whether the labels of the training images influence the distilled stage.
        planning_options: names of options that determine the stages but not the loss. They are
            removed from the objectives of stages, so that equal stages have equal hashes.
    """

    needs_teacher: bool = True
    pretrain_stage: PretrainStage | None = None
    generations: int = 1
    new_seeds: bool = False
    labels_matter: bool = True
    planning_options: tuple[str, ...] = ()


TEACHER_AND_STUDENT = TrainingPlan()
"""The training plan of most objectives: teachers, and one student that learns from them."""


def plan(
    experiment: ExperimentSpec, training_plan: TrainingPlan = TEACHER_AND_STUDENT
) -> tuple[PlannedStage, ...]:
    """The stages of an experiment; each follows the stages that it depends on.

    All stages of a seed precede those of the next seed, so that the results of the first seed are
    available early.

    Args:
        experiment: the experiment.
        training_plan: the stages that its objective requires.
    """
    return tuple(
        stage
        for seed in experiment.seeds
        for stage in _stages_of_seed(experiment, seed, training_plan)
    )


def stage_noun(roles: Iterable[Role]) -> str:
    """The plural noun for a number of stages: "trainings" if one net has two stages, else "nets".

    >>> stage_noun(["teacher", "baseline", "hint", "distilled"])
    'trainings'
    """
    return "trainings" if "hint" in roles else "nets"


def _stages_of_seed(
    experiment: ExperimentSpec, seed: int, training_plan: TrainingPlan
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
        label_share=experiment.label_share,
    )
    members = [
        teacher.model_copy(update={"model": member.model, "seed": seed + member.seed_offset})
        for member in (experiment.more_teachers if training_plan.needs_teacher else ())
    ]
    teacher_hashes = tuple(stage.hash for stage in (teacher, *members))
    distilled = StageSpec(
        data=experiment.data,
        model=experiment.student,
        objective=_without_options(experiment.objective, training_plan.planning_options),
        train=experiment.distilled_train,
        seed=seed,
        teachers=teacher_hashes if training_plan.needs_teacher else (),
        start_from=baseline.hash if experiment.warm_start else None,
        teacher_weights=_teacher_weights(experiment) if members else (),
        combine=experiment.combine if members else "logits",
        left_out=experiment.left_out,
        label_share=experiment.label_share if training_plan.labels_matter else 1.0,
    )
    yield PlannedStage(seed, "teacher", teacher)
    yield from (PlannedStage(seed, "member", member) for member in members)
    yield PlannedStage(seed, "baseline", baseline)
    if training_plan.pretrain_stage is not None:
        hint = _pretrain_spec(distilled, training_plan.pretrain_stage)
        yield PlannedStage(seed, "hint", hint)
        distilled = distilled.model_copy(update={"start_from": hint.hash})
    if training_plan.new_seeds:
        *earlier, distilled = _generations(distilled, training_plan.generations)
        yield from (PlannedStage(seed, "generation", generation) for generation in earlier)
    yield PlannedStage(seed, "distilled", distilled)


def _generations(distilled: StageSpec, count: int) -> Iterator[StageSpec]:
    """Successive students, the first with the teachers of ``distilled``.

    The generations of a smaller ``count`` are the first ones of a larger ``count``.
    """
    stage = distilled.model_copy(
        update={"seed": distilled.seed + GENERATION_SEED_STEP, "start_from": None}
    )
    yield stage
    for _ in range(1, count):
        stage = stage.model_copy(
            update={
                "teachers": (stage.hash,),
                "teacher_weights": (),
                "combine": "logits",
                "seed": stage.seed + GENERATION_SEED_STEP,
            }
        )
        yield stage


def _without_options(objective: ObjectiveSpec, names: tuple[str, ...]) -> ObjectiveSpec:
    """The objective without the named options."""
    options = {name: value for name, value in objective.options.items() if name not in names}
    if options == objective.options:
        return objective
    return objective.model_copy(update={"options": options})


def _teacher_weights(experiment: ExperimentSpec) -> tuple[float, ...]:
    """Weight of each teacher relative to the first; empty if all weights are equal."""
    weights = tuple(
        teacher.weight / experiment.teacher_weight for teacher in experiment.all_teachers
    )
    return weights if len(set(weights)) > 1 else ()


def _pretrain_spec(distilled: StageSpec, pretrain_stage: PretrainStage) -> StageSpec:
    """The spec of the stage before the distilled one; its only teacher is the first one.

    The logits of its net are not trained, so that validation must not influence it: all epochs are
    trained, and the weights of the last one are kept.
    """
    schedule = distilled.train.schedule
    epochs = pretrain_stage.epochs
    train = {
        "keep": "last",
        "early_stopping": None,
        "schedule": "constant" if schedule == "plateau" else schedule,
        "epochs": distilled.train.epochs if epochs is None else epochs,
    }
    return distilled.model_copy(
        update={
            "objective": pretrain_stage.objective,
            "train": distilled.train.model_copy(update=train),
            "teachers": distilled.teachers[:1],
            "teacher_weights": (),
            "combine": "logits",
        }
    )
