"""Train an experiment in the foreground, or go on with one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsexplorer.cli.output import Json, say
from tsexplorer.cli.session import opened
from tsexplorer.cli.shell import TRAIN, app


@app.command(rich_help_panel=TRAIN)
def run(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A recipe, quick if none is named; the recipes command lists them.",
            show_default=False,
        ),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option("--spec", metavar="FILE", help="An experiment as JSON, instead of a recipe."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="D", help="Train on this dataset instead."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", metavar="N", min=1, max=100, help="Train seeds 0 to N - 1."),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="O",
            help="Distil by this one; the objectives command lists them and their options.",
            show_default=False,
        ),
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
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="X", help="Keep it under this name.", show_default=False),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--leave-out",
            metavar="CLASS",
            help="A class that the distilled student never sees; may be given several times.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Train teacher, baseline and distilled student, and say what distillation bought.

    Nets that have been trained before are reused, so that running the same again costs nothing
    and another λ trains one small net. The experiment is kept: the app shows it, and the figures
    come with split, seeds and loss convention.

    Ctrl-C cancels and keeps the last epoch; resume goes on from there. While another process
    trains, the run waits for its turn. A dataset that is not here is fetched first.

    With --json: experiment, seeds (for each the stages teacher, baseline and distilled with
    parameters, epochs, train_seconds, validation_accuracy and test_accuracy, and gap_closed),
    mean and interval over the seeds; accuracies are shares of 1. Where more is trained (further
    teachers, hints), a seed has it under further. A recipe that pits several ways to teach
    against each other trains them all, unless something of it is changed here; it has each of
    them under entries, and what they come to under contest. A run that fails prints nothing on
    standard output.
    """
    from tsexplorer.cli.data import fetch_if_missing
    from tsexplorer.cli.requests import asked_for
    from tsexplorer.recipes import get_recipe

    options = tuple(option or ())
    changed = any((spec, data, objective, options, name, leave_out))
    if recipe is not None and get_recipe(recipe).rivals and not changed:
        from tsexplorer.cli.comparison import see_comparison_through

        see_comparison_through(recipe, seeds, json=json)
        return
    wanted = asked_for(
        recipe,
        spec,
        data=data,
        seeds=seeds,
        name=name,
        objective=objective,
        options=options,
        left_out=leave_out or (),
    )
    as_in_the_file = spec is not None and data is None and seeds is None
    as_in_the_file = as_in_the_file and objective is None and not options and not leave_out
    with opened() as service:
        if name is None and not as_in_the_file:
            free = service.free_name(wanted, wanted.name)
            wanted = wanted.model_copy(update={"name": free})
        checked = service.check(wanted)
        for remark in checked.remarks:
            say(remark)
        fetch_if_missing(service, wanted.data.name)

        from tsexplorer.cli.study_shell import see_study_through

        see_study_through(service, lambda: service.studies.enqueue(checked, cluster=""), json=json)


@app.command(rich_help_panel=TRAIN)
def resume(
    job: Annotated[int, typer.Argument(metavar="ID", help="A job; the jobs command lists them.")],
    json: Json = False,
) -> None:
    """Continue a job that was interrupted, cancelled or has failed.

    It continues after its last finished epoch, in this process, and ends in the same weights as
    without the interruption. A paused job of another process is resumed there and followed. With
    --json: as run, sweep, tune or repeat.
    """
    from tsexplorer.cli.data import fetch_if_missing

    with opened() as service:
        snapshot = service.job(job)
        if snapshot.status in ("paused", "done"):
            service.resume(job)  # resumes a paused job, and refuses one that is done
        fetch_if_missing(service, service.subject(snapshot).spec.data.name)

        from tsexplorer.cli.study_shell import see_study_through

        see_study_through(service, lambda: service.requeue(job), json=json)
