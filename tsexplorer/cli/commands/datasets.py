"""Own images: import, rename and delete datasets; write example images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tsexplorer.cli.output import Json, error_console, print_json, print_message, print_table
from tsexplorer.cli.shell import DATA, INTERRUPTED, CommandExit, app, open_service
from tsexplorer.errors import Cancelled, UserError, format_first_fault

if TYPE_CHECKING:
    from tsexplorer.importing.preparation import ImportOptions, ImportReport, Preparation
    from tsexplorer.services import Service

MAX_FAULTS_SHOWN = 20

Key = Annotated[str, typer.Argument(metavar="NAME", help="Name or title of imported images.")]


@app.command("import", rich_help_panel=DATA)
def import_images(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A folder or zip file with a folder for each class, an .npz file, a folder with "
            "IDX files, or Parquet files.",
        ),
    ],
    name: Annotated[str, typer.Option("--name", metavar="X", help="What to call the images.")],
    size: Annotated[
        str, typer.Option(metavar="H[xW]", help="Height and width in pixels, 16 to 128.")
    ] = "32",
    grey: Annotated[bool, typer.Option("--grey", help="One channel instead of three.")] = False,
    fit: Annotated[
        str, typer.Option(metavar="crop|pad|stretch", help="For pictures of other proportions.")
    ] = "crop",
    validation: Annotated[
        float, typer.Option(metavar="S", help="Share of the images for validation.")
    ] = 0.15,
    test: Annotated[
        float, typer.Option(metavar="S", help="Share of the images for the test.")
    ] = 0.15,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the split.")] = 0,
    check: Annotated[
        bool, typer.Option("--check", help="Read the images and report, but keep nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Import your own images as a dataset.

    Above the class folders there may be train, validation (or val) and test folders, and beside
    them unlabelled, whose images teach the student through soft targets alone. Pictures that cannot
    be read are named and left out; equal images in two splits stay in one of them. Ctrl-C leaves
    nothing behind.

    With --json: name (for --data), title, shape, classes, and for each split the images of each
    class; duplicates, leaks, unreadable files.
    """
    options = _options(
        size, colour=not grey, fit=fit, validation_share=validation, test_share=test, seed=seed
    )
    with open_service() as service:
        title = "" if check else service.datasets.check_title(name)
        preparation = _prepare(service, path, options)
        if check:
            preparation.discard()
            kept_name = None
        else:
            try:
                kept_name = preparation.keep(title).name
            except UserError:
                preparation.discard()
                raise
    document = _document(preparation.report, name, kept_name)
    if json:
        print_json(document)
        return
    _show(document)


@app.command("example-images", rich_help_panel=DATA)
def example_images(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The zip file to write.")] = Path(
        "example-images.zip"
    ),
    json: Json = False,
) -> None:
    """Write a zip file of example images: ten classes of coloured shapes, drawn by code.

    With --json: file and images.
    """
    from tsexplorer.importing.example_images import write_example_images

    count = write_example_images(path)
    if json:
        print_json({"file": str(path), "images": count})
    else:
        print_message(f"Wrote {count:,} images to {path}.")


@app.command("rename-data", rich_help_panel=DATA)
def rename_data(
    key: Key,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The new title.")],
    json: Json = False,
) -> None:
    """Give imported images another title; experiments keep them.

    With --json: name and title.
    """
    with open_service() as service:
        info = service.datasets.rename(key, title).info
    if json:
        print_json({"name": info.name, "title": info.title})
    else:
        print_message(f"{info.name} is called “{info.title}” now.")


@app.command("delete-data", rich_help_panel=DATA)
def delete_data(key: Key, json: Json = False) -> None:
    """Delete imported images; experiments that used them stay, but cannot be trained further.

    With --json: deleted.
    """
    with open_service() as service:
        service.datasets.delete(key)
    if json:
        print_json({"deleted": key})
    else:
        print_message(f"Deleted the images of “{key}”.")


def _options(size: str, **values: Any) -> ImportOptions:
    from tsexplorer.importing.preparation import ImportOptions

    sides = size.casefold().replace("×", "x").split("x")
    if not (1 <= len(sides) <= 2 and all(side.strip().isdecimal() for side in sides)):
        raise UserError("--size: write one or two numbers of pixels, as in 32 or 32x48.")
    height, width = int(sides[0]), int(sides[-1])
    try:
        return ImportOptions(height=height, width=width, **values)
    except ValidationError as error:
        raise UserError(f"--{format_first_fault(error).replace('_', '-')}") from error


def _prepare(service: Service, path: Path, options: ImportOptions) -> Preparation:
    """Read the images with a progress bar.

    Raises:
        CommandExit: Ctrl-C.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=error_console(), transient=True) as bar:
        task = bar.add_task("Reading the images", total=None)
        try:
            return service.datasets.prepare(
                path,
                path.resolve().name,
                options,
                lambda progress: bar.update(task, completed=progress.done, total=progress.total),
            )
        except (KeyboardInterrupt, Cancelled) as error:
            raise CommandExit("The import was stopped; nothing was kept.", INTERRUPTED) from error


def _document(report: ImportReport, title: str, name: str | None) -> dict[str, Any]:
    info = report.info
    return {
        "name": name,
        "title": title,
        "shape": list(info.image_shape),
        "classes": list(info.classes),
        "train": list(report.counts["train"]),
        "validation": list(report.counts["validation"]),
        "test": list(report.counts["test"]),
        "unlabelled": info.unlabelled,
        "mean": list(report.mean),
        "deviation": list(report.deviation),
        "duplicates": report.duplicates,
        "leaks": report.leaks,
        "contradictions": report.contradictions,
        "few": [list(pair) for pair in report.few],
        "unreadable": report.fault_count,
        "faults": [{"file": file, "reason": reason} for file, reason in report.faults],
        "notes": list(report.notes),
    }


def _show(document: dict[str, Any]) -> None:
    rows = zip(
        document["classes"],
        document["train"],
        document["validation"],
        document["test"],
        strict=True,
    )
    notes = list(document["notes"])
    if document["unlabelled"]:
        notes.append(f"{document['unlabelled']:,} images without a label.")
    if document["leaks"]:
        notes.append(f"{document['leaks']:,} images of more than one split stay in one of them.")
    if document["duplicates"]:
        notes.append(f"{document['duplicates']:,} images are copies within a split.")
    notes += [f"{fault['file']}: {fault['reason']}" for fault in document["faults"]][
        :MAX_FAULTS_SHOWN
    ]
    if document["name"] is not None:
        notes.append(f"Kept as “{document['title']}”; train on it with --data {document['name']}.")
    print_table(
        ("class", "train", "validation", "test"),
        [(label, *(f"{count:,}" for count in counts)) for label, *counts in rows],
        numbers=("train", "validation", "test"),
        notes=notes,
    )
