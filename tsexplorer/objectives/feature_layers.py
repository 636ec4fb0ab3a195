"""Hidden layers for objectives: their properties, the default choice, and regressors."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal, NamedTuple

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError, shorten
from tsexplorer.models.layers import Activation, Block, Shape
from tsexplorer.models.registry import resolve
from tsexplorer.models.summary import LOGITS, MAX_PARAMETERS, trace_layers
from tsexplorer.specs import ModelSpec

if TYPE_CHECKING:
    from torch import nn

PairRole = Literal["student", "teacher"]


class HiddenLayer(NamedTuple):
    """A layer before the logits.

    Attributes:
        name: name in the net's table of layers.
        shape: shape of its output for one image: (channels, height, width) or (units,).
        is_activation: whether it is an activation, or a block that ends with one.
        is_trained: whether it or a layer before it has parameters.
    """

    name: str
    shape: Shape
    is_activation: bool
    is_trained: bool

    @property
    def has_maps(self) -> bool:
        """Whether its output has a height and a width."""
        return len(self.shape) == 3


def hidden_layers(model: ModelSpec, task: ImageTask) -> tuple[HiddenLayer, ...]:
    """The layers of a net before its logits, in order.

    Raises:
        UserError: the net does not exist or is invalid.
    """
    layers, parameters = [], 0
    for name, layer, shape in trace_layers(resolve(model, task.image_shape), task):
        parameters += layer.parameters
        is_activation = isinstance(layer, Activation | Block)
        layers.append(HiddenLayer(name, layer.output(shape), is_activation, parameters > 0))
    return tuple(layer for layer in layers if layer.name != LOGITS)


def select_layer(model: ModelSpec, task: ImageTask, name: str, role: PairRole) -> HiddenLayer:
    """The layer with this name; for an empty name the middle activation (of two, the earlier).

    Raises:
        UserError: the layer does not exist, is the logits, or has no trained parameters up to it.
    """
    layers = {layer.name: layer for layer in hidden_layers(model, task) if layer.is_trained}
    activations = [layer for layer in layers.values() if layer.is_activation]
    if not activations:
        raise UserError(
            f"The {role} has no hidden layer, and this objective requires one; choose another net "
            "or another objective."
        )
    if not name:
        return activations[(len(activations) - 1) // 2]
    if name in layers:
        return layers[name]
    if name == LOGITS:
        problem = "The logits are not a hidden layer"
    elif any(layer.name == name for layer in hidden_layers(model, task)):
        problem = f"Up to the layer {name} the {role} has no trained parameters"
    else:
        problem = f"The {role} has no layer {shorten(name)}"
    raise UserError(f"{problem}; choose a layer of the {role} among {', '.join(layers)}.")


def regressor_size(student: Shape, teacher: Shape) -> int:
    """Number of parameters of :func:`build_regressor`."""
    if len(student) == len(teacher) == 3:
        return (student[0] + 1) * teacher[0]
    return (prod(student) + 1) * prod(teacher)


def check_regressor(student: HiddenLayer, teacher: HiddenLayer) -> None:
    """Check the size of the regressor between two layers.

    Raises:
        UserError: it has more parameters than the largest allowed net.
    """
    size = regressor_size(student.shape, teacher.shape)
    if size > MAX_PARAMETERS:
        raise UserError(
            f"From the student's {student.name} to the teacher's {teacher.name} a regressor has "
            f"{size:,} parameters, and the limit is {MAX_PARAMETERS:,}; choose narrower layers, or "
            "layers with feature maps in both nets."
        )


def build_regressor(student: Shape, teacher: Shape) -> nn.Module:
    """A module that maps outputs of a student's layer to the shape of a teacher's layer.

    Between feature maps it is a 1×1 convolution, after the student's maps have been resized to the
    teacher's height and width by average pooling or bilinear interpolation. In all other cases it
    is a dense layer on flattened outputs, whose output remains flat if the teacher has maps.

    All parameters start at zero. With random initial values the student minimises the loss fastest
    by reducing its activations to zero: with Adam, eleven of twelve ReLUs of a guided layer were
    inactive for all images after six epochs.

    Args:
        student: shape of the input for one image.
        teacher: shape of the target for one image.
    """
    from torch import nn

    if len(student) == len(teacher) == 3:
        size = (teacher[1], teacher[2])
        output: nn.Conv2d | nn.Linear = nn.Conv2d(student[0], teacher[0], 1)
        resize: nn.Module
        if student[1:] == teacher[1:]:
            resize = nn.Identity()
        elif student[1] >= teacher[1]:
            resize = nn.AdaptiveAvgPool2d(size)
        else:
            resize = nn.Upsample(size, mode="bilinear", align_corners=False)
    else:
        resize, output = nn.Flatten(), nn.Linear(prod(student), prod(teacher))
    for parameter in output.parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(resize, output)
