"""The archive that a trained net is taken away as."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tsexplorer import __version__
from tsexplorer.data.base import SIDE, DatasetInfo
from tsexplorer.models import count, describe
from tsexplorer.specs import StageSpec

FORMAT = 1
"""Of the card; rises when a key changes its meaning."""


@dataclass(frozen=True)
class ModelCardInfo:
    """What the card says of a net besides what its stage does.

    Attributes:
        title: what the net is, as one phrase.
        experiment: the name of its experiment.
        role: teacher, baseline or distilled.
        seed: of the experiment; a stage of it may have another one.
        loss: the convention that it was trained with, with its numbers.
        machine: what it was trained on; None where that is not known.
        validation_accuracy: share of 1.
        test_accuracy: share of 1, read once.
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
        name: for the file; safe on any system.
        content: of the file.
    """

    name: str
    content: bytes


def archive(
    key: str, stage: StageSpec, info: DatasetInfo, told: ModelCardInfo, net: bytes, weights: bytes
) -> Archive:
    """Put a net's files into one.

    Args:
        key: the stage's hash.
        stage: how the net was trained.
        info: the dataset's.
        told: what else is known.
        net: as ONNX.
        weights: as safetensors, as they lie in the store.
    """
    card = card_of(key, stage, info, told)
    files = {
        "net.onnx": net,
        "net.safetensors": weights,
        "card.json": json.dumps(card, ensure_ascii=False, indent=2).encode() + b"\n",
        "README.md": page_of(card, info, told).encode(),
    }
    name = f"{stage.data.name}-{told.role}-seed-{told.seed}-{key[:8]}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for inner, content in files.items():
            file.writestr(f"{name}/{inner}", content)
    return Archive(f"{name}.zip", packed.getvalue())


def card_of(key: str, stage: StageSpec, info: DatasetInfo, told: ModelCardInfo) -> dict[str, Any]:
    """What a program has to know of the net: what goes in, what comes out, how good it is."""
    size = count(stage.model, len(info.classes))
    return {
        "format": FORMAT,
        "title": told.title,
        "experiment": told.experiment,
        "role": told.role,
        "stage": key,
        "net": describe(stage.model, len(info.classes)),
        "parameters": size.parameters,
        "multiply_accumulates": size.macs,
        "input": {
            "name": "images",
            "type": "uint8",
            "shape": ["N", SIDE, SIDE],
            "meaning": "0 is the ground, 255 the stroke; the net scales them itself",
            "scaling": stage.data.scaling,
            "mean": told.mean,
            "deviation": told.deviation,
        },
        "output": {
            "name": "logits",
            "type": "float32",
            "shape": ["N", len(info.classes)],
            "classes": list(info.classes),
        },
        "accuracy": {
            "validation": told.validation_accuracy,
            "test": told.test_accuracy,
            "validation_images": info.validation,
            "test_images": info.test,
            "data": info.title,
            "seed": told.seed,
        },
        "loss": told.loss,
        "trained_on": told.machine,
        "training": json.loads(stage.to_json()),
        "written_by": f"Teacher-Student Explorer {__version__}",
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


USE = """\
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


def page_of(card: dict[str, Any], info: DatasetInfo, told: ModelCardInfo) -> str:
    """The page beside the net: what it is, how good, how it is used."""
    accuracies = [
        f"- {name} accuracy {100 * share:.2f} % ({images:,} images of {info.title}, seed "
        f"{told.seed}{once})"
        for name, share, images, once in (
            ("Validation", told.validation_accuracy, info.validation, ""),
            ("Test", told.test_accuracy, info.test, "; read once, for no choice"),
        )
        if share is not None
    ]
    lines = [
        f"# {told.title[:1].upper()}{told.title[1:]}",
        "",
        f"{card['net']}: {card['parameters']:,} parameters, {card['multiply_accumulates']:,} "
        "multiply-accumulates an image.",
        "",
        *accuracies,
        f"- Loss: {told.loss}",
        *([f"- Trained on {told.machine}"] if told.machine else []),
        "",
        "## Use it",
        "",
        "    pip install onnxruntime pillow",
        "",
        *(
            f"    {line}".rstrip()
            for line in USE.format(side=SIDE, classes=list(info.classes)).splitlines()
        ),
        "",
        f"What goes in looks like the images of {info.title}: {SIDE} x {SIDE} pixels, the stroke "
        "light on a dark ground, in the middle. A photo has to be brought there first: on paper "
        "the ground is light. softmax(logits / T) are its answers at temperature T.",
        "",
        "## What is here",
        "",
        "- `net.onnx`: the net with its scaling before it, for any program that runs ONNX",
        "- `net.safetensors`: its weights alone, by the names that they have in torch",
        "- `card.json`: the same as this page, for programs, with all that it was trained by",
    ]
    return "\n".join(lines) + "\n"
