"""Train an experiment in the foreground, or continue a job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsexplorer.cli.output import Json, print_message
from tsexplorer.cli.requests import (
    NO_OPTIONS,
    BaseOptions,
    Name,
    requested_experiment,
    with_base_options,
)
from tsexplorer.cli.shell import TRAIN, app, open_service

Recipe = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="A recipe; default: quick. The recipes command lists them.",
        show_default=False,
    ),
]
SpecFile = Annotated[
    Path | None,
    typer.Option("--spec", metavar="FILE", help="An experiment as JSON, instead of a recipe."),
]
Seeds = Annotated[
    int | None,
    typer.Option("--seeds", metavar="N", min=1, max=100, help="Train seeds 0 to N - 1."),
]
ExcludedClasses = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out",
        metavar="CLASS",
        help="A class that the distilled student is not trained on; may be given several times.",
        show_default=False,
    ),
]


@app.command(rich_help_panel=TRAIN)
@with_base_options
def run(
    recipe: Recipe = None,
    *,
    spec: SpecFile = None,
    base: BaseOptions,
    seeds: Seeds = None,
    name: Name = None,
    leave_out: ExcludedClasses = None,
    json: Json = False,
) -> None:
    """Train teacher, baseline and distilled student, and show the benefit of distillation.

    Trained nets are reused: the same run again trains nothing, and another λ trains one small
    net. The experiment is stored, and the app shows it. Figures come with split, seeds and loss
    convention.

    Ctrl-C cancels and keeps the last epoch; resume continues. While another process trains, the
    run waits in the queue. A missing dataset is downloaded first.

    With --json: experiment, seeds (for each the stages teacher, baseline and distilled with
    parameters, epochs, train_seconds, validation_accuracy and test_accuracy, and gap_closed),
    mean and interval over the seeds; accuracies are shares of 1. If more nets are trained
    (further teachers, hints), a seed has them under further. A recipe that compares several
    objectives trains all of them, unless an option changes the experiment; it has each of them
    under entries, and their ranking under contest. A run that fails prints nothing on standard
    output.
    """
    from tsexplorer.recipes import get_recipe

    changed = base != NO_OPTIONS or any((spec, name, leave_out))
    if recipe is not None and get_recipe(recipe).rivals and not changed:
        from tsexplorer.cli.comparison import run_comparison

        run_comparison(recipe, seeds, json=json)
        return
    experiment = requested_experiment(
        recipe, spec, base, seeds=seeds, name=name, left_out=leave_out or ()
    )
    unchanged = base == NO_OPTIONS and not any((seeds, leave_out))
    unchanged_file = spec is not None and unchanged

    from tsexplorer.cli.run_job import fetch_if_missing, train_and_print

    with open_service() as service:
        if name is None and not unchanged_file:
            free_name = service.free_name(experiment, experiment.name)
            experiment = experiment.model_copy(update={"name": free_name})
        checked = service.check(experiment)
        for remark in checked.remarks:
            print_message(remark)
        fetch_if_missing(service, experiment.data.name)
        train_and_print(service, lambda: service.studies.enqueue(checked, cluster=""), json=json)


@app.command(rich_help_panel=TRAIN)
def resume(
    job: Annotated[int, typer.Argument(metavar="ID", help="A job; the jobs command lists them.")],
    json: Json = False,
) -> None:
    """Continue a job that was interrupted, was cancelled or has failed.

    It continues after its last finished epoch, in this process, and ends with the same weights as
    without the interruption. A paused job of another process is resumed there and followed. With
    --json: as run, sweep, tune or repeat.
    """
    from tsexplorer.cli.run_job import fetch_if_missing, train_and_print

    with open_service() as service:
        snapshot = service.job(job)
        if snapshot.status in ("paused", "done"):
            service.resume(job)  # resumes a paused job; a job that is done is an error
        fetch_if_missing(service, service.study_of(snapshot).spec.data.name)
        train_and_print(service, lambda: service.requeue(job), json=json)
