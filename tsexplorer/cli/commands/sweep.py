"""Train a map of T and λ in the foreground."""

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
    from tsexplorer.studies.sweep.spec import SweepSpec


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
    teacher: Teacher = None,
    student: Student = None,
    data: Data = None,
    objective: ObjectiveName = None,
    option: ObjectiveOptions = None,
    epochs: Epochs = None,
    recipe: RecipeName = None,
    finding: Annotated[
        str | None,
        typer.Option(metavar="F", help="Everything not given is taken from this ready-made map."),
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
    name: StudyName = None,
    json: Json = False,
) -> None:
    """Train students over T, λ and seeds, and show which setting is best for them.

    All students learn from one teacher. Students of dense nets train together, others one after the
    other. Trained nets are reused, and the map is kept: the app shows it, and can make a cell an
    experiment.

    Ctrl-C cancels and keeps what is trained; resume continues, on the same cluster if there is one.

    With --json: sweep, cells (temperature, lambda, learning_rate, and accuracy, gap_closed,
    agreement and ece, each with mean, low, high, seeds and method of its 95 % interval;
    may_be_best), baseline, teacher, and chosen, the best cell on validation with its
    test_accuracy. Accuracies are shares of 1.
    """
    from tsexplorer.cli.study_requests import BaseRequest, sweep_spec, train_study

    base = BaseRequest(recipe, data, teacher, student, objective, tuple(option or ()), epochs)
    spec = sweep_spec(
        base,
        temperatures=temperatures,
        lambdas=lambdas,
        learning_rates=learning_rates,
        seeds=seeds,
        finding=finding,
    )
    train_study(spec, name, _usual_name(spec, finding), _describe, json=json, cluster=cluster)


def _usual_name(spec: SweepSpec, finding: str | None) -> str:
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
