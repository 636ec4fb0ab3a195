"""The zip archive of a trained net: ONNX file, weights, model card and README."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tsexplorer import __version__
from tsexplorer.data.base import SIDE, DatasetInfo
from tsexplorer.errors import UserError
from tsexplorer.models import count, describe
from tsexplorer.specs import StageSpec

log = logging.getLogger(__name__)

FORMAT = 1
"""Version of the model card; increases if the meaning of a key changes."""
TIMEOUT_SECONDS = 300
EXIT_USER_ERROR = 2
"""Exit code of an export process that writes a ``UserError`` to standard error."""


@dataclass(frozen=True)
class ModelCardInfo:
    """Contents of the model card that a stage's spec does not have.

    Attributes:
        title: the net, as one phrase.
        experiment: name of the experiment.
        role: teacher, baseline or distilled.
        seed: of the experiment; its stages may have other seeds.
        loss: loss and its convention, with numbers.
        machine: machine of the training; None if unknown.
        validation_accuracy: share of 1.
        test_accuracy: share of 1; not used for selection.
        mean: of the training pixels / 255.
        deviation: of the training pixels / 255.
    """

    title: str
    experiment: str
    role: str
    seed: int
    loss: str
    machine: str | None
    validation_accuracy: float | None
    test_accuracy: float | None
    mean: float
    deviation: float


@dataclass(frozen=True)
class Archive:
    """A zip file.

    Attributes:
        name: file name, valid on every operating system.
        content: the bytes of the file.
    """

    name: str
    content: bytes


def build_archive(
    key: str,
    stage: StageSpec,
    dataset: DatasetInfo,
    card_info: ModelCardInfo,
    onnx: bytes,
    weights: bytes,
) -> Archive:
    """Build the archive of a trained net.

    Args:
        key: the stage's hash.
        stage: how the net was trained.
        dataset: of the stage.
        card_info: further contents of the model card.
        onnx: the net's ONNX file.
        weights: the net's safetensors file.
    """
    card = model_card(key, stage, dataset, card_info)
    files = {
        "net.onnx": onnx,
        "net.safetensors": weights,
        "card.json": json.dumps(card, ensure_ascii=False, indent=2).encode() + b"\n",
        "README.md": readme(card, dataset, card_info).encode(),
    }
    name = f"{stage.data.name}-{card_info.role}-seed-{card_info.seed}-{key[:8]}"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in files.items():
            archive.writestr(f"{name}/{file}", content)
    return Archive(f"{name}.zip", buffer.getvalue())


def model_card(
    key: str, stage: StageSpec, dataset: DatasetInfo, card_info: ModelCardInfo
) -> dict[str, Any]:
    """Return the model card: the net's input, output, accuracy and training, for programs."""
    size = count(stage.model, len(dataset.classes))
    return {
        "format": FORMAT,
        "title": card_info.title,
        "experiment": card_info.experiment,
        "role": card_info.role,
        "stage": key,
        "net": describe(stage.model, len(dataset.classes)),
        "parameters": size.parameters,
        "multiply_accumulates": size.macs,
        "input": {
            "name": "images",
            "type": "uint8",
            "shape": ["N", SIDE, SIDE],
            "meaning": "0 is the background, 255 the stroke; the net scales the images itself",
            "scaling": stage.data.scaling,
            "mean": card_info.mean,
            "deviation": card_info.deviation,
        },
        "output": {
            "name": "logits",
            "type": "float32",
            "shape": ["N", len(dataset.classes)],
            "classes": list(dataset.classes),
        },
        "accuracy": {
            "validation": card_info.validation_accuracy,
            "test": card_info.test_accuracy,
            "validation_images": dataset.validation,
            "test_images": dataset.test,
            "data": dataset.title,
            "seed": card_info.seed,
        },
        "loss": card_info.loss,
        "trained_on": card_info.machine,
        "training": json.loads(stage.to_json()),
        "written_by": f"Teacher-Student Explorer {__version__}",
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


USAGE_EXAMPLE = """\
import numpy as np
import onnxruntime
from PIL import Image

net = onnxruntime.InferenceSession("net.onnx")
picture = Image.open("picture.png").convert("L").resize(({side}, {side}))
images = np.asarray(picture, np.uint8)[None]      # N x {side} x {side}, light strokes on dark
(logits,) = net.run(["logits"], {{"images": images}})
classes = {classes}
print(classes[logits[0].argmax()])
"""


def readme(card: dict[str, Any], dataset: DatasetInfo, card_info: ModelCardInfo) -> str:
    """Return the archive's README: what the net is, its accuracy, and how to use it."""
    accuracies = [
        f"- {name} accuracy {100 * share:.2f} % ({images:,} images of {dataset.title}, seed "
        f"{card_info.seed}{note})"
        for name, share, images, note in (
            ("Validation", card_info.validation_accuracy, dataset.validation, ""),
            ("Test", card_info.test_accuracy, dataset.test, "; used once, not for selection"),
        )
        if share is not None
    ]
    lines = [
        f"# {card_info.title[:1].upper()}{card_info.title[1:]}",
        "",
        f"{card['net']}: {card['parameters']:,} parameters, {card['multiply_accumulates']:,} "
        "multiply-accumulates per image.",
        "",
        *accuracies,
        f"- Loss: {card_info.loss}",
        *([f"- Trained on {card_info.machine}"] if card_info.machine else []),
        "",
        "## How to use it",
        "",
        "    pip install onnxruntime pillow",
        "",
        *(
            f"    {line}".rstrip()
            for line in USAGE_EXAMPLE.format(side=SIDE, classes=list(dataset.classes)).splitlines()
        ),
        "",
        f"Input images must look like those of {dataset.title}: {SIDE} x {SIDE} pixels, with a "
        "light stroke on a dark background, in the centre. Convert a photo of handwriting first: "
        "paper is light, so invert it. The probabilities at temperature T are softmax(logits / T).",
        "",
        "## Files",
        "",
        "- `net.onnx`: the net, which scales its input itself, for any ONNX runtime",
        "- `net.safetensors`: the weights, under their names in torch",
        "- `card.json`: the contents of this page for programs, with all training settings",
    ]
    return "\n".join(lines) + "\n"


class OnnxRequest(BaseModel):
    """Request to the export process.

    Attributes:
        stage: how the net was trained.
        weights: the net's weights file.
        classes: number of classes.
        mean: of the training pixels / 255.
        deviation: of the training pixels / 255.
        output: path of the ONNX file to write.
    """

    stage: StageSpec
    weights: Path
    classes: int
    mean: float
    deviation: float
    output: Path


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of the training pixels / 255."""

    mean: float
    deviation: float


def export_onnx(stage: StageSpec, weights: Path, classes: int, pixels: PixelStatistics) -> bytes:
    """Return a net's ONNX file: uint8 images N×28×28 in, logits N×C out, scaling included.

    Args:
        stage: how the net was trained.
        weights: the net's weights file.
        classes: number of classes, C.
        pixels: statistics of the training images.

    Raises:
        UserError: the weights are missing or damaged, or the file could not be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "net.onnx"
        request = OnnxRequest(
            stage=stage,
            weights=weights,
            classes=classes,
            mean=pixels.mean,
            deviation=pixels.deviation,
            output=output,
        )
        try:
            process = subprocess.run(
                [sys.executable, "-m", "tsexplorer.export"],
                input=request.model_dump_json(by_alias=True),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=TIMEOUT_SECONDS,
                env=os.environ
                | {
                    "OMP_NUM_THREADS": "1",  # a training may run beside it
                    "PYTHONUTF8": "1",
                    "PYTHONPATH": os.pathsep.join(map(str, sys.path)),
                },
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"The net could not be written as ONNX ({error}).") from error
        if process.returncode == EXIT_USER_ERROR:
            raise UserError(process.stderr.strip().splitlines()[-1])
        if process.returncode or not output.is_file():
            log.error("writing ONNX failed:\n%s", process.stderr)
            reason = (process.stderr.strip().splitlines() or ["no error message"])[-1]
            raise UserError(f"The net could not be written as ONNX ({reason[:200]}).")
        return output.read_bytes()
