"""From the arguments of ``sweep`` to a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tsexplorer.cli.requests import asked_for, asked_objective
from tsexplorer.errors import UserError
from tsexplorer.published.maps import get_finding
from tsexplorer.specs import ExperimentSpec, ModelSpec, parse_spec, shorten
from tsexplorer.studies.sweep.spec import SweepSpec


def asked_sweep(
    *,
    recipe: str | None,
    data: str | None,
    teacher: str | None,
    student: str | None,
    objective: str | None,
    epochs: int | None,
    temperatures: str | None,
    lambdas: str | None,
    learning_rates: str | None,
    seeds: int | None,
    finding: str | None = None,
    options: Sequence[str] = (),
) -> SweepSpec:
    """The grid; what is not given is the finding's, or the recipe's and the usual grid's.

    Raises:
        UserError: a value is no number or not allowed, the grid is empty, there is no such
            recipe, finding, objective or option, or both recipe and finding are given.
    """
    start = _start(finding, recipe, data)
    grid = {
        "temperatures": temperatures,
        "lambdas": lambdas,
        "learning_rates": learning_rates,
    }
    values = {name: numbers(name, text) for name, text in grid.items() if text is not None}
    if seeds is not None:
        values["seeds"] = tuple(range(seeds))
    base = _changed(start.base, teacher, student, objective, options, epochs)
    return parse_spec(SweepSpec, dict(start) | {"base": base} | values)


def asked_base(
    recipe: str | None,
    data: str | None,
    teacher: str | None,
    student: str | None,
    objective: str | None,
    epochs: int | None,
    options: Sequence[str] = (),
) -> ExperimentSpec:
    """What all students have in common; what is not given is the recipe's.

    Raises:
        UserError: a value is not allowed, or there is no such recipe.
    """
    base = asked_for(recipe, None, data=data)
    return _changed(base, teacher, student, objective, options, epochs)


def _changed(
    base: ExperimentSpec,
    teacher: str | None,
    student: str | None,
    objective: str | None,
    options: Sequence[str],
    epochs: int | None,
) -> ExperimentSpec:
    """An experiment with what was given in place of its own."""
    changes: dict[str, Any] = {}
    if teacher is not None:
        changes["teacher"] = ModelSpec(name=teacher)
    if student is not None:
        changes["student"] = ModelSpec(name=student)
    changes["objective"] = asked_objective(base.objective, objective, options)
    if epochs is not None:
        changes["distilled_train"] = dict(base.distilled_train) | {"epochs": epochs}
    return parse_spec(ExperimentSpec, dict(base) | changes)


def _start(finding: str | None, recipe: str | None, data: str | None) -> SweepSpec:
    """The grid before anything is changed but the data."""
    if finding is None:
        return SweepSpec(base=asked_for(recipe, None, data=data))
    if recipe is not None:
        raise UserError("Give the name of a recipe or of a finding, not both.")
    spec = get_finding(finding).spec
    if data is None:
        return spec
    there = spec.base.data.model_copy(update={"name": data})
    return spec.model_copy(update={"base": spec.base.model_copy(update={"data": there})})


def usual_name(sweep: SweepSpec, finding: str | None = None) -> str:
    """What a sweep is called where nobody named it."""
    base = sweep.base
    if finding is not None:
        return base.name
    return f"sweep of {base.student.name} under {base.teacher.name}, {base.data.name}"[:80]


def numbers(name: str, text: str) -> tuple[float, ...]:
    """Numbers with commas or blanks between.

    Raises:
        UserError: one of them is none.

    >>> numbers("lambdas", "0, 0.5,1")
    (0.0, 0.5, 1.0)
    """
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(float(word))
        except ValueError:
            raise UserError(
                f"{name.replace('_', '-')}: {shorten(word)} is not a number; write numbers with "
                "commas between, as in 1,2,4."
            ) from None
    return tuple(found)
