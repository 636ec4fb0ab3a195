"""Objectives: one module each.

A module of this package that defines ``OBJECTIVE`` (an objective, or a tuple of objectives) is
registered under its name. Two objectives with the same name are an error.
"""

from __future__ import annotations

from functools import cache

from tsexplorer.data.subsets import describe_excluded_classes, describe_label_share
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.objectives.base import (
    LayerNames,
    LossInputs,
    LossTerms,
    ModelPair,
    Objective,
    validation_term,
)
from tsexplorer.objectives.options import Option
from tsexplorer.planning import PlannedStage, plan
from tsexplorer.plugins import discover
from tsexplorer.specs import ExperimentSpec, FurtherTeacher

__all__ = [
    "LayerNames",
    "LossInputs",
    "LossTerms",
    "ModelPair",
    "Objective",
    "Option",
    "format_loss",
    "get_objective",
    "load_objectives",
    "objective_names",
    "plan_experiment",
    "trained_teachers",
    "validation_term",
]


@cache
def load_objectives() -> dict[str, Objective]:
    """All objectives by name, including those that are the first stage of another one."""
    return discover(__name__, "OBJECTIVE", Objective)


def objective_names() -> tuple[str, ...]:
    """Names of the objectives that can be selected: labels, hinton, then in alphabetical order."""
    names = [
        name for name, objective in load_objectives().items() if not objective.parent_objective
    ]
    return tuple(sorted(names, key=lambda name: (name != "labels", name != "hinton", name)))


def get_objective(name: str) -> Objective:
    """The objective with this name.

    Raises:
        NotFoundError: it does not exist.
    """
    try:
        return load_objectives()[name]
    except KeyError:
        names = ", ".join(objective_names())
        raise NotFoundError(
            f"There is no objective called {name!r}; choose one of {names}."
        ) from None


def trained_teachers(experiment: ExperimentSpec) -> tuple[FurtherTeacher, ...]:
    """The teachers that are trained: only the first if the objective does not use a teacher.

    Raises:
        NotFoundError: the objective does not exist.
    """
    needs_teacher = get_objective(experiment.objective.name).needs_teacher
    return experiment.all_teachers if needs_teacher else experiment.all_teachers[:1]


def format_loss(experiment: ExperimentSpec) -> str:
    """The loss with its parameters, the number of teachers and the excluded classes, as one phrase.

    Raises:
        NotFoundError: the objective does not exist.
    """
    parts = [get_objective(experiment.objective.name).format_convention(experiment.objective)]
    count = len(trained_teachers(experiment))
    if count > 1:
        parts.append(f"{count} teachers averaged by {experiment.combine}")
    parts += [describe_excluded_classes(experiment), describe_label_share(experiment)]
    return ", ".join(filter(None, parts))


def plan_experiment(experiment: ExperimentSpec) -> tuple[PlannedStage, ...]:
    """The stages of an experiment; each follows the stages that it depends on.

    Raises:
        NotFoundError: the objective does not exist.
        UserError: an option is unknown or has an invalid value, the objective cannot be selected,
            or the experiment has settings that the objective does not support.
    """
    objective = get_objective(experiment.objective.name)
    if objective.parent_objective:
        raise UserError(
            f"The objective {objective.name} is the first stage of {objective.parent_objective}; "
            f"choose {objective.parent_objective}."
        )
    spec = objective.without_defaults(experiment.objective)
    required = objective.required_combine
    if experiment.more_teachers and required not in (None, experiment.combine):
        raise UserError(
            f"{objective.title} uses the mean of the teachers' {required}; average the teachers by "
            f"{required}, not by {experiment.combine}."
        )
    if experiment.more_teachers and not objective.supports_ensemble:
        raise UserError(
            f"{objective.title} uses hidden layers of one teacher; remove the further teachers."
        )
    if experiment.warm_start and objective.count_generations is not None:
        raise UserError(
            f"Each generation of {objective.title} starts from new random weights; do not start "
            "from the baseline's weights."
        )
    return plan(experiment.model_copy(update={"objective": spec}), objective.training_plan(spec))
