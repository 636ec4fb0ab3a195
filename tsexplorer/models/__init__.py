"""Nets: architectures as data, counted without torch, built with it.

Names, counts and descriptions come without importing torch; :func:`build` imports it when it is
called.
"""

from __future__ import annotations

from tsexplorer.models.base import Preset
from tsexplorer.models.build import build
from tsexplorer.models.count import MAX_PARAMETERS, Count, LayerRow, check, count
from tsexplorer.models.describe import describe
from tsexplorer.models.registry import get_preset, model_names

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
