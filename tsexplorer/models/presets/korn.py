"""johnkorn/distillation, 2017 (Keras): nets for 26 handwritten letters.

The teacher has convolutions without padding and dropout after each pooling, which a config cannot
express.
"""

from __future__ import annotations

from tsexplorer.models.layers import Activation, Conv, Dense, Dropout, Flatten, MaxPool
from tsexplorer.models.registry import Architecture, Preset
from tsexplorer.specs import NetConfig

SOURCE = "johnkorn/distillation, 2017, models.py; quoted by Wu 2020, section 3.2"

PRESET = (
    Preset(
        name="korn-cnn",
        title="Korn 2017 teacher",
        summary="A wide convolutional teacher with 1024 dense units and dropout.",
        source=SOURCE,
        net=Architecture(
            (
                *(Conv(1, 64, padding="valid"), MaxPool(), Activation("relu"), Dropout(0.25)),
                *(Conv(64, 128, padding="valid"), MaxPool(), Activation("relu"), Dropout(0.25)),
                Flatten(),
                *(Dense(128 * 5 * 5, 1024), Activation("relu"), Dropout(0.5)),
            ),
            initialisation="glorot",
        ),
    ),
    Preset(
        name="korn-mlp",
        title="Korn 2017 student",
        summary="A dense student: 512 ReLU units with dropout.",
        source=SOURCE,
        net=NetConfig(dense=(512,), dropout=0.2, initialisation="glorot"),
    ),
)
