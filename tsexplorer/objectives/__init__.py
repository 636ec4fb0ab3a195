"""Objectives: one file each, found by looking into this folder.

A module here that defines ``OBJECTIVE`` is registered under its name; a name used twice is an
error at import.
"""

from __future__ import annotations

from functools import cache

from tsexplorer.data.class_subsets import describe_excluded_classes
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.objectives.base import LayerNames, Loss, Objective, Pair, Terms, validated
from tsexplorer.objectives.options import Option
from tsexplorer.planning import PlannedStage, plan
from tsexplorer.plugins import discover
from tsexplorer.specs import ExperimentSpec, FurtherTeacher

__all__ = [
    "LayerNames",
    "Loss",
    "Objective",
    "Option",
    "Pair",
    "Terms",
    "get_objective",
    "loss_in_words",
    "objective_names",
    "planned",
    "teachers_of",
    "validated",
]


@cache
def _registry() -> dict[str, Objective]:
    return discover(__name__, "OBJECTIVE", Objective)


def objective_names() -> tuple[str, ...]:
    """Names of all objectives that can be chosen, labels first."""
    whole = [name for name, objective in _registry().items() if not objective.parent_objective]
    return tuple(sorted(whole, key=lambda name: (name != "labels", name != "hinton", name)))


def get_objective(name: str) -> Objective:
    """The objective called ``name``.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return _registry()[name]
    except KeyError:
        known = ", ".join(objective_names())
        raise NotFoundError(
            f"There is no objective called {name!r}; choose one of {known}."
        ) from None


def teachers_of(experiment: ExperimentSpec) -> tuple[FurtherTeacher, ...]:
    """The teachers that are trained: further ones where the objective learns from them alone.

    Raises:
        NotFoundError: there is no such objective.
    """
    hears = get_objective(experiment.objective.name).needs_teacher
    return experiment.members if hears else experiment.members[:1]


def loss_in_words(experiment: ExperimentSpec) -> str:
    """The loss convention with its numbers, whom it hears, and what is left out, as one phrase.

    Raises:
        NotFoundError: there is no such objective.
    """
    words = [get_objective(experiment.objective.name).in_words(experiment.objective)]
    number = len(teachers_of(experiment))
    if number > 1:
        words.append(f"{number} teachers averaged by {experiment.combine}")
    return ", ".join(filter(None, [*words, describe_excluded_classes(experiment)]))


def planned(experiment: ExperimentSpec) -> tuple[PlannedStage, ...]:
    """The stages of an experiment, each after those that it learns from.

    Raises:
        NotFoundError: there is no such objective.
        UserError: it has no such option, or not of such a value, it is a part of another, or
            what is asked besides does not go with it.
    """
    objective = get_objective(experiment.objective.name)
    if objective.parent_objective:
        raise UserError(
            f"The objective {objective.name} is the first part of {objective.parent_objective}; "
            "choose that."
        )
    spec = objective.tidied(experiment.objective)
    if experiment.more_teachers and objective.combine not in (None, experiment.combine):
        raise UserError(
            f"{objective.title} learns from the mean of its teachers' {objective.combine}; have "
            f"them averaged by {objective.combine}, not by {experiment.combine}."
        )
    if experiment.more_teachers and not objective.supports_ensemble:
        raise UserError(
            f"{objective.title} looks inside one teacher and would not hear the others; take the "
            "further teachers away."
        )
    if experiment.warm_start and objective.generations is not None:
        raise UserError(
            f"Each generation of {objective.title} starts from weights of its own; have it not go "
            "on from the baseline's."
        )
    return plan(experiment.model_copy(update={"objective": spec}), objective.course(spec))
