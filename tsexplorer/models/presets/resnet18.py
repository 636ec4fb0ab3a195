"""ResNet-18: He, Zhang, Ren and Sun 2016, arXiv 1512.03385.

As in torchvision, except for the first layers: torchvision's 7×7 convolution with stride 2 and its
pooling would reduce a digit to 7×7 pixels before the first block. Here the first layer is a 3×3
convolution without pooling.
"""

from __future__ import annotations

from tsexplorer.models.layers import (
    Activation,
    BatchNorm2d,
    Block,
    Conv,
    GlobalAveragePool,
    Layer,
    Residual,
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


PRESET = Preset(
    name="resnet18",
    title="ResNet-18",
    summary="A very large teacher with residual connections; slow without a GPU.",
    source=(
        "He et al. 2016, arXiv 1512.03385, as in torchvision; one channel, first layer a 3×3 "
        "convolution without pooling"
    ),
    net=Architecture(
        (
            *(*_conv(1, 64), Activation("relu")),
            *(_block(64, 64), _block(64, 64)),
            *(_block(64, 128, stride=2), _block(128, 128)),
            *(_block(128, 256, stride=2), _block(256, 256)),
            *(_block(256, 512, stride=2), _block(512, 512)),
            GlobalAveragePool(),
        ),
        initialisation="kaiming",
        outline="conv 64, 8 residual blocks 64-128-256-512",
    ),
)
