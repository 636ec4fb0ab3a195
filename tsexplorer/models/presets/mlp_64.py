"""The student of the first page: small enough to train in seconds."""

from __future__ import annotations

from tsexplorer.models.registry import Preset
from tsexplorer.specs import NetConfig

PRESET = Preset(
    name="mlp-64",
    title="Dense 64",
    summary="A small student: one hidden layer of 64 ReLU units.",
    source="This project; Wu 2020's student with ReLU in place of the sigmoid.",
    net=NetConfig(dense=(64,)),
)
