"""Small published nets for images of 28×28 pixels, and the default student.

- LeNet-5: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
  recognition", Proceedings of the IEEE 86(11), in its modern form.
- Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 3: dense nets on MNIST. The paper also
  limits the norm of the incoming weights of each unit of the teacher and shifts its images
  randomly; both are training settings. The dropout rates are those of the net that the paper cites,
  Hinton et al. 2012, arXiv 1207.0580: half of the hidden units and a fifth of the pixels.
- johnkorn/distillation, 2017 (Keras): nets for 26 handwritten letters. The teacher has convolutions
  without padding and dropout after each pooling, which a config cannot express.
- Bo Wu, "Teacher-Student Ensemble Net", 20 September 2020, section 3.1 (Keras).
"""

from __future__ import annotations

from tsexplorer.data.base import ImageShape
from tsexplorer.models.layers import (
    Activation,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Shape,
)
from tsexplorer.models.registry import Architecture, Preset
from tsexplorer.specs import NetConfig

HINTON = "Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 3"
KORN = "johnkorn/distillation, 2017, models.py; quoted by Wu 2020, section 3.2"
WU = "Bo Wu, Teacher-Student Ensemble Net, 20 September 2020, section 3.1"


def _korn_cnn(image_shape: ImageShape) -> Architecture:
    blocks: tuple[Layer, ...] = (
        *(Conv(image_shape[0], 64, padding="valid"), MaxPool(), Activation("relu"), Dropout(0.25)),
        *(Conv(64, 128, padding="valid"), MaxPool(), Activation("relu"), Dropout(0.25)),
        Flatten(),
    )
    dense = (Dense(_units(blocks, image_shape), 1024), Activation("relu"), Dropout(0.5))
    return Architecture((*blocks, *dense), initialisation="glorot")


def _lenet_5(image_shape: ImageShape) -> Architecture:
    blocks: tuple[Layer, ...] = (
        *(Conv(image_shape[0], 6, kernel=5), MaxPool(), Activation("relu")),
        *(Conv(6, 16, kernel=5, padding="valid"), MaxPool(), Activation("relu")),
        Flatten(),
    )
    dense = (
        *(Dense(_units(blocks, image_shape), 120), Activation("relu")),
        *(Dense(120, 84), Activation("relu")),
    )
    return Architecture((*blocks, *dense))


def _units(layers: tuple[Layer, ...], image_shape: ImageShape) -> int:
    """Number of values after flattening."""
    shape: Shape = image_shape
    for layer in layers:
        shape = layer.output(shape)
    return shape[0]


PRESET = (
    Preset(
        name="mlp-64",
        title="Dense 64",
        summary="A small student: one hidden layer of 64 ReLU units.",
        source="This project; Wu 2020's student with ReLU instead of sigmoid.",
        net=NetConfig(dense=(64,)),
    ),
    Preset(
        name="wu-cnn",
        title="Wu 2020 teacher",
        summary="A compact teacher: three convolutions with pooling, no hidden dense layer.",
        source=WU,
        net=NetConfig(conv=(32, 64, 64), initialisation="glorot"),
    ),
    Preset(
        name="wu-mlp",
        title="Wu 2020 student",
        summary="A small student: one hidden layer of 64 sigmoid units.",
        source=WU,
        net=NetConfig(dense=(64,), activation="sigmoid", initialisation="glorot"),
    ),
    Preset(
        name="hinton-teacher",
        title="Hinton 2015 teacher",
        summary="A large dense teacher: two layers of 1200 units, strong dropout.",
        source=f"{HINTON}; dropout rates from Hinton et al. 2012, arXiv 1207.0580",
        net=NetConfig(dense=(1200, 1200), dropout=0.5, input_dropout=0.2),
    ),
    Preset(
        name="hinton-student",
        title="Hinton 2015 student",
        summary="A large student: two layers of 800 units, no dropout.",
        source=HINTON,
        net=NetConfig(dense=(800, 800)),
    ),
    Preset(
        name="hinton-300",
        title="Hinton 2015 student with 300 units",
        summary="Two layers of 300 units: at this width or more, all T above 8 are similar.",
        source=HINTON,
        net=NetConfig(dense=(300, 300)),
    ),
    Preset(
        name="hinton-narrow",
        title="Hinton 2015 narrow student",
        summary="A very small student: two layers of 30 units, for which a low T is best.",
        source=HINTON,
        net=NetConfig(dense=(30, 30)),
    ),
    Preset(
        name="korn-cnn",
        title="Korn 2017 teacher",
        summary="A wide convolutional teacher with 1024 dense units and dropout.",
        source=KORN,
        net=_korn_cnn,
    ),
    Preset(
        name="korn-mlp",
        title="Korn 2017 student",
        summary="A dense student: 512 ReLU units with dropout.",
        source=KORN,
        net=NetConfig(dense=(512,), dropout=0.2, initialisation="glorot"),
    ),
    Preset(
        name="lenet-5",
        title="LeNet-5",
        summary="The classic net for digits: two convolutions, two dense layers.",
        source=(
            "LeCun et al. 1998, Proc. IEEE 86(11); the modern variant, with ReLU instead of tanh, "
            "max-pooling instead of trained averages, a fully connected second convolution, and "
            "softmax instead of radial basis units"
        ),
        net=_lenet_5,
    ),
    Preset(
        name="compact-cnn",
        title="Compact CNN",
        summary="A very small convolutional student with global average pooling.",
        source="This project; plain convolutions, batch norm and global average pooling, as nets "
        "below 8,000 parameters for MNIST commonly have.",
        net=NetConfig(
            conv=(8, 16, 16, 24),
            strides=(2, 1, 2, 1),
            batch_norm=True,
            head="average",
        ),
    ),
)
