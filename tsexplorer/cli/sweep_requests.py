"""From the arguments of ``sweep`` to a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tsexplorer.cli.requests import asked_for, asked_objective
from tsexplorer.errors import UserError
from tsexplorer.specs import ExperimentSpec, ModelSpec, parse_spec, shorten
from tsexplorer.sweeps.spec import SweepSpec


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
    seeds: int,
    options: Sequence[str] = (),
) -> SweepSpec:
    """The grid; what is not given is the recipe's, or the usual grid's.

    Raises:
        UserError: a value is no number or not allowed, the grid is empty, or there is no such
            recipe, objective or option.
    """
    base = asked_for(recipe, None, data=data)
    changes: dict[str, Any] = {}
    if teacher is not None:
        changes["teacher"] = ModelSpec(name=teacher)
    if student is not None:
        changes["student"] = ModelSpec(name=student)
    changes["objective"] = asked_objective(base.objective, objective, options)
    if epochs is not None:
        changes["distilled_train"] = dict(base.distilled_train) | {"epochs": epochs}
    grid = {
        "temperatures": temperatures,
        "lambdas": lambdas,
        "learning_rates": learning_rates,
    }
    values = {name: numbers(name, text) for name, text in grid.items() if text is not None}
    base = parse_spec(ExperimentSpec, dict(base) | changes)
    return parse_spec(SweepSpec, {"base": base, "seeds": tuple(range(seeds)), **values})


def usual_name(sweep: SweepSpec) -> str:
    """What a sweep is called where nobody named it."""
    base = sweep.base
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
