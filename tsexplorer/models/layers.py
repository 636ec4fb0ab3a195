"""Layers as data: output shape, number of parameters and cost.

Each record corresponds to one torch module, which :mod:`tsexplorer.models.modules` builds. A net is
a tuple of records. This module does not import torch.

Shapes are those of one image: ``(channels, height, width)``, or ``(units,)`` after flattening. MACs
are multiply-accumulates for one image. By the usual convention only convolutions and dense layers
count, not normalisation, pooling and activations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Literal

Shape = tuple[int, ...]
ActivationName = Literal["relu", "sigmoid", "tanh", "gelu", "hardswish"]

MONOTONE: frozenset[ActivationName] = frozenset({"relu", "sigmoid", "tanh"})
"""Monotone activations; max-pooling before or after them gives the same result."""


@dataclass(frozen=True)
class Layer:
    """Base class: a layer without parameters whose output has the shape of its input."""

    @property
    def label(self) -> str:
        """Name of the layer in tables and weight keys, without its number in the net."""
        return type(self).__name__.lower()

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return 0

    def output(self, shape: Shape) -> Shape:
        """Shape of the output; it has values below 1 if the input is too small."""
        return shape

    def macs(self, shape: Shape) -> int:  # noqa: ARG002 - zero for most layers
        """Multiply-accumulates for one image, given the shape of the input."""
        return 0


@dataclass(frozen=True)
class Conv(Layer):
    """A convolution with a square kernel.

    Padding ``same`` adds ``kernel // 2`` zeros at each edge, ``valid`` adds none.
    """

    inputs: int
    outputs: int
    kernel: int = 3
    padding: Literal["same", "valid"] = "same"
    stride: int = 1
    groups: int = 1
    bias: bool = True

    @property
    def pad(self) -> int:
        """Number of zeros added at each edge."""
        return self.kernel // 2 if self.padding == "same" else 0

    @property
    def weights(self) -> int:
        """Number of weights, without biases."""
        return self.inputs // self.groups * self.outputs * self.kernel**2

    @property
    def parameters(self) -> int:
        """Weights, and one bias for each output channel."""
        return self.weights + self.outputs * self.bias

    def output(self, shape: Shape) -> Shape:
        """``(outputs, height, width)``."""
        sides = ((side + 2 * self.pad - self.kernel) // self.stride + 1 for side in shape[1:])
        return (self.outputs, *sides)

    def macs(self, shape: Shape) -> int:
        """Number of weights times number of output pixels."""
        return self.weights * prod(self.output(shape)[1:])


@dataclass(frozen=True)
class MaxPool(Layer):
    """Maximum over squares that do not overlap; incomplete squares at the edge are dropped."""

    size: int = 2

    def output(self, shape: Shape) -> Shape:
        """Sides divided by ``size``, rounded down."""
        channels, *sides = shape
        return (channels, *(side // self.size for side in sides))


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """The mean of each channel: ``(channels,)``."""

    @property
    def label(self) -> str:
        """``average``."""
        return "average"

    def output(self, shape: Shape) -> Shape:
        """``(channels,)``."""
        return shape[:1]


@dataclass(frozen=True)
class Activation(Layer):
    """An elementwise function."""

    name: ActivationName

    @property
    def label(self) -> str:
        """Name of the function."""
        return self.name


@dataclass(frozen=True)
class BatchNorm2d(Layer):
    """Batch normalisation of channels."""

    channels: int
    epsilon: float = 1e-5

    @property
    def label(self) -> str:
        """``norm``."""
        return "norm"

    @property
    def parameters(self) -> int:
        """A scale and a shift for each channel; running statistics are not trained."""
        return 2 * self.channels


@dataclass(frozen=True)
class BatchNorm1d(BatchNorm2d):
    """Batch normalisation of units."""


@dataclass(frozen=True)
class Flatten(Layer):
    """``(channels, height, width)`` to ``(units,)``."""

    def output(self, shape: Shape) -> Shape:
        """``(units,)``."""
        return (prod(shape),)


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer."""

    inputs: int
    outputs: int
    bias: bool = True

    @property
    def parameters(self) -> int:
        """Weights, and one bias for each unit."""
        return (self.inputs + self.bias) * self.outputs

    def output(self, shape: Shape) -> Shape:  # noqa: ARG002 - does not depend on the input
        """``(outputs,)``."""
        return (self.outputs,)

    def macs(self, shape: Shape) -> int:  # noqa: ARG002
        """Number of weights."""
        return self.inputs * self.outputs


@dataclass(frozen=True)
class Dropout(Layer):
    """Dropout: in training, sets a fraction ``p`` of the inputs to zero and scales the others."""

    p: float


STACKABLE = Dense | Activation | Flatten
"""Layers that :mod:`tsexplorer.models.stacked` can compute for several nets at once."""


@dataclass(frozen=True)
class Block(Layer):
    """A sequence of layers that is displayed as one layer."""

    main: tuple[Layer, ...]

    @property
    def label(self) -> str:
        """``block``."""
        return "block"

    @property
    def parameters(self) -> int:
        """Sum over all layers."""
        return sum(layer.parameters for layer in self.main)

    def output(self, shape: Shape) -> Shape:
        """Shape of the output of the last layer."""
        return _apply(self.main, shape)[0]

    def macs(self, shape: Shape) -> int:
        """Sum over all layers."""
        return _apply(self.main, shape)[1]


@dataclass(frozen=True)
class Residual(Block):
    """main(x) + shortcut(x); an empty shortcut is the identity."""

    shortcut: tuple[Layer, ...] = ()

    @property
    def parameters(self) -> int:
        """Sum over both branches."""
        return super().parameters + sum(layer.parameters for layer in self.shortcut)

    def macs(self, shape: Shape) -> int:
        """Sum over both branches."""
        return super().macs(shape) + _apply(self.shortcut, shape)[1]


@dataclass(frozen=True)
class ZeroPadShortcut(Layer):
    """A shortcut without parameters: every ``stride``-th pixel, and zeros for further channels.

    Source: He et al. 2016, arXiv 1512.03385, section 3.3, option A.
    """

    inputs: int
    outputs: int
    stride: int

    @property
    def label(self) -> str:
        """``shortcut``."""
        return "shortcut"

    def output(self, shape: Shape) -> Shape:
        """``(outputs, height, width)``, sides divided by the stride and rounded up."""
        return (self.outputs, *(-(-side // self.stride) for side in shape[1:]))


@dataclass(frozen=True)
class SqueezeExcite(Layer):
    """Squeeze-and-excitation: scales each channel by a factor from 0 to 1.

    The factors are computed from the mean of each channel by a dense layer to ``squeezed`` units,
    ReLU, a dense layer to one unit for each channel, and hard sigmoid. Source: Hu et al. 2018,
    arXiv 1709.01507.
    """

    channels: int
    squeezed: int

    @property
    def parameters(self) -> int:
        """Parameters of two dense layers."""
        return 2 * self.channels * self.squeezed + self.squeezed + self.channels

    def macs(self, shape: Shape) -> int:  # noqa: ARG002 - the input is one pixel
        """Number of weights."""
        return 2 * self.channels * self.squeezed


def _apply(layers: Iterable[Layer], shape: Shape) -> tuple[Shape, int]:
    """Shape of the output of a sequence of layers, and its MACs."""
    macs = 0
    for layer in layers:
        macs += layer.macs(shape)
        shape = layer.output(shape)
    return shape, macs
