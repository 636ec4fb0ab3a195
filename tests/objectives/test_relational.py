"""Relational KD: values by hand, identical images, large batches, unsuitable nets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.objectives import LayerNames, LossInputs, LossTerms, ModelPair, get_objective
from tsexplorer.objectives.relational import MAX_IMAGES, huber, relations
from tsexplorer.specs import ModelSpec, NetConfig

OBJECTIVE = get_objective("relational")

# Three images: a triangle with sides AB = 3, AC = 4, BC = 5 in the student's two features, and a
# line with AB = 1, AC = 3, BC = 2 in the teacher's feature.
STUDENT = [[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]
TEACHER = [[0.0], [1.0], [3.0]]


def inputs_of(student: Tensor, teacher: Tensor, distance: float, angle: float) -> LossInputs:
    """Features of a batch, and weights of the terms."""
    z_BC = torch.zeros(len(student), 3, dtype=student.dtype)
    return LossInputs(
        z_BC,
        z_BC,
        torch.zeros(len(student), dtype=torch.int64),
        options={"distance": distance, "angle": angle},
        student_features={"relu1": student},
        teacher_features={"relu2": teacher},
    )


def evaluate(distance: float, angle: float) -> tuple[LossTerms, Tensor]:
    """The loss of the example, and its gradient by the student's features."""
    student = torch.tensor(STUDENT, dtype=torch.float64, requires_grad=True)
    teacher = torch.tensor(TEACHER, dtype=torch.float64)
    terms = OBJECTIVE.loss(inputs_of(student, teacher, distance, angle))
    (gradient,) = torch.autograd.grad(terms.total, student)
    return terms, gradient


def test_value_by_hand() -> None:
    # Divided by the means 4 and 2: (3/4, 1, 5/4) and (1/2, 3/2, 1). Half of the squared differences
    # 1/16, 1/4 and 1/16, each pair twice among 9: 2 · 3/16 / 9.
    distance = 1 / 24
    # Cosines at A, B, C: (0, 3/5, 4/5) and, on the line, (1, -1, 1). Differences 1, 1.6 and 0.2:
    # 1/2, 1.6 - 1/2 and 0.02, each twice among 27: 2 · 1.62 / 27.
    angle = 0.12
    terms, _ = evaluate(25, 50)
    labels = terms.parts["labels"].item()
    assert labels == pytest.approx(torch.tensor(3.0).log().item())
    assert terms.parts["distance"].item() == pytest.approx(distance, abs=1e-14)
    assert terms.parts["angle"].item() == pytest.approx(angle, abs=1e-14)
    assert terms.total.item() == pytest.approx(labels + 25 * distance + 50 * angle, abs=1e-13)


def test_gradient_of_distances_by_hand() -> None:
    # By AB, AC and BC: 2/9 · (1/4, -1/2, 1/4) / 4; the contribution of the mean is 0, as
    # 3 - 8 + 5 is. Along the sides, (1, 0), (0, 1) and from C to B (3, -4)/5:
    expected = torch.tensor([[-1, 2], [1.6, -0.8], [-0.6, -1.2]], dtype=torch.float64) / 72
    torch.testing.assert_close(evaluate(1, 0)[1], expected, rtol=0, atol=1e-14)


def test_gradient_of_angles_by_hand() -> None:
    # Huber's derivatives are -1, 1 and -1/5. The cosine of unit vectors u and v, with lengths a and
    # b before normalisation, has the derivatives (v - cos u) / a and (u - cos v) / b by its end
    # points, and the negative sum of both by its corner:
    at_a = [[-1 / 4, -1 / 3], [0, 1 / 3], [1 / 4, 0]]
    at_b = [[0, 4 / 15], [0.128, 0.096 - 4 / 15], [-0.128, -0.096]]
    at_c = [[0.15, 0], [-0.096, -0.072], [-0.054, 0.072]]
    a, b, c = (torch.tensor(rows, dtype=torch.float64) for rows in (at_a, at_b, at_c))
    torch.testing.assert_close(evaluate(0, 1)[1], 2 / 27 * (b - a - c / 5), rtol=0, atol=1e-14)


def test_rotation_shift_and_scale_have_no_influence() -> None:
    teacher = torch.randn(7, 2, dtype=torch.float64)
    rotation = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64)
    terms = OBJECTIVE.loss(inputs_of(5 * teacher @ rotation + 9, teacher, 25, 50))
    assert terms.parts["distance"].item() == pytest.approx(0, abs=1e-14)
    assert terms.parts["angle"].item() == pytest.approx(0, abs=1e-14)


def test_huber_is_linear_above_1() -> None:
    zero = torch.tensor(0.0)
    values = [huber(torch.tensor(x), zero).item() for x in (-3.0, -1.0, 0.5, 0.0)]
    assert values == pytest.approx([2.5, 0.5, 0.125, 0.0])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_features_of_all_images_give_zero_gradients(value: float) -> None:
    """All images have equal features if no unit of the last hidden layer is active."""
    student = torch.full((4, 3), value, requires_grad=True)
    terms = OBJECTIVE.loss(inputs_of(student, torch.randn(4, 5), 25, 50))
    assert terms.total.isfinite()
    assert torch.autograd.grad(terms.total, student)[0].abs().max() == 0


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_features_of_two_images_give_finite_gradients(value: float) -> None:
    student = torch.tensor([[value, 1], [value, 1], [2, 2]], requires_grad=True)
    total = OBJECTIVE.loss(inputs_of(student, torch.randn(3, 5), 25, 50)).total
    (gradient,) = torch.autograd.grad(total, student)
    assert gradient.isfinite().all()
    assert 0 < gradient.abs().max() < 1000


def test_the_first_images_of_a_large_batch_are_used() -> None:
    maps = torch.randn(MAX_IMAGES + 9, 2, 3, 3)
    distances, angles = relations(maps)
    assert distances.shape == (MAX_IMAGES, MAX_IMAGES)
    assert angles.shape == (MAX_IMAGES, MAX_IMAGES, MAX_IMAGES)
    assert distances[distances > 0].mean().item() == pytest.approx(1, rel=1e-5)


def test_feature_maps_are_flattened() -> None:
    maps = torch.randn(5, 2, 3, 3)
    assert torch.equal(relations(maps)[0], relations(maps.flatten(1))[0])


def test_the_last_hidden_layers_are_selected() -> None:
    pair = ModelPair(ModelSpec(name="mlp-64"), ModelSpec(name="wu-cnn"), ImageTask(10))
    assert OBJECTIVE.select_layers(pair) == LayerNames(("relu1",), ("flatten",))
    assert not OBJECTIVE.can_stack


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_a_net_without_hidden_layers_is_rejected(role: str) -> None:
    nets = {"student": ModelSpec(name="mlp-64"), "teacher": ModelSpec(name="mlp-64")}
    nets[role] = ModelSpec(name="custom", net=NetConfig())
    with pytest.raises(UserError, match=rf"^The {role} has no hidden layer.*choose another net"):
        OBJECTIVE.select_layers(ModelPair(nets["student"], nets["teacher"], ImageTask(10)))


def test_a_missing_teacher_is_rejected() -> None:
    with pytest.raises(UserError, match="requires a teacher"):
        OBJECTIVE.select_layers(ModelPair(ModelSpec(), None, ImageTask(10)))
