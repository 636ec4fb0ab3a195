"""Torch modules of the layer records. Imports torch.

Modules are created on the meta device: they have shapes but no values, so that the global generator
of torch is not used and no random numbers are drawn twice. No module modifies its input in place or
branches on values, so that nets run under ``torch.func.vmap``.
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


class DropoutModule(nn.Module):
    """Dropout that uses a given random generator instead of the global one.

    In training it sets a fraction ``p`` of its inputs to zero and divides the others by 1 - p. In
    evaluation it is the identity.

    Attributes:
        p: fraction of inputs that are set to zero.
        generator: random generator on the device of the inputs.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of the same shape.

        Raises:
            RuntimeError: in training, if there is no generator.
        """
        if not self.training:
            return x
        if self.generator is None:
            raise RuntimeError(
                "dropout in training needs a generator: call net.set_dropout_generator() first"
            )
        # On a CPU three times as fast as bernoulli_, and with equal masks in bf16 and fp32.
        keep = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.p
        return x * keep * (1 / (1 - self.p))

    def extra_repr(self) -> str:
        """Parameters that ``print(net)`` displays."""
        return f"p={self.p}"


class BatchNorm1dModule(nn.BatchNorm1d):
    """Batch normalisation of units B×F; also accepts batches with one value for each unit."""

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of the same shape."""
        if self.training and _has_single_values(x):
            return _normalise_by_running_statistics(self, x)
        return super().forward(x)


class BatchNorm2dModule(nn.BatchNorm2d):
    """Batch normalisation of channels B×C×H×W; also accepts one value for each channel."""

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of the same shape."""
        if self.training and _has_single_values(x):
            return _normalise_by_running_statistics(self, x)
        return super().forward(x)


def _has_single_values(x: Tensor) -> bool:
    """Whether a batch has one value for each channel, and therefore no standard deviation.

    The last batch of an epoch can be such a batch, and torch raises an error for it.
    """
    return x.numel() <= x.shape[1]


def _normalise_by_running_statistics(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Normalise as in evaluation, without a change of the running statistics."""
    return functional.batch_norm(
        x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
    )


class ResidualModule(nn.Module):
    """main(x) + shortcut(x)."""

    def __init__(self, main: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.main = main
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """B×C×H×W to B×C'×H'×W'."""
        return torch.add(self.main(x), self.shortcut(x))


class ZeroPadShortcutModule(nn.Module):
    """See :class:`tsexplorer.models.layers.ZeroPadShortcut`."""

    def __init__(self, more_channels: int, stride: int) -> None:
        super().__init__()
        self.more_channels = more_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """B×C×H×W to B×C'×H'×W'; half of the further channels stand before the others."""
        before = self.more_channels // 2
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, before, self.more_channels - before))


class SqueezeExciteModule(nn.Module):
    """Squeeze-and-excitation; see :class:`tsexplorer.models.layers.SqueezeExcite`."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        # On one pixel, 1×1 convolutions are dense layers that preserve the memory layout of x.
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


def build_sequence(sequence: Iterable[layers.Layer]) -> nn.Sequential:
    """The module of a sequence of layers, on the meta device.

    Raises:
        TypeError: a kind of layer has no module.
    """
    return nn.Sequential(*(build_module(layer) for layer in sequence))


def build_module(layer: layers.Layer) -> nn.Module:
    """The module of a layer, on the meta device.

    Raises:
        TypeError: this kind of layer has no module.
    """
    match layer:
        case layers.Conv():
            return _build_conv(layer)
        case layers.Dense():
            return nn.Linear(layer.inputs, layer.outputs, bias=layer.bias, device=META)
        case layers.BatchNorm1d():
            return BatchNorm1dModule(layer.channels, eps=layer.epsilon, device=META)
        case layers.BatchNorm2d():
            return BatchNorm2dModule(layer.channels, eps=layer.epsilon, device=META)
        case layers.Activation():
            return ACTIVATIONS[layer.name]()
        case layers.MaxPool():
            return nn.MaxPool2d(layer.size)
        case layers.GlobalAveragePool():
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case layers.Flatten():
            return nn.Flatten()
        case layers.Dropout():
            return DropoutModule(layer.p)
        case layers.Residual():
            return ResidualModule(build_sequence(layer.main), build_sequence(layer.shortcut))
        case layers.ZeroPadShortcut():
            return ZeroPadShortcutModule(layer.outputs - layer.inputs, layer.stride)
        case layers.Block():
            return build_sequence(layer.main)
        case layers.SqueezeExcite():
            return SqueezeExciteModule(layer.channels, layer.squeezed)
    raise TypeError(f"there is no torch module for {layer!r}")


def _build_conv(layer: layers.Conv) -> nn.Conv2d:
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
