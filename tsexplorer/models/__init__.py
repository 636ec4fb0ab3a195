"""Nets: architectures as data, counted without torch, built with it.

Names, counts and descriptions come without importing torch; :func:`build` imports it when it is
called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.models.registry import Preset, get_preset, model_names, resolve
from tsexplorer.models.summary import MAX_PARAMETERS, Count, LayerRow, check, count, describe

if TYPE_CHECKING:
    from tsexplorer.models.network import Net
    from tsexplorer.specs import ModelSpec

__all__ = [
    "MAX_PARAMETERS",
    "Count",
    "LayerRow",
    "Preset",
    "build",
    "check",
    "count",
    "describe",
    "get_preset",
    "model_names",
]


def build(model: ModelSpec, classes: int, seed: int) -> Net:
    """Build a net on the CPU, in training mode, with its first weights.

    Safe to call from several threads at once. The weights are a function of the arguments alone,
    and torch's global generator is left untouched.

    Args:
        model: which net.
        classes: C, units of its last layer.
        seed: of the weights.

    Returns:
        a net from scaled images B×1×28×28 to logits B×C.

    Raises:
        NotFoundError: there is no such net.
        UserError: the net is impossible, or too large.
    """
    check(model, classes)
    from tsexplorer.models.network import assemble

    return assemble(resolve(model), classes, seed)
