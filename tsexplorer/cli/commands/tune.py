"""Search T, λ and learning rate in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from tsexplorer.cli.output import Json, say
from tsexplorer.cli.session import opened
from tsexplorer.cli.shell import TRAIN, app


@app.command(rich_help_panel=TRAIN)
def tune(
    trials: Annotated[int, typer.Option(metavar="N", help="Settings to try.")] = 32,
    rounds: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Ask for them in so many goes; more search better."),
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
        int, typer.Option(metavar="N", help="Further seeds on which the best are repeated.")
    ] = 3,
    repeats: Annotated[int, typer.Option(metavar="N", help="Best settings to repeat.")] = 4,
    search_seeds: Annotated[int, typer.Option(metavar="N", help="Seeds of each trial.")] = 1,
    baselines: Annotated[
        int, typer.Option(metavar="N", help="Learning rates at which the baseline is tried.")
    ] = 4,
    prune: Annotated[
        bool, typer.Option(help="Give up trials that are behind most others on their way.")
    ] = True,
    sampler_seed: Annotated[int, typer.Option(metavar="N", help="Of the search's chance.")] = 0,
    teacher: Annotated[
        str | None, typer.Option(metavar="NET", help="The models command lists them.")
    ] = None,
    student: Annotated[
        str | None, typer.Option(metavar="NET", help="The models command lists them.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="D", help="Train on this dataset instead.")
    ] = None,
    objective: Annotated[
        str | None, typer.Option(metavar="O", help="One that has a T and a λ.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            metavar="NAME=VALUE",
            help="One of the objective's options; may be repeated.",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Epochs of each student.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="R", help="What is not given is this recipe's; quick's if none is named."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="X", help="Keep it under this name.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Search T, λ and learning rate, and say how sure the suggestion is.

    Settings are asked for in rounds; the students of a round train together where their net allows
    it, and those that fall behind are given up. The best few are then repeated on seeds that the
    search never saw, beside a baseline that was tuned, too.

    Ctrl-C cancels and keeps what is trained; resume goes on from there.

    With --json: tuning, trials (number, round, temperature, lambda, learning_rate, state,
    validation_accuracy), repeated (as the cells of sweep), baseline, teacher, suggestion (a
    setting with indistinguishable of others_repeated, lead_over_baseline, better_than_baseline and
    test_accuracy), importances. Accuracies are shares of 1.
    """
    from tsexplorer.analysis.formatting import plural
    from tsexplorer.cli.data import fetch_if_missing
    from tsexplorer.cli.tune_requests import asked_tune, usual_name

    wanted = asked_tune(
        recipe=recipe,
        data=data,
        teacher=teacher,
        student=student,
        objective=objective,
        options=option or (),
        epochs=epochs,
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
    with opened() as service:
        checked = service.tuning.check(wanted)
        for remark in checked.remarks:
            say(remark)
        fetch_if_missing(service, wanted.base.data.name)
        free = name or service.tuning.free_name(wanted, usual_name(wanted))
        say(
            f"{plural(checked.trials, 'trial')} in {plural(checked.rounds, 'round')}, "
            f"{plural(checked.students, 'student')} at most."
        )

        from tsexplorer.cli.tune_run import see_tune_through

        see_tune_through(service, lambda: service.tuning.enqueue(wanted, free), json=json)
