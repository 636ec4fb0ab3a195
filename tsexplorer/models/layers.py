"""Layers as data: what each does to a shape, how many parameters it has, what it costs.

Each record is one torch module (:mod:`tsexplorer.models.modules` builds it), and a net is a tuple
of records. Nothing here imports torch.

Shapes are those of one image: ``(channels, height, width)``, or ``(units,)`` once flat. MACs are
multiply-accumulates of convolutions and dense layers for one image, the usual convention; what
norms, poolings and activations add is not counted.

Layers made of layers: what residual nets are written in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Literal

Shape = tuple[int, ...]
ActivationName = Literal["relu", "sigmoid", "tanh", "gelu", "hardswish"]

MONOTONE: frozenset[ActivationName] = frozenset({"relu", "sigmoid", "tanh"})
"""Activations that commute with max-pooling."""


@dataclass(frozen=True)
class Layer:
    """A layer without parameters that keeps its input's shape; the others say how they differ."""

    @property
    def label(self) -> str:
        """What the layer is called in tables; its number in the net is added."""
        return type(self).__name__.lower()

    @property
    def parameters(self) -> int:
        """Trained numbers in the layer."""
        return 0

    def output(self, shape: Shape) -> Shape:
        """Shape of the output; has numbers below 1 where the input is too small."""
        return shape

    def macs(self, shape: Shape) -> int:  # noqa: ARG002 - nothing to count in most layers
        """Multiply-accumulates for one image, given the input's shape."""
        return 0


@dataclass(frozen=True)
class Conv(Layer):
    """A square convolution; ``same`` pads by half the (odd) kernel, ``valid`` not at all."""

    inputs: int
    outputs: int
    kernel: int = 3
    padding: Literal["same", "valid"] = "same"
    stride: int = 1
    groups: int = 1
    bias: bool = True

    @property
    def pad(self) -> int:
        """Zeros added at each edge, in pixels."""
        return self.kernel // 2 if self.padding == "same" else 0

    @property
    def weights(self) -> int:
        """Parameters without the biases."""
        return self.inputs // self.groups * self.outputs * self.kernel**2

    @property
    def parameters(self) -> int:
        """Weights, and a bias an output channel."""
        return self.weights + self.outputs * self.bias

    def output(self, shape: Shape) -> Shape:
        """``(outputs, height, width)``."""
        sides = ((side + 2 * self.pad - self.kernel) // self.stride + 1 for side in shape[1:])
        return (self.outputs, *sides)

    def macs(self, shape: Shape) -> int:
        """Each weight once a pixel of the output."""
        return self.weights * prod(self.output(shape)[1:])


@dataclass(frozen=True)
class MaxPool(Layer):
    """Maximum over squares that do not overlap; what is left over at the edge is dropped."""

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
    """A function of each number by itself."""

    name: ActivationName

    @property
    def label(self) -> str:
        """The function's name."""
        return self.name


@dataclass(frozen=True)
class BatchNorm2d(Layer):
    """Batch norm of channels."""

    channels: int
    epsilon: float = 1e-5

    @property
    def label(self) -> str:
        """``norm``."""
        return "norm"

    @property
    def parameters(self) -> int:
        """A scale and a shift a channel; the running figures are not trained."""
        return 2 * self.channels


@dataclass(frozen=True)
class BatchNorm1d(BatchNorm2d):
    """Batch norm of units."""


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
        """Weights, and a bias a unit."""
        return (self.inputs + self.bias) * self.outputs

    def output(self, shape: Shape) -> Shape:  # noqa: ARG002 - the input's shape does not matter
        """``(outputs,)``."""
        return (self.outputs,)

    def macs(self, shape: Shape) -> int:  # noqa: ARG002
        """Each weight once."""
        return self.inputs * self.outputs


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, sets a share ``p`` of its input to zero and scales up the rest."""

    p: float


STACKED = Dense | Activation | Flatten
"""Layers that nets of one architecture can compute side by side as one net."""


@dataclass(frozen=True)
class Block(Layer):
    """Layers one after the other, shown as one."""

    main: tuple[Layer, ...]

    @property
    def label(self) -> str:
        """``block``."""
        return "block"

    @property
    def parameters(self) -> int:
        """Of all its layers."""
        return sum(layer.parameters for layer in self.main)

    def output(self, shape: Shape) -> Shape:
        """Of the last layer."""
        return _through(self.main, shape)[0]

    def macs(self, shape: Shape) -> int:
        """Of all its layers."""
        return _through(self.main, shape)[1]


@dataclass(frozen=True)
class Residual(Block):
    """main(x) + shortcut(x); an empty shortcut hands x on as it is."""

    shortcut: tuple[Layer, ...] = ()

    @property
    def parameters(self) -> int:
        """Of both ways."""
        return super().parameters + sum(layer.parameters for layer in self.shortcut)

    def macs(self, shape: Shape) -> int:
        """Of both ways."""
        return super().macs(shape) + _through(self.shortcut, shape)[1]


@dataclass(frozen=True)
class SqueezeExcite(Layer):
    """Weighs channels by what all of the image says of them (Hu et al. 2018, arXiv 1709.01507).

    Mean of each channel, dense to ``squeezed``, ReLU, dense back, hard sigmoid, times the input.
    """

    channels: int
    squeezed: int

    @property
    def parameters(self) -> int:
        """Two dense layers."""
        return 2 * self.channels * self.squeezed + self.squeezed + self.channels

    def macs(self, shape: Shape) -> int:  # noqa: ARG002 - it works on the means
        """Each weight once."""
        return 2 * self.channels * self.squeezed


def _through(layers: Iterable[Layer], shape: Shape) -> tuple[Shape, int]:
    """Shape after the layers, and their MACs."""
    macs = 0
    for layer in layers:
        macs += layer.macs(shape)
        shape = layer.output(shape)
    return shape, macs
