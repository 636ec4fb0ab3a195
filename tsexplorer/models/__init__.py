"""Nets: architectures as data, and torch modules that are built from them.

Only :func:`build` imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.models.registry import Preset, get_preset, model_names, resolve
from tsexplorer.models.summary import MAX_PARAMETERS, LayerRow, ModelSize, check, count, describe

if TYPE_CHECKING:
    from tsexplorer.data.base import ImageTask
    from tsexplorer.models.network import Net
    from tsexplorer.specs import ModelSpec

__all__ = [
    "MAX_PARAMETERS",
    "LayerRow",
    "ModelSize",
    "Preset",
    "build",
    "check",
    "count",
    "describe",
    "get_preset",
    "model_names",
]


def build(model: ModelSpec, task: ImageTask, seed: int) -> Net:
    """Build a net on the CPU, in training mode, with its initial weights.

    The weights depend on the arguments only. The function does not use the global generator of
    torch and can be called from several threads at once.

    Args:
        model: the net.
        task: the images and the classes.
        seed: seed of the initial weights.

    Returns:
        a net that maps scaled images B×C×H×W to logits B×K, K classes.

    Raises:
        NotFoundError: the net does not exist.
        UserError: the net is invalid or too large.
    """
    check(model, task)
    from tsexplorer.models.network import build_net

    return build_net(resolve(model, task.image_shape), task, seed)
