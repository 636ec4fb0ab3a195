"""Search T, λ and learning rate in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsexplorer.cli.output import Json
from tsexplorer.cli.requests import BaseOptions, Name, parse_range, with_base_options
from tsexplorer.cli.shell import TRAIN, app

if TYPE_CHECKING:
    from tsexplorer.studies.tuning.spec import TuneSpec

Temperatures = Annotated[
    str | None, typer.Option(metavar="LOW,HIGH", help="Range of T, or one T; default: 0.5,32.")
]
Lambdas = Annotated[
    str | None, typer.Option(metavar="LOW,HIGH", help="Range of λ, or one λ; default: 0,1.")
]
LearningRates = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Range of the peak rate, or one rate; default: a tenth to ten times the recipe's.",
    ),
]


@app.command(rich_help_panel=TRAIN)
@with_base_options
def tune(
    *,
    trials: Annotated[int, typer.Option(metavar="N", help="Settings to try.")] = 32,
    rounds: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Rounds of trials; more rounds search better."),
    ] = 4,
    temperatures: Temperatures = None,
    lambdas: Lambdas = None,
    learning_rates: LearningRates = None,
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Further seeds for repeats of the best settings.")
    ] = 3,
    repeats: Annotated[int, typer.Option(metavar="N", help="Best settings to repeat.")] = 4,
    search_seeds: Annotated[int, typer.Option(metavar="N", help="Seeds of each trial.")] = 1,
    baselines: Annotated[
        int, typer.Option(metavar="N", help="Learning rates at which the baseline is tried.")
    ] = 4,
    prune: Annotated[
        bool, typer.Option(help="Stop trials early that are worse than most others.")
    ] = True,
    sampler_seed: Annotated[int, typer.Option(metavar="N", help="Seed of the search.")] = 0,
    base: BaseOptions,
    name: Name = None,
    json: Json = False,
) -> None:
    """Search T, λ and learning rate, and show how certain the suggestion is.

    Settings are proposed in rounds; the students of a round train together where their net allows
    it, and trials that fall behind are stopped. The best settings are then repeated on seeds that
    the search did not use, beside a baseline that is tuned too.

    Ctrl-C cancels and keeps trained nets; resume continues.

    With --json: tuning, trials (number, round, temperature, lambda, learning_rate, state,
    validation_accuracy), repeated (as the cells of sweep), baseline, teacher, suggestion (a
    setting with indistinguishable of others_repeated, lead_over_baseline, better_than_baseline and
    test_accuracy), importances. Accuracies are shares of 1.
    """
    from tsexplorer.cli.run_job import train_study
    from tsexplorer.specs import parse_spec
    from tsexplorer.studies.tuning.spec import TuneSpec

    axes = {"temperatures": temperatures, "lambdas": lambdas, "learning_rates": learning_rates}
    ranges = {axis: (value, value) for axis, value in base.fixed_axes.items()}
    ranges |= {axis: parse_range(axis, text) for axis, text in axes.items() if text is not None}
    settings: dict[str, Any] = {
        "base": base.experiment(),
        "trials": trials,
        "per_round": -(-trials // rounds),
        "seeds": seeds,
        "repeats": repeats,
        "search_seeds": search_seeds,
        "baselines": baselines,
        "prune": prune,
        "sampler_seed": sampler_seed,
    }
    spec = parse_spec(TuneSpec, settings | ranges)
    train_study(spec, name, _default_name(spec), _describe, json=json)


def _default_name(spec: TuneSpec) -> str:
    base = spec.base
    return f"tuning of {base.student.name} under {base.teacher.name}, {base.data.name}"


def _describe(checked: Any) -> str:
    from tsexplorer.analysis.formatting import plural

    spec = checked.spec
    return (
        f"{plural(spec.trials, 'trial')} in {plural(spec.rounds, 'round')}, "
        f"{plural(checked.students, 'student')} at most."
    )
