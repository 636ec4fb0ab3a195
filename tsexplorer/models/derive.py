"""From a config to layers."""

from __future__ import annotations

from collections.abc import Iterator

from tsexplorer.models.base import Architecture
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
from tsexplorer.specs import NetConfig

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
