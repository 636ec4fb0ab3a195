"""Size and cost of nets, validation, and short descriptions, without an import of torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from tsexplorer.data.base import ImageShape, ImageTask
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
from tsexplorer.models.registry import DEFAULT_SHAPE, Architecture, resolve
from tsexplorer.specs import ModelSpec

MAX_PARAMETERS = 50_000_000
"""Parameters of the largest allowed net; with gradients and Adam this takes 800 MB."""
LOGITS = "logits"
"""Name of the last layer."""
BYTES_PER_PARAMETER = 4


@dataclass(frozen=True)
class LayerRow:
    """A layer in the table of a net.

    Attributes:
        name: kind and number, as in ``conv2``; the same name as in the built net.
        output: shape of the output for display, as in ``32×14×14``.
        parameters: number of trained parameters.
        macs: multiply-accumulates for one image.
    """

    name: str
    output: str
    parameters: int
    macs: int


@dataclass(frozen=True)
class ModelSize:
    """Size and cost of a net.

    Attributes:
        parameters: number of trained parameters.
        macs: multiply-accumulates of convolutions and dense layers for one image.
        bytes: size of the parameters in float32.
        layers: the layers, including the last one.
    """

    parameters: int
    macs: int
    bytes: int
    layers: tuple[LayerRow, ...]


def count(model: ModelSpec, task: ImageTask) -> ModelSize:
    """Count the parameters and multiply-accumulates of a net.

    Args:
        model: the net.
        task: the images and the classes.

    Raises:
        NotFoundError: the net does not exist.
        UserError: the net is invalid or too large.
    """
    rows = tuple(
        LayerRow(name, "×".join(map(str, layer.output(shape))), layer.parameters, layer.macs(shape))
        for name, layer, shape in trace_layers(resolve(model, task.image_shape), task)
    )
    parameters = sum(row.parameters for row in rows)
    if parameters > MAX_PARAMETERS:
        raise UserError(
            f"This net has {parameters:,} parameters, and the limit is {MAX_PARAMETERS:,}; use "
            "fewer or narrower layers."
        )
    macs = sum(row.macs for row in rows)
    return ModelSize(parameters, macs, BYTES_PER_PARAMETER * parameters, rows)


def check(model: ModelSpec, task: ImageTask) -> None:
    """Check that a net can be built.

    Raises:
        NotFoundError: the net does not exist.
        UserError: the net is invalid or too large.
    """
    count(model, task)


def trace_layers(architecture: Architecture, task: ImageTask) -> Iterator[tuple[str, Layer, Shape]]:
    """Name, layer and shape of the input for each layer, including the last one.

    Raises:
        UserError: there are too few classes, or the image is too small for the layers.
    """
    if task.classes < 2:
        raise UserError(f"A net needs at least 2 classes, not {task.classes}.")
    number_by_label: Counter[str] = Counter()
    shape: Shape = task.image_shape
    for layer in architecture.body:
        output = layer.output(shape)
        if min(output) < 1:
            blocks = number_by_label["maxpool"]
            raise UserError(
                _format_too_small(architecture, layer, blocks, (shape, task.image_shape))
            )
        number_by_label[layer.label] += 1
        number = "" if isinstance(layer, Flatten) else number_by_label[layer.label]
        yield f"{layer.label}{number}", layer, shape
        shape = output
    yield LOGITS, Dense(shape[0], task.classes), shape


def _format_too_small(
    architecture: Architecture, layer: Layer, blocks: int, shapes: tuple[Shape, ImageShape]
) -> str:
    """The error for a layer whose input is too small, after ``blocks`` convolution blocks."""
    shape, image_shape = shapes
    remedy = f"use at most {blocks} convolution block{'s' * (blocks != 1)}"
    if isinstance(layer, Conv):
        return (
            f"After {blocks} convolution block{'s' * (blocks != 1)} the image is "
            f"{shape[1]}×{shape[2]} px, "
            f"too small for a {layer.kernel}×{layer.kernel} convolution without padding; "
            f"{remedy}, or padding 'same'."
        )
    pools = sum(isinstance(layer, MaxPool) for layer in architecture.body)
    return f"{pools} poolings shrink {min(image_shape[1:])} px below 1 pixel; {remedy}."


ACTIVATION_TITLES = {
    "relu": "ReLU",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "gelu": "GELU",
    "hardswish": "hard swish",
}


TEN_DIGITS = ImageTask(10, DEFAULT_SHAPE)


def describe(model: ModelSpec, task: ImageTask = TEN_DIGITS) -> str:
    """A short description of the layers of a net.

    For a dense net it lists the widths, beginning with the number of pixels. For a convolutional
    net it mentions kernel, padding and activation only if they are not 3×3, "same" and ReLU.

    Raises:
        NotFoundError: the net does not exist.

    >>> describe(ModelSpec(name="mlp-64"))
    '784-64-10, ReLU'
    >>> describe(ModelSpec(name="wu-cnn"))
    'conv 32-64-64, FC 10'
    """
    architecture = resolve(model, task.image_shape)
    return ", ".join(
        [
            *_describe_widths(architecture, task),
            *_describe_activation(architecture),
            *_describe_regularisation(architecture),
        ]
    )


def _describe_widths(architecture: Architecture, task: ImageTask) -> list[str]:
    dense = [layer.outputs for layer in architecture.body if isinstance(layer, Dense)]
    convs = [layer for layer in architecture.body if isinstance(layer, Conv)]
    if architecture.outline:
        return [architecture.outline, f"FC {_join_widths([*dense, task.classes])}"]
    if not convs:
        return [_join_widths([prod(task.image_shape), *dense, task.classes])]
    kernel = "" if convs[0].kernel == 3 else f"{convs[0].kernel}×{convs[0].kernel} "
    unpadded = " unpadded" if all(conv.padding == "valid" for conv in convs) else ""
    widths = _join_widths([conv.outputs for conv in convs])
    return [f"conv {kernel}{widths}{unpadded}", f"FC {_join_widths([*dense, task.classes])}"]


def _describe_activation(architecture: Architecture) -> list[str]:
    names = [layer.name for layer in architecture.body if isinstance(layer, Activation)]
    has_convolutions = any(isinstance(layer, Conv) for layer in architecture.body)
    if not names or architecture.outline or (has_convolutions and names[0] == "relu"):
        return []
    return [ACTIVATION_TITLES[names[0]]]


def _describe_regularisation(architecture: Architecture) -> list[str]:
    has_norm = any(isinstance(layer, BatchNorm2d) for layer in architecture.body)
    rates = [f"{layer.p:g}" for layer in architecture.body if isinstance(layer, Dropout)]
    parts = ["batch norm"] if has_norm and not architecture.outline else []
    if rates:
        # Each rate once, in the order of the layers.
        parts.append(f"dropout {' and '.join(dict.fromkeys(rates))}")
    return parts


def _join_widths(widths: list[int]) -> str:
    return "-".join(map(str, widths))
