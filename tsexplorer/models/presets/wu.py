"""Bo Wu, "Teacher-Student Ensemble Net", 20 September 2020, section 3.1 (Keras)."""

from __future__ import annotations

from tsexplorer.models.registry import Preset
from tsexplorer.specs import NetConfig

SOURCE = "Bo Wu, Teacher-Student Ensemble Net, 20 September 2020, section 3.1"

PRESET = (
    Preset(
        name="wu-cnn",
        title="Wu 2020 teacher",
        summary="A compact teacher: three convolutions with pooling, no hidden dense layer.",
        source=SOURCE,
        net=NetConfig(conv=(32, 64, 64), initialisation="glorot"),
    ),
    Preset(
        name="wu-mlp",
        title="Wu 2020 student",
        summary="A small student: one hidden layer of 64 sigmoid units.",
        source=SOURCE,
        net=NetConfig(dense=(64,), activation="sigmoid", initialisation="glorot"),
    ),
)
