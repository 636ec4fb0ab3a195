"""Where the files of a stage lie; looking needs no torch."""

from __future__ import annotations

from pathlib import Path

from tsexplorer.assets import DEMO

CHECKPOINT = "checkpoint.safetensors"
WEIGHTS = "weights.safetensors"


def weights_path(folder: Path, key: str) -> Path | None:
    """The file with a stage's weights, in the home folder or among those that ship.

    Args:
        folder: the one that holds a folder a stage.
        key: the stage's hash.

    Returns:
        None where there is none.
    """
    for path in (folder / key / WEIGHTS, DEMO / f"{key}.safetensors"):
        if path.exists():
            return path
    return None
