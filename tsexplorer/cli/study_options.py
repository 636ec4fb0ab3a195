"""Options that the commands for studies share."""

from __future__ import annotations

from typing import Annotated

import typer

Teacher = Annotated[
    str | None, typer.Option("--teacher", metavar="NET", help="The models command lists them.")
]
Student = Annotated[
    str | None, typer.Option("--student", metavar="NET", help="The models command lists them.")
]
Data = Annotated[
    str | None, typer.Option("--data", metavar="D", help="Train on this dataset instead.")
]
ObjectiveName = Annotated[
    str | None, typer.Option("--objective", metavar="O", help="The objectives command lists them.")
]
ObjectiveOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="An option of the objective; may be repeated.",
        show_default=False,
    ),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", metavar="N", min=1, help="Epochs of each student.")
]
RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="R",
        help="Everything not given is taken from this recipe; from quick if none is named.",
    ),
]
StudyName = Annotated[
    str | None,
    typer.Option("--name", metavar="X", help="Keep it under this name.", show_default=False),
]
