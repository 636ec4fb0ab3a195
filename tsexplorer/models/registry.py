"""Nets by name, found by looking into ``tsexplorer/models/presets``.

A module there that defines ``PRESET`` (a preset, or a tuple of them) is registered; a name used
twice is an error when the registry is first asked.

What a net is before it is built: a tuple of layers, and a preset that gives it a name.

From a config to layers.
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

PRESETS = "tsexplorer.models.presets"


@cache
def _registry() -> dict[str, Preset]:
    return discover(PRESETS, "PRESET", Preset)


def model_names() -> tuple[str, ...]:
    """Names of all presets in alphabetical order; ``custom`` is not among them."""
    return tuple(sorted(_registry()))


def get_preset(name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return _registry()[name]
    except KeyError:
        known = ", ".join(model_names())
        raise NotFoundError(f"There is no net called {name!r}; choose one of {known}.") from None


def resolve(model: ModelSpec) -> Architecture:
    """The architecture that a spec names or spells out.

    Raises:
        NotFoundError: there is no such preset.
    """
    net = model.net if model.net is not None else get_preset(model.name).net
    return derive(net) if isinstance(net, NetConfig) else net


Scheme = Literal["torch", "glorot", "kaiming"]


@dataclass(frozen=True)
class Architecture:
    """A net but for its last layer, which is a dense layer to as many units as there are classes.

    Attributes:
        body: layers from an image 1×28×28 to flat features.
        initialisation: how weights start; see :mod:`tsexplorer.models.network`.
        outline: the body in words, where its layers are too many to be spelt out.
    """

    body: tuple[Layer, ...]
    initialisation: Scheme = "torch"
    outline: str = ""


@dataclass(frozen=True)
class Preset:
    """A named net.

    Attributes:
        name: identifier in specs.
        title: name as people write it.
        summary: what it is good for, in one line.
        source: where it comes from, and what was changed.
        net: a config, which a form can start from, or layers that no config can say.
    """

    name: str
    title: str
    summary: str
    source: str
    net: NetConfig | Architecture


IMAGE: Shape = (1, 28, 28)


def derive(net: NetConfig) -> Architecture:
    """The layers that a config stands for; they may still be impossible (see ``check``)."""
    body: list[Layer] = [Dropout(net.input_dropout)] if net.input_dropout else []
    channels = IMAGE[0]
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
    # A bias before batch norm would be subtracted again at once.
    yield Conv(inputs, outputs, net.kernel, net.padding, bias=not net.batch_norm)
    if net.batch_norm:
        yield BatchNorm2d(outputs)
    # Pooling first is a quarter of the work, and the same function for a monotone activation;
    # GELU falls before it rises, so there the order matters.
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
    shape = IMAGE
    for layer in body:
        shape = layer.output(shape)
    return shape[0]
