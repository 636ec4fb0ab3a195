"""MobileNetV3-Small: Howard et al. 2019, arXiv 1905.02244, table 2.

As in torchvision, with three changes: the first convolution has stride 1 for images of at most 64
pixels a side; the running statistics of batch normalisation have momentum 0.1 instead of 0.01, with
which they would hardly change in a short training; the dense layers have torch's default initial
weights.
"""

from __future__ import annotations

from tsexplorer.data.base import ImageShape
from tsexplorer.models.layers import (
    Activation,
    ActivationName,
    BatchNorm2d,
    Block,
    Conv,
    Dense,
    Dropout,
    GlobalAveragePool,
    Layer,
    Residual,
    SqueezeExcite,
)
from tsexplorer.models.registry import Architecture, Preset


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> tuple[Layer, ...]:
    conv = Conv(inputs, outputs, kernel=kernel, stride=stride, bias=False)
    return (conv, BatchNorm2d(outputs, epsilon=1e-3))


def _depthwise(channels: int, kernel: int, stride: int) -> tuple[Layer, ...]:
    conv = Conv(channels, channels, kernel, stride=stride, groups=channels, bias=False)
    return (conv, BatchNorm2d(channels, epsilon=1e-3))


def _squeeze(channels: int) -> SqueezeExcite:
    """A quarter of the channels, rounded to a multiple of 8, but not down by a tenth or more."""
    quarter = channels // 4
    multiple = max(8, (quarter + 4) // 8 * 8)
    return SqueezeExcite(channels, multiple if multiple >= 0.9 * quarter else multiple + 8)


def _block(
    *widths: int, kernel: int, name: ActivationName, stride: int = 1, squeeze: bool = True
) -> Block:
    """Inverted residual block: expansion, depthwise convolution and projection.

    Args:
        *widths: channels of the input, after the expansion, and of the output.
        kernel: kernel size of the depthwise convolution.
        name: activation.
        stride: stride of the depthwise convolution.
        squeeze: whether the block has squeeze-and-excitation.
    """
    inputs, expanded, outputs = widths
    activation = Activation(name)
    main = (
        *((*_conv(inputs, expanded, 1), activation) if expanded != inputs else ()),
        *(*_depthwise(expanded, kernel, stride), activation),
        *((_squeeze(expanded),) if squeeze else ()),
        *_conv(expanded, outputs, 1),
    )
    return Residual(main) if stride == 1 and inputs == outputs else Block(main)


SWISH = Activation("hardswish")
SMALL_SIDE = 64
"""Side in pixels up to which the first convolution keeps the size of an image."""


def _architecture(image_shape: ImageShape) -> Architecture:
    stride = 1 if min(image_shape[1:]) <= SMALL_SIDE else 2
    body: tuple[Layer, ...] = (
        *(*_conv(image_shape[0], 16, 3, stride), SWISH),
        _block(16, 16, 16, kernel=3, name="relu", stride=2),
        _block(16, 72, 24, kernel=3, name="relu", stride=2, squeeze=False),
        _block(24, 88, 24, kernel=3, name="relu", squeeze=False),
        _block(24, 96, 40, kernel=5, name="hardswish", stride=2),
        _block(40, 240, 40, kernel=5, name="hardswish"),
        _block(40, 240, 40, kernel=5, name="hardswish"),
        _block(40, 120, 48, kernel=5, name="hardswish"),
        _block(48, 144, 48, kernel=5, name="hardswish"),
        _block(48, 288, 96, kernel=5, name="hardswish", stride=2),
        _block(96, 576, 96, kernel=5, name="hardswish"),
        _block(96, 576, 96, kernel=5, name="hardswish"),
        *(*_conv(96, 576, 1), SWISH),
        GlobalAveragePool(),
        *(Dense(576, 1024), SWISH, Dropout(0.2)),
    )
    return Architecture(
        body, initialisation="kaiming", outline="conv 16, 11 inverted residual blocks 16-96"
    )


PRESET = Preset(
    name="mobilenet-v3-small",
    title="MobileNetV3-Small",
    summary="A large net for mobile devices: many parameters, little arithmetic.",
    source=(
        "Howard et al. 2019, arXiv 1905.02244, as in torchvision; first convolution with "
        "stride 1 up to 64 pixels a side, batch norm momentum 0.1"
    ),
    net=_architecture,
)
