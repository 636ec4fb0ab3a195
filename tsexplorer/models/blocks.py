"""Layers made of layers: what residual nets are written in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tsexplorer.models.layers import Layer, Shape


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
