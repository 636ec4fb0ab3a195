"""Hidden layers that an objective looks at: which there are, the usual choice, how they fit."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal, NamedTuple

from tsexplorer.errors import UserError
from tsexplorer.models.layers import Activation, Block, Shape
from tsexplorer.models.registry import resolve
from tsexplorer.models.summary import LAST, MAX_PARAMETERS, trace
from tsexplorer.specs import ModelSpec, shorten

if TYPE_CHECKING:
    from torch import nn

Side = Literal["student", "teacher"]


class Hidden(NamedTuple):
    """A layer before the logits.

    Attributes:
        name: as in the net's table of layers.
        shape: of its output for one image: channels, height, width, or units.
        active: whether it is an activation, or a block that ends in one.
        learns: whether something is trained in it or before it.
    """

    name: str
    shape: Shape
    active: bool
    learns: bool

    @property
    def maps(self) -> bool:
        """Whether its output has a height and a width."""
        return len(self.shape) == 3


def hidden_layers(model: ModelSpec, classes: int) -> tuple[Hidden, ...]:
    """The layers of a net before its logits, in their order.

    Raises:
        UserError: there is no such net, or it is impossible.
    """
    found, parameters = [], 0
    for name, layer, shape in trace(resolve(model), classes):
        parameters += layer.parameters
        active = isinstance(layer, Activation | Block)
        found.append(Hidden(name, layer.output(shape), active, parameters > 0))
    return tuple(one for one in found if one.name != LAST)


def chosen_layer(model: ModelSpec, classes: int, name: str, side: Side) -> Hidden:
    """The layer of a name; of an empty one, the middle activation (of two, the earlier).

    Raises:
        UserError: there is no such layer, it is the logits, or nothing learns up to it.
    """
    layers = {one.name: one for one in hidden_layers(model, classes) if one.learns}
    active = [one for one in layers.values() if one.active]
    if not active:
        raise UserError(
            f"The {side} has no hidden layer to look at; give it one, or choose another objective."
        )
    if not name:
        return active[(len(active) - 1) // 2]
    if name in layers:
        return layers[name]
    wrong = "The logits are not hidden" if name == LAST else _missing(model, classes, name, side)
    raise UserError(f"{wrong}; choose a layer of the {side} among {', '.join(layers)}.")


def regressor_size(student: Shape, teacher: Shape) -> int:
    """Parameters of :func:`regressor`."""
    if len(student) == len(teacher) == 3:
        return (student[0] + 1) * teacher[0]
    return (prod(student) + 1) * prod(teacher)


def check_regressor(student: Hidden, teacher: Hidden) -> None:
    """Refuse two layers between which a regressor would be larger than any net here.

    Raises:
        UserError: it would.
    """
    size = regressor_size(student.shape, teacher.shape)
    if size > MAX_PARAMETERS:
        raise UserError(
            f"From the student's {student.name} to the teacher's {teacher.name} a regressor has "
            f"{size:,} parameters, more than the {MAX_PARAMETERS:,} that are trained here; choose "
            "narrower layers, or maps in both nets."
        )


def regressor(student: Shape, teacher: Shape) -> nn.Module:
    """A net from outputs of a student's layer to the shape of a teacher's.

    Between maps it is a 1×1 convolution, after the student's maps were averaged, or interpolated
    (bilinear), to the teacher's height and width; else a dense layer on flattened outputs, whose
    answer stays flat where the teacher has maps.

    It starts at zero. A random one is noise that a student lessens soonest by falling silent: with
    Adam, eleven of twelve ReLUs of a guided layer were dead after six epochs.
    """
    from torch import nn

    if len(student) == len(teacher) == 3:
        size = (teacher[1], teacher[2])
        last: nn.Conv2d | nn.Linear = nn.Conv2d(student[0], teacher[0], 1)
        smaller = student[1] >= teacher[1]
        first: nn.Module = nn.AdaptiveAvgPool2d(size) if smaller else _upsample(size)
        if student[1:] == teacher[1:]:
            first = nn.Identity()
    else:
        first, last = nn.Flatten(), nn.Linear(prod(student), prod(teacher))
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(first, last)


def _upsample(size: tuple[int, int]) -> nn.Module:
    from torch import nn

    return nn.Upsample(size, mode="bilinear", align_corners=False)


def _missing(model: ModelSpec, classes: int, name: str, side: Side) -> str:
    if any(one.name == name for one in hidden_layers(model, classes)):
        return f"Nothing is trained up to the {side}'s layer {name}"
    return f"The {side} has no layer {shorten(name)}"
