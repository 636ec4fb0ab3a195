"""A trained net as files that need nothing of this project."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsexplorer.cli.output import Json, print_json
from tsexplorer.cli.session import opened
from tsexplorer.cli.shell import LOOK_UP, app

if TYPE_CHECKING:
    from tsexplorer.export.archive import Archive
    from tsexplorer.services import Service


@app.command(rich_help_panel=LOOK_UP)
def export(
    net: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="An experiment, by name or id: its distilled student, of the seed that is best on "
            "validation. Another net of it: EXPERIMENT:ROLE[:SEED], such as demo:teacher.",
        ),
    ] = "demo",
    into: Annotated[
        Path,
        typer.Option("--into", metavar="FOLDER", help="Where the archive is written."),
    ] = Path(),
    json: Json = False,
) -> None:
    """Write a trained net to a zip file: ONNX, safetensors, a card, and a page on how to use it.

    The ONNX file takes images as they are, 28 by 28 pixels of 0 to 255, and needs nothing of this
    project. A file of that name is written anew.

    With --json: file, and bytes.
    """
    _attempt(into, partial(into.mkdir, parents=True, exist_ok=True))  # before what takes longer
    with opened() as service:
        found = _archive(service, net)
    place = into / found.name
    _attempt(place, partial(place.write_bytes, found.content))
    if json:
        print_json({"file": str(place), "bytes": len(found.content)})
    else:
        print(f"{place} ({len(found.content) / 1e6:.1f} MB); the page in it says how to use it.")


def _archive(service: Service, net: str) -> Archive:
    from tsexplorer.errors import NotFoundError

    try:
        experiment = service.experiment(net)  # its name may hold colons
    except NotFoundError:
        if ":" not in net:
            raise
        return service.reading.archive(*service.net(net))
    return service.reading.archive(experiment)


def _attempt(place: Path, action: Callable[[], object]) -> None:
    from tsexplorer.errors import UserError

    try:
        action()
    except OSError as error:
        raise UserError(f"{place} cannot be written ({error.strerror}).") from error
