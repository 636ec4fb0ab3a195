"""A net in a few words."""

from __future__ import annotations

from math import prod

from tsexplorer.models.base import Architecture
from tsexplorer.models.derive import IMAGE
from tsexplorer.models.layers import Activation, BatchNorm2d, Conv, Dense, Dropout
from tsexplorer.models.registry import resolve
from tsexplorer.specs import ModelSpec

NAMES = {
    "relu": "ReLU",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "gelu": "GELU",
    "hardswish": "hard swish",
}


def describe(model: ModelSpec, classes: int = 10) -> str:
    """A net's layers in a few words.

    A dense net is written by its widths, pixels first. Of a convolutional net only what departs
    from 3×3 kernels, padding and ReLU is said.

    Raises:
        NotFoundError: there is no such net.

    >>> describe(ModelSpec(name="mlp-64"))
    '784-64-10, ReLU'
    >>> describe(ModelSpec(name="wu-cnn"))
    'conv 32-64-64, FC 10'
    """
    architecture = resolve(model)
    return ", ".join(
        [
            *_widths(architecture, classes),
            *_activation(architecture),
            *_regularisation(architecture),
        ]
    )


def _widths(architecture: Architecture, classes: int) -> list[str]:
    dense = [layer.outputs for layer in architecture.body if isinstance(layer, Dense)]
    convs = [layer for layer in architecture.body if isinstance(layer, Conv)]
    if architecture.outline:
        return [architecture.outline, f"FC {_joined([*dense, classes])}"]
    if not convs:
        return [_joined([prod(IMAGE), *dense, classes])]
    kernel = "" if convs[0].kernel == 3 else f"{convs[0].kernel}×{convs[0].kernel} "
    unpadded = " unpadded" if all(conv.padding == "valid" for conv in convs) else ""
    widths = _joined([conv.outputs for conv in convs])
    return [f"conv {kernel}{widths}{unpadded}", f"FC {_joined([*dense, classes])}"]


def _activation(architecture: Architecture) -> list[str]:
    names = [layer.name for layer in architecture.body if isinstance(layer, Activation)]
    convolutional = any(isinstance(layer, Conv) for layer in architecture.body)
    if not names or architecture.outline or (convolutional and names[0] == "relu"):
        return []
    return [NAMES[names[0]]]


def _regularisation(architecture: Architecture) -> list[str]:
    norm = any(isinstance(layer, BatchNorm2d) for layer in architecture.body)
    shares = [f"{layer.p:g}" for layer in architecture.body if isinstance(layer, Dropout)]
    # Each share once, in the order of the layers.
    dropout = f"dropout {' and '.join(dict.fromkeys(shares))}"
    return ["batch norm"] * (norm and not architecture.outline) + [dropout] * bool(shares)


def _joined(widths: list[int]) -> str:
    return "-".join(map(str, widths))
