"""Export a trained net to files that can be used without this project."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsexplorer.cli.output import Json, print_json
from tsexplorer.cli.shell import LOOK_UP, app, open_service
from tsexplorer.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from tsexplorer.export.archive import Archive
    from tsexplorer.services import Service


@app.command(rich_help_panel=LOOK_UP)
def export(
    net: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="An experiment, by name or id: its distilled student with the best seed on "
            "validation. Another of its nets: EXPERIMENT:ROLE[:SEED], such as demo:teacher.",
        ),
    ] = "demo",
    into: Annotated[
        Path,
        typer.Option("--into", metavar="FOLDER", help="Folder of the zip file."),
    ] = Path(),
    json: Json = False,
) -> None:
    """Write a trained net to a zip file: ONNX, safetensors, a model card, and instructions.

    The ONNX file takes images of 28 by 28 pixels, 0 to 255, and can be used without this project.
    An existing file of the same name is replaced.

    With --json: file, and bytes.
    """
    _write(into, partial(into.mkdir, parents=True, exist_ok=True))  # before the slow export
    with open_service() as service:
        archive = _archive(service, net)
    file = into / archive.name
    _write(file, partial(file.write_bytes, archive.content))
    if json:
        print_json({"file": str(file), "bytes": len(archive.content)})
    else:
        print(f"{file} ({len(archive.content) / 1e6:.1f} MB); instructions are in the file.")


def _archive(service: Service, net: str) -> Archive:
    try:
        experiment = service.experiment(net)  # its name may contain colons
    except NotFoundError:
        if ":" not in net:
            raise
        return service.inference.archive(*service.net(net))
    return service.inference.archive(experiment)


def _write(path: Path, action: Callable[[], object]) -> None:
    """Create a file or folder.

    Raises:
        UserError: it cannot be created.
    """
    try:
        action()
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); choose another folder with --into."
        ) from error
