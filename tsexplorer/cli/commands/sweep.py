"""Train a map of T and λ in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from tsexplorer.cli.output import Json, say
from tsexplorer.cli.session import opened
from tsexplorer.cli.shell import TRAIN, app


@app.command(rich_help_panel=TRAIN)
def sweep(
    temperatures: Annotated[
        str | None,
        typer.Option(metavar="T,T,…", help="Temperatures; 1,2,4,8,16 if none are given."),
    ] = None,
    lambdas: Annotated[
        str | None,
        typer.Option(metavar="λ,λ,…", help="Weights of the labels; 0,0.25,0.5,0.75,1 if none."),
    ] = None,
    learning_rates: Annotated[
        str | None,
        typer.Option(metavar="R,R,…", help="Students' learning rates; the recipe's if none."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=100, help="Train seeds 0 to N - 1; 3 if not given."),
    ] = None,
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
    finding: Annotated[
        str | None,
        typer.Option(metavar="F", help="What is not given is this map's, one of those that ship."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Train the students on the workers of the Dask scheduler at tcp://HOST:PORT; "
            "TSEXPLORER_CLUSTER if none is given.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="X", help="Keep it under this name.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Train students over T, λ and seeds, and say which setting serves them best.

    All learn from one teacher. Students of dense nets train together, many at once; others one
    after the other. Nets that have been trained before are reused, and the map is kept: the app
    shows it, and makes a cell an experiment.

    Ctrl-C cancels and keeps what is trained; resume goes on from there, on the same cluster if
    there is one.

    With --json: sweep, cells (temperature, lambda, learning_rate, and accuracy, gap_closed,
    agreement and ece, each with mean, low, high, seeds and method of its 95 % interval;
    may_be_best), baseline, teacher, and chosen, the best cell on validation with its
    test_accuracy. Accuracies are shares of 1.
    """
    from tsexplorer.analysis.formatting import plural
    from tsexplorer.cli.data import fetch_if_missing
    from tsexplorer.cli.sweep_requests import asked_sweep, usual_name

    wanted = asked_sweep(
        recipe=recipe,
        data=data,
        teacher=teacher,
        student=student,
        objective=objective,
        options=tuple(option or ()),
        epochs=epochs,
        temperatures=temperatures,
        lambdas=lambdas,
        learning_rates=learning_rates,
        seeds=seeds,
        finding=finding,
    )
    with opened() as service:
        service.sweeps.place(cluster)
        checked = service.sweeps.check(wanted)
        for remark in checked.remarks:
            say(remark)
        fetch_if_missing(service, wanted.base.data.name)
        free = name or service.sweeps.free_name(wanted, usual_name(wanted, finding))
        trained = f", {checked.trained} of them trained before" if checked.trained else ""
        say(f"{plural(checked.students, 'student')} in {plural(checked.cells, 'cell')}{trained}.")

        from tsexplorer.cli.sweep_run import see_sweep_through

        see_sweep_through(service, lambda: service.sweeps.enqueue(wanted, free, cluster), json=json)
