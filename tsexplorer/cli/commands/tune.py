"""Search T, λ and learning rate in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsexplorer.cli.output import Json
from tsexplorer.cli.shell import TRAIN, app
from tsexplorer.cli.study_options import (
    Data,
    Epochs,
    ObjectiveName,
    ObjectiveOptions,
    RecipeName,
    Student,
    StudyName,
    Teacher,
)

if TYPE_CHECKING:
    from tsexplorer.studies.tuning.spec import TuneSpec


@app.command(rich_help_panel=TRAIN)
def tune(
    trials: Annotated[int, typer.Option(metavar="N", help="Settings to try.")] = 32,
    rounds: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Rounds of trials; more rounds search better."),
    ] = 4,
    temperatures: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Range of T, or one fixed T; 0.5,32.")
    ] = None,
    lambdas: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Range of λ, or one fixed λ; 0,1.")
    ] = None,
    learning_rates: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Range of the peak rate, or one; a tenth to ten times the recipe's.",
        ),
    ] = None,
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
    teacher: Teacher = None,
    student: Student = None,
    data: Data = None,
    objective: ObjectiveName = None,
    option: ObjectiveOptions = None,
    epochs: Epochs = None,
    recipe: RecipeName = None,
    name: StudyName = None,
    json: Json = False,
) -> None:
    """Search T, λ and learning rate, and show how certain the suggestion is.

    Settings are proposed in rounds; the students of a round train together where their net allows
    it, and trials that fall behind are stopped. The best settings are then repeated on seeds that
    the search did not use, beside a baseline that is tuned too.

    Ctrl-C cancels and keeps what is trained; resume continues.

    With --json: tuning, trials (number, round, temperature, lambda, learning_rate, state,
    validation_accuracy), repeated (as the cells of sweep), baseline, teacher, suggestion (a
    setting with indistinguishable of others_repeated, lead_over_baseline, better_than_baseline and
    test_accuracy), importances. Accuracies are shares of 1.
    """
    from tsexplorer.cli.study_requests import BaseRequest, train_study, tune_spec

    base = BaseRequest(recipe, data, teacher, student, objective, tuple(option or ()), epochs)
    spec = tune_spec(
        base,
        temperatures=temperatures,
        lambdas=lambdas,
        learning_rates=learning_rates,
        trials=trials,
        rounds=rounds,
        seeds=seeds,
        repeats=repeats,
        search_seeds=search_seeds,
        baselines=baselines,
        prune=prune,
        sampler_seed=sampler_seed,
    )
    train_study(spec, name, _usual_name(spec), _describe, json=json)


def _usual_name(spec: TuneSpec) -> str:
    base = spec.base
    return f"tuning of {base.student.name} under {base.teacher.name}, {base.data.name}"


def _describe(checked: Any) -> str:
    from tsexplorer.analysis.formatting import plural

    spec = checked.spec
    return (
        f"{plural(spec.trials, 'trial')} in {plural(spec.rounds, 'round')}, "
        f"{plural(checked.students, 'student')} at most."
    )
