"""Residual nets: He, Zhang, Ren and Sun 2016, arXiv 1512.03385.

ResNet-18 is that of torchvision, except for its first layers where images have at most 64 pixels a
side: torchvision's 7×7 convolution with stride 2 and its pooling would reduce a digit to 7×7 pixels
before the first block. There the first layer is a 3×3 convolution without pooling.

ResNet-8 and ResNet-20 are the paper's nets for images of 32×32 pixels (section 4.2) with n = 1 and
n = 3: shortcuts have no parameters (option A). The paper begins with n = 3; n = 1 is in wide use in
papers on distillation.
"""

from __future__ import annotations

from tsexplorer.data.base import ImageShape
from tsexplorer.models.layers import (
    Activation,
    BatchNorm2d,
    Block,
    Conv,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Residual,
    ZeroPadShortcut,
)
from tsexplorer.models.registry import Architecture, Preset


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> tuple[Layer, ...]:
    conv = Conv(inputs, outputs, kernel=kernel, stride=stride, bias=False)
    return (conv, BatchNorm2d(outputs))


def _block(inputs: int, outputs: int, stride: int = 1) -> Block:
    relu = Activation("relu")
    main = (*_conv(inputs, outputs, stride=stride), relu, *_conv(outputs, outputs))
    shortcut = () if inputs == outputs else _conv(inputs, outputs, kernel=1, stride=stride)
    return Block((Residual(main, shortcut), relu))


SMALL_SIDE = 64
"""Side in pixels up to which the first layers of ResNet-18 keep the size of an image."""


def _resnet18(image_shape: ImageShape) -> Architecture:
    relu = Activation("relu")
    stem: tuple[Layer, ...] = (*_conv(image_shape[0], 64), relu)
    if min(image_shape[1:]) > SMALL_SIDE:
        stem = (*_conv(image_shape[0], 64, kernel=7, stride=2), relu, MaxPool())
    return Architecture(
        (
            *stem,
            *(_block(64, 64), _block(64, 64)),
            *(_block(64, 128, stride=2), _block(128, 128)),
            *(_block(128, 256, stride=2), _block(256, 256)),
            *(_block(256, 512, stride=2), _block(512, 512)),
            GlobalAveragePool(),
        ),
        initialisation="kaiming",
        outline="conv 64, 8 residual blocks 64-128-256-512",
    )


def _thin_block(inputs: int, outputs: int, stride: int = 1) -> Block:
    relu = Activation("relu")
    main = (*_conv(inputs, outputs, stride=stride), relu, *_conv(outputs, outputs))
    shortcut = () if inputs == outputs else (ZeroPadShortcut(inputs, outputs, stride),)
    return Block((Residual(main, shortcut), relu))


def _thin_resnet(image_shape: ImageShape, n: int) -> Architecture:
    """The paper's net with 6n + 2 layers for images of 32×32 pixels."""
    body: list[Layer] = [*_conv(image_shape[0], 16), Activation("relu")]
    for inputs, outputs in ((16, 16), (16, 32), (32, 64)):
        body.append(_thin_block(inputs, outputs, stride=1 if inputs == outputs else 2))
        body.extend(_thin_block(outputs, outputs) for _ in range(n - 1))
    body.append(GlobalAveragePool())
    outline = f"conv 16, {3 * n} residual blocks 16-32-64"
    return Architecture(tuple(body), initialisation="kaiming", outline=outline)


def _resnet8(image_shape: ImageShape) -> Architecture:
    return _thin_resnet(image_shape, 1)


def _resnet20(image_shape: ImageShape) -> Architecture:
    return _thin_resnet(image_shape, 3)


PRESET = (
    Preset(
        name="resnet18",
        title="ResNet-18",
        summary="A very large teacher with residual connections; slow without a GPU.",
        source=(
            "He et al. 2016, arXiv 1512.03385, as in torchvision; up to 64 pixels a side the first "
            "layer is a 3×3 convolution without pooling, above it the pooling is 2×2"
        ),
        net=_resnet18,
    ),
    Preset(
        name="resnet8",
        title="ResNet-8",
        summary="A small residual net for images of 32×32 pixels.",
        source="He et al. 2016, arXiv 1512.03385, section 4.2 with n = 1, shortcuts of option A",
        net=_resnet8,
    ),
    Preset(
        name="resnet20",
        title="ResNet-20",
        summary="A residual net for images of 32×32 pixels, 20 layers deep.",
        source="He et al. 2016, arXiv 1512.03385, section 4.2 with n = 3, shortcuts of option A",
        net=_resnet20,
    ),
)
