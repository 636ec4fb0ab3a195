"""MobileNetV3-Small: Howard et al. 2019, arXiv 1905.02244, table 2.

As in torchvision, with three changes: the stem has stride 1, for an image of 28 px; the running
figures of batch norm have momentum 0.1 for 0.01, which a short training would hardly move; the
dense layers start as torch's do.
"""

from __future__ import annotations

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
    """To a quarter of the channels, rounded to eights but never down by a tenth or more."""
    quarter = channels // 4
    eights = max(8, (quarter + 4) // 8 * 8)
    return SqueezeExcite(channels, eights if eights >= 0.9 * quarter else eights + 8)


def _block(
    *widths: int, kernel: int, name: ActivationName, stride: int = 1, squeeze: bool = True
) -> Block:
    """Widen to ``widths[1]``, filter each channel by itself, narrow to ``widths[2]``."""
    inputs, wide, outputs = widths
    act = Activation(name)
    main = (
        *((*_conv(inputs, wide, 1), act) if wide != inputs else ()),
        *(*_depthwise(wide, kernel, stride), act),
        *((_squeeze(wide),) if squeeze else ()),
        *_conv(wide, outputs, 1),
    )
    return Residual(main) if stride == 1 and inputs == outputs else Block(main)


SWISH = Activation("hardswish")
BODY: tuple[Layer, ...] = (
    *(*_conv(1, 16, 3), SWISH),
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

PRESET = Preset(
    name="mobilenet-v3-small",
    title="MobileNetV3-Small",
    summary="A large net made for telephones: many parameters, few multiplications.",
    source=(
        "Howard et al. 2019, arXiv 1905.02244, as in torchvision; one channel, stem with stride "
        "1, batch norm momentum 0.1"
    ),
    net=Architecture(
        BODY, initialisation="kaiming", outline="conv 16, 11 inverted residual blocks 16-96"
    ),
)
