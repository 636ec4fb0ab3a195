"""Train a map of T and λ in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsexplorer.cli.output import Json
from tsexplorer.cli.requests import (
    BaseOptions,
    Name,
    parse_numbers,
    requested_dataset,
    with_base_options,
)
from tsexplorer.cli.shell import TRAIN, app
from tsexplorer.errors import UserError
from tsexplorer.specs import parse_spec

if TYPE_CHECKING:
    from tsexplorer.studies.sweep.spec import SweepSpec


@app.command(rich_help_panel=TRAIN)
@with_base_options
def sweep(
    *,
    temperatures: Annotated[
        str | None,
        typer.Option(metavar="T,T,…", help="Temperatures; default: 1,2,4,8,16."),
    ] = None,
    lambdas: Annotated[
        str | None,
        typer.Option(metavar="λ,λ,…", help="Weights of the labels; default: 0,0.25,0.5,0.75,1."),
    ] = None,
    learning_rates: Annotated[
        str | None,
        typer.Option(metavar="R,R,…", help="Students' learning rates; default: the recipe's."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=100, help="Train seeds 0 to N - 1; default: 3."),
    ] = None,
    base: BaseOptions,
    finding: Annotated[
        str | None,
        typer.Option(metavar="F", help="Everything not given is taken from this ready-made map."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Train the students on the workers of the Dask scheduler at tcp://HOST:PORT; "
            "default: TSEXPLORER_CLUSTER.",
            show_default=False,
        ),
    ] = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """Train students over T, λ and seeds, and show which settings are best.

    All students learn from one teacher. Students of dense nets train together, others one after the
    other. Trained nets are reused. The map is stored: the app shows it, and can make an experiment
    of a cell.

    Ctrl-C cancels and keeps trained nets; resume continues, on the same cluster if there is one.

    With --json: sweep, cells (temperature, lambda, learning_rate, and accuracy, gap_closed,
    agreement and ece, each with mean, low, high, seeds and method of its 95 % interval;
    may_be_best), baseline, teacher, and chosen, the best cell on validation with its
    test_accuracy. Accuracies are shares of 1.
    """
    from tsexplorer.cli.run_job import train_study

    spec = sweep_spec(
        base,
        temperatures=temperatures,
        lambdas=lambdas,
        learning_rates=learning_rates,
        seeds=seeds,
        finding=finding,
    )
    train_study(spec, name, _default_name(spec, finding), _describe, json=json, cluster=cluster)


def sweep_spec(
    base: BaseOptions,
    *,
    temperatures: str | None,
    lambdas: str | None,
    learning_rates: str | None,
    seeds: int | None,
    finding: str | None = None,
) -> SweepSpec:
    """The spec of a sweep; what is not given is taken from the ready-made map or the recipe.

    Raises:
        UserError: a value is invalid, or both a recipe and a ready-made map are given.
    """
    from tsexplorer.studies.sweep.spec import SweepSpec

    start = _initial_spec(base, finding)
    axes = {"temperatures": temperatures, "lambdas": lambdas, "learning_rates": learning_rates}
    values: dict[str, Any] = {axis: (value,) for axis, value in base.fixed_axes.items()}
    values |= {axis: parse_numbers(axis, text) for axis, text in axes.items() if text is not None}
    if seeds is not None:
        values["seeds"] = tuple(range(seeds))
    return parse_spec(SweepSpec, dict(start) | {"base": base.apply_to(start.base)} | values)


def _initial_spec(base: BaseOptions, finding: str | None) -> SweepSpec:
    """The ready-made map or the recipe's sweep, of which only the dataset is changed."""
    from tsexplorer.published.maps import get_ready_map
    from tsexplorer.studies.sweep.spec import SweepSpec

    if finding is None:
        return SweepSpec(base=base.recipe_experiment())
    if base.recipe is not None:
        raise UserError("Give --recipe or --finding, not both.")
    spec = get_ready_map(finding).spec
    if base.data is None:
        return spec
    data = spec.base.data.model_copy(update={"name": requested_dataset(base.data)})
    return spec.model_copy(update={"base": spec.base.model_copy(update={"data": data})})


def _default_name(spec: SweepSpec, finding: str | None) -> str:
    base = spec.base
    if finding is not None:
        return base.name
    return f"sweep of {base.student.name} under {base.teacher.name}, {base.data.name}"


def _describe(checked: Any) -> str:
    from tsexplorer.analysis.formatting import plural

    trained = checked.students_trained
    reused = f", {trained} of them trained before" if trained else ""
    cells = plural(len(checked.spec.cells), "cell")
    return f"{plural(checked.students, 'student')} in {cells}{reused}."
