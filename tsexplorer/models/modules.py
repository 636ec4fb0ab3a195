"""The torch module that each layer stands for. Imports torch.

Modules are made on the meta device: they have shapes and no numbers, so that nothing is drawn
from torch's global generator and nothing is drawn twice. No module changes its input in place,
and none branches on values, so that nets run under ``torch.func.vmap``.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsexplorer.models import layers

META = "meta"
ACTIVATIONS: dict[layers.ActivationName, type[nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "hardswish": nn.Hardswish,
}


class Dropout(nn.Module):
    """Dropout that draws from a generator it is given, never from the global one.

    In training it sets a share ``p`` of its input to zero and divides the rest by 1 - p; in
    evaluation it is the identity.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of the same shape.

        Raises:
            RuntimeError: in training, when there is no generator.
        """
        if not self.training:
            return x
        if self.generator is None:
            raise RuntimeError(
                "dropout in training needs a generator: call net.set_dropout_generator() first"
            )
        # Three times as fast on a CPU as bernoulli_, and the same draws in bf16 and fp32.
        keep = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.p
        return x * keep * (1 / (1 - self.p))

    def extra_repr(self) -> str:
        """Shown by ``print(net)``."""
        return f"p={self.p}"


class _BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm that lets a batch with a single number a channel pass.

    Such a batch has no deviation, and torch refuses it; a last batch of one image would end a
    training. It is normalised by the running figures, as in evaluation, and leaves them alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of the same shape."""
        if not self.training or x.numel() > x.shape[1]:
            return super().forward(x)
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """Batch norm of units B×F."""


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """Batch norm of channels B×C×H×W."""


class Residual(nn.Module):
    """main(x) + shortcut(x)."""

    def __init__(self, main: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.main = main
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """B×C×H×W to B×C'×H'×W'."""
        return torch.add(self.main(x), self.shortcut(x))


class SqueezeExcite(nn.Module):
    """Weighs channels by what all of the image says of them."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        # 1×1 convolutions on one pixel are dense layers that keep the layout of x.
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1, device=META),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1, device=META),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of the same shape."""
        return torch.mul(x, self.weigh(x))


def sequence(parts: Iterable[layers.Layer]) -> nn.Sequential:
    """Layers one after the other, without numbers in them yet."""
    return nn.Sequential(*(module(layer) for layer in parts))


def module(layer: layers.Layer) -> nn.Module:
    """The module for a layer, on the meta device.

    Raises:
        TypeError: no module is known for this kind of layer.
    """
    match layer:
        case layers.Conv():
            return _conv(layer)
        case layers.Dense():
            return nn.Linear(layer.inputs, layer.outputs, bias=layer.bias, device=META)
        case layers.BatchNorm1d():
            return BatchNorm1d(layer.channels, eps=layer.epsilon, device=META)
        case layers.BatchNorm2d():
            return BatchNorm2d(layer.channels, eps=layer.epsilon, device=META)
        case layers.Activation():
            return ACTIVATIONS[layer.name]()
        case layers.MaxPool():
            return nn.MaxPool2d(layer.size)
        case layers.GlobalAveragePool():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case layers.Flatten():
            return nn.Flatten()
        case layers.Dropout():
            return Dropout(layer.p)
        case layers.Residual():
            return Residual(sequence(layer.main), sequence(layer.shortcut))
        case layers.Block():
            return sequence(layer.main)
        case layers.SqueezeExcite():
            return SqueezeExcite(layer.channels, layer.squeezed)
    raise TypeError(f"there is no torch module for {layer!r}")


def _conv(layer: layers.Conv) -> nn.Conv2d:
    return nn.Conv2d(
        layer.inputs,
        layer.outputs,
        layer.kernel,
        stride=layer.stride,
        padding=layer.pad,
        groups=layer.groups,
        bias=layer.bias,
        device=META,
    )
