"""From the arguments of ``tune`` to a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tsexplorer.cli.sweep_requests import asked_base, numbers
from tsexplorer.errors import UserError
from tsexplorer.specs import parse_spec
from tsexplorer.studies.tuning.spec import TuneSpec


def asked_tune(
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
    trials: int,
    rounds: int,
    options: Sequence[str] = (),
    **rest: int | bool,
) -> TuneSpec:
    """The search; what is not given is the recipe's, or the usual.

    Raises:
        UserError: a value is no number or not allowed, nothing is left to search, or there is no
            such recipe.
    """
    values: dict[str, Any] = {
        "base": asked_base(recipe, data, teacher, student, objective, epochs, options),
        "trials": trials,
        "per_round": -(-trials // rounds),
        **rest,
    }
    given = {
        "temperatures": temperatures,
        "lambdas": lambdas,
        "learning_rates": learning_rates,
    }
    values |= {name: ends(name, text) for name, text in given.items() if text is not None}
    return parse_spec(TuneSpec, values)


def ends(name: str, text: str) -> tuple[float, float]:
    """Both ends of a range; one number alone is fixed.

    Raises:
        UserError: there are more or none, or one is no number.

    >>> ends("lambdas", "0, 0.5"), ends("lambdas", "0.3")
    ((0.0, 0.5), (0.3, 0.3))
    """
    found = numbers(name, text)
    if len(found) not in (1, 2):
        raise UserError(
            f"{name.replace('_', '-')}: write the lower and the upper end, as in 1,8, or one "
            "number to keep it fixed."
        )
    return found[0], found[-1]


def usual_name(tune: TuneSpec) -> str:
    """What a tuning is called where nobody named it."""
    base = tune.base
    return f"tuning of {base.student.name} under {base.teacher.name}, {base.data.name}"[:80]
