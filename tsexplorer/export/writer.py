"""A net's ONNX file, written by a process of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from tsexplorer.errors import UserError
from tsexplorer.specs import StageSpec

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 300
WRONG = 2
"""Exit code of a process whose standard error is a sentence."""


class Request(BaseModel):
    """What the process is asked for.

    Attributes:
        stage: how the net was trained.
        weights: its weights file.
        classes: that it tells apart.
        mean: of the training pixels / 255.
        deviation: of the training pixels / 255.
        into: the file to be written.
    """

    stage: StageSpec
    weights: Path
    classes: int
    mean: float
    deviation: float
    into: Path


@dataclass(frozen=True)
class Pixels:
    """Mean and deviation of the training pixels / 255."""

    mean: float
    deviation: float


def onnx_of(stage: StageSpec, weights: Path, classes: int, pixels: Pixels) -> bytes:
    """The net as ONNX: uint8 images N×28×28 in, logits N×C out, scaling included.

    Args:
        stage: how the net was trained.
        weights: its weights file.
        classes: C, that it tells apart.
        pixels: of its training images.

    Raises:
        UserError: the weights are missing or damaged, or the net could not be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "net.onnx"
        request = Request(
            stage=stage,
            weights=weights,
            classes=classes,
            mean=pixels.mean,
            deviation=pixels.deviation,
            into=into,
        )
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tsexplorer.export"],
                input=request.model_dump_json(by_alias=True),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=PATIENCE_SECONDS,
                env=os.environ
                | {
                    "OMP_NUM_THREADS": "1",  # a training may be at work beside it
                    "PYTHONUTF8": "1",
                    "PYTHONPATH": os.pathsep.join(map(str, sys.path)),
                },
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"The net could not be written as ONNX ({error}).") from error
        if done.returncode == WRONG:
            raise UserError(done.stderr.strip().splitlines()[-1])
        if done.returncode or not into.is_file():
            log.error("writing ONNX failed:\n%s", done.stderr)
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise UserError(f"The net could not be written as ONNX ({last[:200]}).")
        return into.read_bytes()
