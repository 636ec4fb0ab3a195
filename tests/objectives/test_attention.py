"""Attention transfer: values by hand, the selected layers, unsuitable nets."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.objectives import LossInputs, ModelPair, get_objective
from tsexplorer.specs import ModelSpec, NetConfig, ObjectiveSpec

OBJECTIVE = get_objective("attention")
RELUS = ("relu1", "relu2", "relu3")
CONV, DENSE = ModelSpec(name="wu-cnn"), ModelSpec(name="mlp-64")


def inputs_of(student: Tensor, teacher: Tensor) -> LossInputs:
    """One image of two classes with the probability 1/2 each, and one pair of layers."""
    return LossInputs(
        torch.zeros(1, 2, dtype=torch.float64),
        None,
        torch.tensor([0]),
        options={"beta": 1000.0},
        student_features={"a": student},
        teacher_features={"b": teacher},
    )


def test_value_and_gradient_by_hand() -> None:
    # 2×2 pixels, two of them 0. Student, one channel: A = (√3, 2), A² = (3, 4) with norm 5,
    # Q = (0.6, 0.8). Teacher, two channels: (2, 0) and (0, 0), mean of squares (2, 0), Q = (1, 0).
    # The squared difference (-0.4, 0.8)², over 4 pixels: 0.2.
    student = torch.tensor([[[[3**0.5, 2.0], [0.0, 0.0]]]], dtype=torch.float64)
    student.requires_grad_()
    teacher = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
    teacher[0, 0, 0, 0] = 2.0
    terms = OBJECTIVE.loss(inputs_of(student, teacher))
    assert terms.parts["attention"].item() == pytest.approx(0.2)
    assert terms.parts["labels"].item() == pytest.approx(log(2))
    assert terms.total.item() == pytest.approx(log(2) + 1000 * 0.2)
    # By Q: (Q_s − Q_t) / 2 = (-0.2, 0.4). By A²: this without its component along Q (which is 0.2),
    # over the norm 5: ((-0.2, 0.4) − 0.2 · (0.6, 0.8)) / 5 = (-0.064, 0.048). By A: times 2A.
    (gradient,) = torch.autograd.grad(terms.parts["attention"], student)
    expected = torch.tensor([[-0.064 * 2 * 3**0.5, 0.048 * 2 * 2], [0, 0]], dtype=torch.float64)
    torch.testing.assert_close(gradient[0, 0], expected)


def test_the_larger_map_is_average_pooled() -> None:
    # 4×4 with A² = 16 in one corner; the mean of its quadrant is 4, so that Q = (1, 0, 0, 0).
    large = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    large[0, 0, 0, 0] = 4.0
    small = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]], dtype=torch.float64)
    assert OBJECTIVE.loss(inputs_of(large, small)).parts["attention"].item() == 0.0
    assert OBJECTIVE.loss(inputs_of(small, large)).parts["attention"].item() == 0.0


def test_maps_of_zeros_have_a_finite_gradient() -> None:
    student = torch.zeros(1, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    teacher = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    total = OBJECTIVE.loss(inputs_of(student, teacher)).total
    assert torch.autograd.grad(total, student)[0].isfinite().all()


@pytest.mark.parametrize(
    ("student", "teacher", "layer_names"),
    [
        (ModelSpec(name="lenet-5"), CONV, (("relu1", "relu2"), ("relu2", "relu3"))),
        (CONV, ModelSpec(name="resnet18"), (RELUS, ("block4", "block6", "block8"))),
        (ModelSpec(name="custom", net=NetConfig(conv=(4, 4, 4, 4))), CONV, (RELUS, RELUS)),
    ],
)
def test_layers_are_paired_from_the_output_side(
    student: ModelSpec, teacher: ModelSpec, layer_names: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    pair = ModelPair(student, teacher, ImageTask(10), {"beta": 1000.0})
    assert OBJECTIVE.select_layers(pair) == layer_names


@pytest.mark.parametrize(
    ("student", "teacher", "role"), [(DENSE, CONV, "student"), (CONV, DENSE, "teacher")]
)
def test_nets_without_maps_are_rejected(student: ModelSpec, teacher: ModelSpec, role: str) -> None:
    with pytest.raises(UserError, match=f"compares feature maps, and the {role} has none"):
        OBJECTIVE.select_layers(ModelPair(student, teacher, ImageTask(10)))


def test_the_formula_shows_beta() -> None:
    spec = ObjectiveSpec(name="attention", options={"beta": 250.0})
    assert "250" in OBJECTIVE.format_formula(spec)
    assert r"\beta" not in OBJECTIVE.format_formula(spec)
