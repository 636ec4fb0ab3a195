"""Train an experiment in the foreground, or go on with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsexplorer.cli.output import Json, print_json, say
from tsexplorer.cli.session import opened
from tsexplorer.cli.shell import TRAIN, app

if TYPE_CHECKING:
    from tsexplorer.services.service import Service
    from tsexplorer.store import JobSnapshot


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
    from tsexplorer.cli.results import is_contest, see_contest_through

    options = tuple(option or ())
    changed = any((spec, data, objective, options, name, leave_out))
    if recipe is not None and is_contest(recipe) and not changed:
        see_contest_through(recipe, seeds, json=json)
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
        for remark in service.check(wanted).remarks:
            say(remark)
        fetch_if_missing(service, wanted.data.name)
        _see_through(service, lambda: service.enqueue(wanted), json=json)


@app.command(rich_help_panel=TRAIN)
def resume(
    job: Annotated[int, typer.Argument(metavar="ID", help="A job; the jobs command lists them.")],
    json: Json = False,
) -> None:
    """Go on with a job that was interrupted, cancelled or has failed.

    It goes on after its last finished epoch, in this process, and ends in the same weights as if
    it had never stopped. One that another process runs is let go on if it is paused, and
    followed. With --json: as run, sweep or tune.
    """
    from tsexplorer.cli.data import fetch_if_missing
    from tsexplorer.services.service import RESUMABLE

    with opened() as service:
        found = service.store.job(job)
        if found.status not in (*RESUMABLE, "queued", "running"):
            service.resume(job)  # lets a paused one go on, and refuses one that is done
        subject = service.subject(found)
        fetch_if_missing(service, subject.spec.data.name)

        def take() -> JobSnapshot:
            return service.store.requeue(job) if found.status in RESUMABLE else found

        if subject.kind == "experiment":
            _see_through(service, take, json=json)
        elif subject.kind == "sweep":
            from tsexplorer.cli.sweep_run import see_sweep_through

            see_sweep_through(service, take, json=json)
        else:
            from tsexplorer.cli.tune_run import see_tune_through

            see_tune_through(service, take, json=json)


def _see_through(service: Service, take: Callable[[], JobSnapshot], *, json: bool) -> None:
    """Queue a job, see it through and print what came of it."""
    from tsexplorer.cli.results import document, print_results
    from tsexplorer.cli.run_job import trained

    experiment = trained(service, take)
    if json:
        print_json(document(service, experiment))
    else:
        print_results(service, experiment)
