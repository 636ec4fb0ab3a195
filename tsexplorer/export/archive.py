"""The zip archive of a trained net: ONNX file, weights, model card and README."""

from __future__ import annotations

import inspect
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
from tsexplorer.data.base import DatasetInfo, ImageTask, PixelStatistics, array_shape
from tsexplorer.errors import UserError
from tsexplorer.imaging import figure_input, net_input
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
        statistics: mean and deviation of the training pixels / 255.
    """

    title: str
    experiment: str
    role: str
    seed: int
    loss: str
    machine: str | None
    validation_accuracy: float | None
    test_accuracy: float | None
    statistics: PixelStatistics


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
        "prepare.py": prepare_source(dataset).encode(),
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
    size = count(stage.model, dataset.task)
    return {
        "format": FORMAT,
        "title": card_info.title,
        "experiment": card_info.experiment,
        "role": card_info.role,
        "stage": key,
        "net": describe(stage.model, dataset.task),
        "parameters": size.parameters,
        "multiply_accumulates": size.macs,
        "input": {
            "name": "images",
            "type": "uint8",
            "shape": ["N", *array_shape(dataset.image_shape)],
            "meaning": _pixel_meaning(dataset),
            "scaling": stage.data.scaling,
            **_statistics(card_info.statistics),
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


def _pixel_meaning(dataset: DatasetInfo) -> str:
    if dataset.handwriting:
        return "0 is the background, 255 the stroke; the net scales the images itself"
    channels = "grey" if dataset.image_shape[0] == 1 else "red, green and blue"
    return f"{channels}, 0 to 255; the net scales the images itself"


def _statistics(statistics: PixelStatistics) -> dict[str, Any]:
    """Mean and deviation: numbers for grey images, lists for colour."""
    if len(statistics.mean) == 1:
        return {"mean": statistics.mean[0], "deviation": statistics.deviation[0]}
    return {"mean": list(statistics.mean), "deviation": list(statistics.deviation)}


USAGE_EXAMPLE = """\
import onnxruntime
from PIL import Image

from prepare import prepare

net = onnxruntime.InferenceSession("net.onnx")
images = prepare(Image.open("picture.png"), {arguments})[None]
(logits,) = net.run(["logits"], {{"images": images}})
classes = {classes}
print(classes[logits[0].argmax()])
"""


def usage_example(dataset: DatasetInfo) -> str:
    """Return the lines that answer a picture with an exported net."""
    arguments = repr(array_shape(dataset.image_shape))
    if not dataset.handwriting:
        arguments += f', "{dataset.fit}"'
    return USAGE_EXAMPLE.format(arguments=arguments, classes=list(dataset.classes))


def prepare_source(dataset: DatasetInfo) -> str:
    """Return the contents of ``prepare.py``, a module of this project that needs no other."""
    module = figure_input if dataset.handwriting else net_input
    return inspect.getsource(module)


def _input_text(dataset: DatasetInfo) -> str:
    """What pictures must look like, for the README."""
    _, height, width = dataset.image_shape
    if dataset.handwriting:
        text = (
            "`prepare` reads a picture of one clear figure: it finds dark strokes on light paper "
            f"or light ones on dark, crops them and puts them into {width} x {height} pixels as in "
            f"{dataset.title}."
        )
    else:
        text = (
            f"`prepare` brings any picture file to {width} x {height} pixels, exactly as the app "
            "does."
        )
    return f"{text} The probabilities at temperature T are softmax(logits / T)."


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
        "    pip install onnxruntime pillow numpy",
        "",
        *(f"    {line}".rstrip() for line in usage_example(dataset).splitlines()),
        "",
        _input_text(dataset),
        "",
        "## Files",
        "",
        "- `net.onnx`: the net, which scales its input itself, for any ONNX runtime",
        "- `prepare.py`: from a picture file to the net's input, with Pillow and NumPy",
        "- `net.safetensors`: the weights, under their names in torch",
        "- `card.json`: the contents of this page for programs, with all training settings",
    ]
    return "\n".join(lines) + "\n"


class OnnxRequest(BaseModel):
    """Request to the export process.

    Attributes:
        stage: how the net was trained.
        weights: the net's weights file.
        task: the images and the classes.
        statistics: mean and deviation of the training pixels / 255.
        output: path of the ONNX file to write.
    """

    stage: StageSpec
    weights: Path
    task: ImageTask
    statistics: PixelStatistics
    output: Path


def export_onnx(
    stage: StageSpec, weights: Path, task: ImageTask, statistics: PixelStatistics
) -> bytes:
    """Return a net's ONNX file: uint8 images in, logits N×C out, scaling included.

    The images are N×H×W in grey or N×H×W×3 in colour.

    Args:
        stage: how the net was trained.
        weights: the net's weights file.
        task: the images and the classes.
        statistics: mean and deviation of the training pixels / 255.

    Raises:
        UserError: the weights are missing or damaged, or the file could not be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "net.onnx"
        request = OnnxRequest(
            stage=stage,
            weights=weights,
            task=task,
            statistics=statistics,
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
