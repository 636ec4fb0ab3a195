"""Ask a trained net about pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tsexplorer.analysis.formatting import NONE
from tsexplorer.cli.output import Json, print_json, print_table, say
from tsexplorer.cli.session import opened
from tsexplorer.cli.shell import BAD_ARGUMENT, LOOK_UP, app

if TYPE_CHECKING:
    from tsexplorer.data.digits import Digit, Options
    from tsexplorer.services import Service, StageSnapshot


@app.command(rich_help_panel=LOOK_UP)
def predict(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Pictures: PNG, JPEG, WebP, BMP, GIF, TIFF, HEIC."),
    ],
    stage: Annotated[
        str,
        typer.Option(
            "--stage",
            metavar="ID",
            help="The net: a stage's ID or its beginning, or EXPERIMENT:ROLE[:SEED], such as "
            "demo:distilled.",
        ),
    ] = "demo:distilled",
    invert: Annotated[
        Literal["auto", "yes", "no"],
        typer.Option("--invert", help="Whether strokes are lighter than what they are on."),
    ] = "auto",
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="SHARE",
            help="Share of the strongest ink from which on a pixel is stroke.",
            show_default=False,
        ),
    ] = None,
    thickness: Annotated[
        float | None,
        typer.Option(
            "--thickness",
            metavar="PIXELS",
            help="Of the stroke in the net input.",
            show_default=False,
        ),
    ] = None,
    single: Annotated[
        bool, typer.Option("--single", help="Take everything found for one digit.")
    ] = False,
    json: Json = False,
) -> None:
    """Answer the digits in pictures with a trained net, as the page Try a digit does.

    Several digits in one picture are answered from left to right. A file that cannot be read gets
    one line on standard error; the others are answered. The exit code is 2 where any is left
    without an answer.

    With --json a list with, per file: file, label and probabilities and input (28 rows of 28
    pixels, 0 to 255) of its first digit, all of its digits under digits, note, and error where it
    was refused.
    """
    from tsexplorer.data.digits import Options

    options = Options(invert=invert, threshold=threshold, thickness=thickness, single=single)
    with opened() as service:
        found = service.stage(stage)
        documents = [_document(service, found, file, options) for file in files]
    if json:
        print_json(documents)
    else:
        _print(documents, found)
    for document in documents:
        if sentence := document.get("error") or (not json and document["note"]):
            say(sentence)
    if any("error" in document or not document["digits"] for document in documents):
        raise typer.Exit(BAD_ARGUMENT)


def _document(
    service: Service, stage: StageSnapshot, file: Path, options: Options
) -> dict[str, Any]:
    """What is said about one file."""
    from tsexplorer.data.digits import decode, read
    from tsexplorer.errors import UserError

    try:
        content = _content(file)
        reading = read(decode(content, file.name), options)
    except UserError as error:
        return {"file": str(file), "error": str(error)}
    digits = _digits(service, stage, reading.digits) if reading.digits else []
    first = digits[0] if digits else {"label": None, "probabilities": None, "input": None}
    return {
        "file": str(file),
        **{name: first[name] for name in ("label", "probabilities", "input")},
        "digits": digits,
        "note": reading.note,
    }


def _content(file: Path) -> bytes:
    from tsexplorer.data.digits.decoding import MEGABYTES
    from tsexplorer.errors import UserError

    try:
        size = file.stat().st_size
        if size > MEGABYTES * 1_000_000:
            raise UserError(
                f"{file} has {size / 1e6:.1f} MB, and {MEGABYTES} MB is the most; make it smaller."
            )
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); give another file.") from error


def _digits(
    service: Service, stage: StageSnapshot, digits: tuple[Digit, ...]
) -> list[dict[str, Any]]:
    import numpy as np

    from tsexplorer.analysis.prediction import verdict
    from tsexplorer.data.registry import get_dataset

    classes = get_dataset(stage.spec.data.name).info.classes
    z_NC = service.reading.ask(stage, np.stack([digit.pixels for digit in digits]))
    rows = []
    for digit, z_C in zip(digits, z_NC, strict=True):
        said = verdict(z_C, 1.0)
        shares = zip(classes, said.probabilities_C.tolist(), strict=True)
        rows.append(
            {
                "label": classes[said.answer],
                "confidence": said.confidence,
                "entropy": said.entropy,
                "probabilities": dict(shares),
                "box": list(digit.box),
                "usual": digit.usual,
                "input": digit.pixels.tolist(),
            }
        )
    return rows


def _print(documents: list[dict[str, Any]], stage: StageSnapshot) -> None:
    rows = []
    for document in documents:
        for number, digit in enumerate(document.get("digits", []), 1):
            ranked = sorted(digit["probabilities"].items(), key=lambda pair: -pair[1])
            others = ", ".join(f"{name} {100 * share:.2g} %" for name, share in ranked[1:3])
            rows.append(
                (
                    document["file"],
                    str(number),
                    digit["label"],
                    f"{100 * digit['confidence']:.2f} %",
                    f"{digit['entropy']:.3f}",
                    others,
                )
            )
        if not document.get("digits"):
            rows.append((document["file"], NONE, NONE, NONE, NONE, NONE))
    print_table(
        ("file", "digit", "answer", "confidence", "entropy (nats)", "next"),
        rows,
        numbers=("confidence", "entropy (nats)"),
        notes=[f"Probabilities at T = 1, of the stage {stage.hash} ({stage.spec.data.name})."],
    )
