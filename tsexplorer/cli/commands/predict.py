"""Classify the digits in pictures with a trained net."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tsexplorer.analysis.formatting import NO_VALUE
from tsexplorer.cli.output import Json, print_json, print_message, print_table
from tsexplorer.cli.shell import BAD_ARGUMENT, LOOK_UP, app, open_service
from tsexplorer.errors import UserError

if TYPE_CHECKING:
    from tsexplorer.imaging import Digit, ExtractionOptions
    from tsexplorer.services import Service, StageSnapshot

StageId = Annotated[
    str,
    typer.Option(
        "--stage",
        metavar="ID",
        help="The net: a stage's ID or its beginning, or EXPERIMENT:ROLE[:SEED], such as "
        "demo:distilled.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="SHARE",
        help="Smallest share of the strongest ink that counts as a stroke, 0 to 1.",
        show_default=False,
    ),
]
Thickness = Annotated[
    float | None,
    typer.Option(
        "--thickness",
        metavar="PIXELS",
        help="Thickness of the stroke in the net's input.",
        show_default=False,
    ),
]


@app.command(rich_help_panel=LOOK_UP)
def predict(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Pictures: PNG, JPEG, WebP, BMP, GIF, TIFF, HEIC."),
    ],
    stage: StageId = "demo:distilled",
    invert: Annotated[
        Literal["auto", "yes", "no"],
        typer.Option("--invert", help="Whether strokes are lighter than the paper."),
    ] = "auto",
    threshold: Threshold = None,
    thickness: Thickness = None,
    single: Annotated[
        bool, typer.Option("--single", help="Treat everything in the picture as one digit.")
    ] = False,
    json: Json = False,
) -> None:
    """Classify the digits in pictures with a trained net, as the page Try an image does.

    Several digits in one picture are listed from left to right. A file that cannot be read gives
    one line on standard error; the other files are classified. The exit code is 2 if a file has no
    answer.

    With --json: a list with, per file: file, label and probabilities and input (28 rows of 28
    pixels, 0 to 255) of its first digit, all of its digits under digits, note, and error if it
    cannot be read.
    """
    from tsexplorer.imaging import ExtractionOptions

    options = ExtractionOptions(
        invert=invert, threshold=threshold, stroke_width=thickness, single_digit=single
    )
    with open_service() as service:
        net = service.stage(stage)
        documents = [_document(service, net, file, options) for file in files]
    if json:
        print_json(documents)
    else:
        _print(documents, net)
    for document in documents:
        if sentence := document.get("error") or (not json and document["note"]):
            print_message(sentence)
    if any("error" in document or not document["digits"] for document in documents):
        raise typer.Exit(BAD_ARGUMENT)


def _document(
    service: Service, stage: StageSnapshot, file: Path, options: ExtractionOptions
) -> dict[str, Any]:
    """The digits of one file, or its error."""
    from tsexplorer.imaging import decode, extract_digits

    try:
        extraction = extract_digits(decode(_read(file), file.name), options)
    except UserError as error:
        return {"file": str(file), "error": str(error)}
    digits = _digit_documents(service, stage, extraction.digits) if extraction.digits else []
    first = digits[0] if digits else {"label": None, "probabilities": None, "input": None}
    return {
        "file": str(file),
        **{name: first[name] for name in ("label", "probabilities", "input")},
        "digits": digits,
        "note": extraction.note,
    }


def _read(file: Path) -> bytes:
    from tsexplorer.imaging.decoding import MAX_MEGABYTES

    try:
        size = file.stat().st_size
        if size > MAX_MEGABYTES * 1_000_000:
            raise UserError(
                f"{file} has {size / 1e6:.1f} MB, more than the limit of {MAX_MEGABYTES} MB; "
                "make it smaller."
            )
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); give another file.") from error


def _digit_documents(
    service: Service, stage: StageSnapshot, digits: tuple[Digit, ...]
) -> list[dict[str, Any]]:
    import numpy as np

    from tsexplorer.analysis.prediction import prediction_from_logits
    from tsexplorer.data.registry import get_dataset

    classes = get_dataset(stage.spec.data.name).info.classes
    z_NC = service.inference.logits(stage, np.stack([digit.pixels for digit in digits]))
    documents = []
    for digit, z_C in zip(digits, z_NC, strict=True):
        prediction = prediction_from_logits(z_C, 1.0)
        probabilities = zip(classes, prediction.probabilities_C.tolist(), strict=True)
        documents.append(
            {
                "label": classes[prediction.answer],
                "confidence": prediction.confidence,
                "entropy": prediction.entropy,
                "probabilities": dict(probabilities),
                "box": list(digit.box),
                "usual": digit.is_typical,
                "input": digit.pixels.tolist(),
            }
        )
    return documents


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
            rows.append((document["file"], NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE))
    print_table(
        ("file", "digit", "answer", "confidence", "entropy (nats)", "next"),
        rows,
        numbers=("confidence", "entropy (nats)"),
        notes=[f"Probabilities at T = 1, of the stage {stage.hash} ({stage.spec.data.name})."],
    )
