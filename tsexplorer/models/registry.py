"""Nets by name, and architectures from specs.

A module of ``tsexplorer/models/presets`` that defines ``PRESET`` (a preset, or a tuple of presets)
is registered. Two presets with the same name are an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tsexplorer.data.base import ImageShape
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.models.layers import (
    MONOTONE,
    Activation,
    BatchNorm1d,
    BatchNorm2d,
    Block,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Residual,
    Shape,
)
from tsexplorer.plugins import discover
from tsexplorer.specs import ModelSpec, NetConfig

PRESETS_PACKAGE = "tsexplorer.models.presets"
DEFAULT_SHAPE: ImageShape = (1, 28, 28)
"""Shape of MNIST's images, for descriptions of nets without a dataset."""

InitialisationScheme = Literal["torch", "glorot", "kaiming"]
"""Schemes for initial weights; see :mod:`tsexplorer.models.network`."""


@dataclass(frozen=True)
class Architecture:
    """A net without its last layer, a dense layer with one unit for each class.

    Attributes:
        body: layers that map an image to a vector of features.
        initialisation: scheme for the initial weights.
        outline: description of the body, for bodies with too many layers to list.
    """

    body: tuple[Layer, ...]
    initialisation: InitialisationScheme = "torch"
    outline: str = ""


@dataclass(frozen=True)
class Preset:
    """A named net.

    Attributes:
        name: name in specs.
        title: name for display.
        summary: one sentence for a newcomer.
        source: publication that defines the net, and differences from it.
        net: a config, which forms can edit, or a function from the shape of an image to an
            architecture that a config cannot express.
    """

    name: str
    title: str
    summary: str
    source: str
    net: NetConfig | Callable[[ImageShape], Architecture]


@cache
def load_presets(package: str = PRESETS_PACKAGE) -> dict[str, Preset]:
    """The presets of a package, by name.

    Raises:
        ValueError: two presets have the same name.
    """
    return discover(package, "PRESET", Preset)


def model_names() -> tuple[str, ...]:
    """Names of all presets in alphabetical order, without ``custom``."""
    return tuple(sorted(load_presets()))


def get_preset(name: str) -> Preset:
    """The preset with this name.

    Raises:
        NotFoundError: it does not exist.
    """
    try:
        return load_presets()[name]
    except KeyError:
        names = ", ".join(model_names())
        raise NotFoundError(f"There is no net called {name!r}; choose one of {names}.") from None


def resolve(model: ModelSpec, image_shape: ImageShape = DEFAULT_SHAPE) -> Architecture:
    """The architecture of a preset or of a custom net, for images of a shape.

    Raises:
        NotFoundError: the preset does not exist.
        UserError: the config has another number of strides than blocks.
    """
    net = model.net if model.net is not None else get_preset(model.name).net
    return derive(net, image_shape) if isinstance(net, NetConfig) else net(image_shape)


def derive(net: NetConfig, image_shape: ImageShape = DEFAULT_SHAPE) -> Architecture:
    """The architecture of a config; it can be invalid (see :func:`tsexplorer.models.check`).

    Raises:
        UserError: it has another number of strides than blocks.
    """
    if net.strides and len(net.strides) != len(net.conv):
        raise UserError(
            f"There are {len(net.conv)} convolution blocks and {len(net.strides)} strides; give "
            "one stride for each block, or none."
        )
    body: list[Layer] = [Dropout(net.input_dropout)] if net.input_dropout else []
    channels = image_shape[0]
    for width, stride in zip(net.conv, net.strides or (2,) * len(net.conv), strict=True):
        body.extend(_conv_block(net, channels, width, stride))
        channels = width
    body.append(GlobalAveragePool() if net.head == "average" else Flatten())
    units = _flat_units(body, image_shape)
    for width in net.dense:
        body.extend(_dense_block(net, units, width))
        units = width
    return Architecture(tuple(body), net.initialisation, _outline(net))


def _outline(net: NetConfig) -> str:
    """Description of the blocks of a config, empty where its layers can be listed."""
    if not net.conv or (net.block, net.strides, net.head) == ("plain", (), "flatten"):
        return ""
    noun = {"plain": "conv", "separable": "separable conv", "residual": "residual blocks"}
    parts = [f"{noun[net.block]} {'-'.join(map(str, net.conv))}"]
    if net.batch_norm:
        parts.append("batch norm")
    if net.head == "average":
        parts.append("average")
    return ", ".join(parts)


def _conv_block(net: NetConfig, inputs: int, outputs: int, stride: int) -> Iterator[Layer]:
    pooled = stride == 2 and net.downsample == "pool"
    inner = 1 if pooled else stride
    if net.block == "separable":
        depthwise = Conv(
            inputs, inputs, net.kernel, net.padding, inner, groups=inputs, bias=not net.batch_norm
        )
        yield from _normalised(net, depthwise)
        yield Activation(net.activation)
        yield from _normalised(net, Conv(inputs, outputs, 1, bias=not net.batch_norm))
    elif net.block == "residual":
        yield _residual(net, inputs, outputs, inner)
    else:
        conv = Conv(inputs, outputs, net.kernel, net.padding, inner, bias=not net.batch_norm)
        yield from _normalised(net, conv)
    # For a monotone activation, pooling first gives the same result at a quarter of the cost.
    if pooled and net.activation in MONOTONE:
        yield from (MaxPool(), Activation(net.activation))
    elif pooled:
        yield from (Activation(net.activation), MaxPool())
    else:
        yield Activation(net.activation)


def _normalised(net: NetConfig, conv: Conv) -> Iterator[Layer]:
    yield conv
    if net.batch_norm:  # it would subtract a bias
        yield BatchNorm2d(conv.outputs)


def _residual(net: NetConfig, inputs: int, outputs: int, stride: int) -> Block:
    """Two convolutions and a shortcut around them; the activation follows the sum."""
    bias = not net.batch_norm
    first = Conv(inputs, outputs, net.kernel, "same", stride, bias=bias)
    second = Conv(outputs, outputs, net.kernel, "same", bias=bias)
    main = (*_normalised(net, first), Activation(net.activation), *_normalised(net, second))
    shortcut: tuple[Layer, ...] = ()
    if stride > 1 or inputs != outputs:
        shortcut = tuple(_normalised(net, Conv(inputs, outputs, 1, stride=stride, bias=bias)))
    return Residual(main, shortcut)


def _dense_block(net: NetConfig, inputs: int, outputs: int) -> Iterator[Layer]:
    yield Dense(inputs, outputs, bias=not net.batch_norm)
    if net.batch_norm:
        yield BatchNorm1d(outputs)
    yield Activation(net.activation)
    if net.dropout:
        yield Dropout(net.dropout)


def _flat_units(body: list[Layer], image_shape: ImageShape) -> int:
    shape: Shape = image_shape
    for layer in body:
        shape = layer.output(shape)
    return shape[0]
