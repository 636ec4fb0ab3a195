"""LeNet-5: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86(11), in the form in which it is taught today.
"""  # noqa: D205 - a reference is no summary line

from __future__ import annotations

from tsexplorer.models.layers import Activation, Conv, Dense, Flatten, MaxPool
from tsexplorer.models.registry import Architecture, Preset

PRESET = Preset(
    name="lenet-5",
    title="LeNet-5",
    summary="The classic digit reader: two convolutions, two dense layers.",
    source=(
        "LeCun et al. 1998, Proc. IEEE 86(11); the modern variant, with ReLU for tanh, "
        "max-pooling for trained averages, all maps of the second convolution connected, and a "
        "softmax for the radial basis units"
    ),
    net=Architecture(
        (
            *(Conv(1, 6, kernel=5), MaxPool(), Activation("relu")),
            *(Conv(6, 16, kernel=5, padding="valid"), MaxPool(), Activation("relu")),
            Flatten(),
            *(Dense(16 * 5 * 5, 120), Activation("relu")),
            *(Dense(120, 84), Activation("relu")),
        )
    ),
)
