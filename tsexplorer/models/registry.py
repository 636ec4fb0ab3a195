"""Nets by name, and architectures from specs.

A module of ``tsexplorer/models/presets`` that defines ``PRESET`` (a preset, or a tuple of presets)
is registered. Two presets with the same name are an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tsexplorer.errors import NotFoundError
from tsexplorer.models.layers import (
    MONOTONE,
    Activation,
    BatchNorm1d,
    BatchNorm2d,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Shape,
)
from tsexplorer.plugins import discover
from tsexplorer.specs import ModelSpec, NetConfig

PRESETS_PACKAGE = "tsexplorer.models.presets"
IMAGE_SHAPE: Shape = (1, 28, 28)
"""Shape of the input of all nets."""

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
        net: a config, which forms can edit, or an architecture that a config cannot express.
    """

    name: str
    title: str
    summary: str
    source: str
    net: NetConfig | Architecture


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


def resolve(model: ModelSpec) -> Architecture:
    """The architecture of a preset or of a custom net.

    Raises:
        NotFoundError: the preset does not exist.
    """
    net = model.net if model.net is not None else get_preset(model.name).net
    return derive(net) if isinstance(net, NetConfig) else net


def derive(net: NetConfig) -> Architecture:
    """The architecture of a config; it can be invalid (see :func:`tsexplorer.models.check`)."""
    body: list[Layer] = [Dropout(net.input_dropout)] if net.input_dropout else []
    channels = IMAGE_SHAPE[0]
    for width in net.conv:
        body.extend(_conv_block(net, channels, width))
        channels = width
    body.append(Flatten())
    units = _flat_units(body)
    for width in net.dense:
        body.extend(_dense_block(net, units, width))
        units = width
    return Architecture(tuple(body), net.initialisation)


def _conv_block(net: NetConfig, inputs: int, outputs: int) -> Iterator[Layer]:
    # Batch normalisation would subtract a bias.
    yield Conv(inputs, outputs, net.kernel, net.padding, bias=not net.batch_norm)
    if net.batch_norm:
        yield BatchNorm2d(outputs)
    # For a monotone activation, pooling first gives the same result at a quarter of the cost.
    if net.activation in MONOTONE:
        yield from (MaxPool(), Activation(net.activation))
    else:
        yield from (Activation(net.activation), MaxPool())


def _dense_block(net: NetConfig, inputs: int, outputs: int) -> Iterator[Layer]:
    yield Dense(inputs, outputs, bias=not net.batch_norm)
    if net.batch_norm:
        yield BatchNorm1d(outputs)
    yield Activation(net.activation)
    if net.dropout:
        yield Dropout(net.dropout)


def _flat_units(body: list[Layer]) -> int:
    shape = IMAGE_SHAPE
    for layer in body:
        shape = layer.output(shape)
    return shape[0]
