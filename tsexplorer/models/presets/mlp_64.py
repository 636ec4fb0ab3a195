"""The default student, which trains in seconds."""

from __future__ import annotations

from tsexplorer.models.registry import Preset
from tsexplorer.specs import NetConfig

PRESET = Preset(
    name="mlp-64",
    title="Dense 64",
    summary="A small student: one hidden layer of 64 ReLU units.",
    source="This project; Wu 2020's student with ReLU instead of sigmoid.",
    net=NetConfig(dense=(64,)),
)
