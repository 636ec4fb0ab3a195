"""LeNet-5: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86(11), in its modern form.
"""  # noqa: D205 - the reference does not fit on one line

from __future__ import annotations

from tsexplorer.models.layers import Activation, Conv, Dense, Flatten, MaxPool
from tsexplorer.models.registry import Architecture, Preset

PRESET = Preset(
    name="lenet-5",
    title="LeNet-5",
    summary="The classic net for digits: two convolutions, two dense layers.",
    source=(
        "LeCun et al. 1998, Proc. IEEE 86(11); the modern variant, with ReLU instead of tanh, "
        "max-pooling instead of trained averages, a fully connected second convolution, and "
        "softmax instead of radial basis units"
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
