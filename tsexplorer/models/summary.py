"""Size and cost of a net, worked out from its layers; says at once when a net is impossible.

A net in a few words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from tsexplorer.errors import UserError
from tsexplorer.models.layers import (
    Activation,
    BatchNorm2d,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Shape,
)
from tsexplorer.models.registry import IMAGE, Architecture, resolve
from tsexplorer.specs import ModelSpec

MAX_PARAMETERS = 50_000_000
"""Parameters of the largest net that is trained here: with gradients and Adam 800 MB."""
LAST = "logits"
"""Name of the last layer."""
BYTES = 4


@dataclass(frozen=True)
class LayerRow:
    """A layer as a row of a table.

    Attributes:
        name: kind and number, as in ``conv2``; the same name as in the built net.
        output: its shape in words, as in ``32×14×14``.
        parameters: trained numbers.
        macs: multiply-accumulates for one image.
    """

    name: str
    output: str
    parameters: int
    macs: int


@dataclass(frozen=True)
class Count:
    """What a net costs.

    Attributes:
        parameters: trained numbers.
        macs: multiply-accumulates of convolutions and dense layers for one image.
        bytes: size of the parameters in float32.
        layers: the net, row by row.
    """

    parameters: int
    macs: int
    bytes: int
    layers: tuple[LayerRow, ...]


def count(model: ModelSpec, classes: int) -> Count:
    """Count a net's parameters and multiply-accumulates.

    Args:
        model: which net.
        classes: units of its last layer.

    Raises:
        NotFoundError: there is no such net.
        UserError: the net is impossible, or too large.
    """
    rows = tuple(
        LayerRow(name, "×".join(map(str, layer.output(shape))), layer.parameters, layer.macs(shape))
        for name, layer, shape in trace(resolve(model), classes)
    )
    parameters = sum(row.parameters for row in rows)
    if parameters > MAX_PARAMETERS:
        raise UserError(
            f"This net has {parameters:,} parameters, more than the {MAX_PARAMETERS:,} that are "
            "trained here; use fewer or narrower layers."
        )
    return Count(parameters, sum(row.macs for row in rows), BYTES * parameters, rows)


def check(model: ModelSpec, classes: int) -> None:
    """Raise what :func:`count` raises for a net that cannot be built; else do nothing."""
    count(model, classes)


def trace(architecture: Architecture, classes: int) -> Iterator[tuple[str, Layer, Shape]]:
    """Each layer with its name and the shape of its input; the last layer included.

    Raises:
        UserError: there are too few classes, or the image is too small for the layers.
    """
    if classes < 2:
        raise UserError(f"A net needs at least 2 classes to tell apart, not {classes}.")
    used: Counter[str] = Counter()
    shape = IMAGE
    for layer in architecture.body:
        output = layer.output(shape)
        if min(output) < 1:
            raise UserError(_too_small(architecture, layer, used["maxpool"], shape))
        used[layer.label] += 1
        single = isinstance(layer, Flatten)
        yield layer.label if single else f"{layer.label}{used[layer.label]}", layer, shape
        shape = output
    yield LAST, Dense(shape[0], classes), shape


def _too_small(architecture: Architecture, layer: Layer, blocks: int, shape: Shape) -> str:
    """Why ``layer`` does not fit, when ``blocks`` convolution blocks before it did."""
    side = shape[1]
    remedy = f"use at most {blocks} convolution block{'s' * (blocks != 1)}"
    if isinstance(layer, Conv):
        return (
            f"After {blocks} convolution block{'s' * (blocks != 1)} the image is {side}×{side} px, "
            f"too small for a {layer.kernel}×{layer.kernel} convolution without padding; "
            f"{remedy}, or padding 'same'."
        )
    pools = sum(isinstance(one, MaxPool) for one in architecture.body)
    return f"{pools} poolings shrink {IMAGE[1]} px below 1 pixel; {remedy}."


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
