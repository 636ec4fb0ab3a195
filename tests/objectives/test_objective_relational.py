"""Relational KD: worked by hand; points that coincide, large batches, pairs it cannot work on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tsexplorer.errors import UserError
from tsexplorer.objectives import LayerNames, Loss, Pair, Terms, get_objective
from tsexplorer.objectives.relational import AMONG, huber, relations
from tsexplorer.specs import ModelSpec, NetConfig

RKD = get_objective("relational")

# Three images: a triangle with sides AB = 3, AC = 4, BC = 5 in the student's two features, and a
# line with AB = 1, AC = 3, BC = 2 in the teacher's one.
STUDENT = [[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]
TEACHER = [[0.0], [1.0], [3.0]]


def batch(student: Tensor, teacher: Tensor, distance: float, angle: float) -> Loss:
    z_BC = torch.zeros(len(student), 3, dtype=student.dtype)
    return Loss(
        z_BC,
        z_BC,
        torch.zeros(len(student), dtype=torch.int64),
        options={"distance": distance, "angle": angle},
        student_features={"relu1": student},
        teacher_features={"relu2": teacher},
    )


def case(distance: float, angle: float) -> tuple[Terms, Tensor]:
    """The terms of the case, and the gradient of their total on the student's features."""
    student = torch.tensor(STUDENT, dtype=torch.float64, requires_grad=True)
    teacher = torch.tensor(TEACHER, dtype=torch.float64)
    terms = RKD.loss(batch(student, teacher, distance, angle))
    (gradient,) = torch.autograd.grad(terms.total, student)
    return terms, gradient


def test_value_of_a_case_worked_by_hand() -> None:
    # Over their means 4 and 2: (3/4, 1, 5/4) and (1/2, 3/2, 1). Half the squared differences
    # 1/16, 1/4 and 1/16, each pair twice among 9: 2 · 3/16 / 9.
    distance = 1 / 24
    # Cosines at A, B, C: (0, 3/5, 4/5) and, on the line, (1, -1, 1). Apart by 1, 1.6 and 0.2:
    # 1/2, 1.6 - 1/2 and 0.02, each twice among 27: 2 · 1.62 / 27.
    angle = 0.12
    terms, _ = case(25, 50)
    labels = terms.parts["labels"].item()
    assert labels == pytest.approx(torch.tensor(3.0).log().item())
    assert terms.parts["distance"].item() == pytest.approx(distance, abs=1e-14)
    assert terms.parts["angle"].item() == pytest.approx(angle, abs=1e-14)
    assert terms.total.item() == pytest.approx(labels + 25 * distance + 50 * angle, abs=1e-13)


def test_gradient_of_distances_worked_by_hand() -> None:
    # On AB, AC and BC: 2/9 · (1/4, -1/2, 1/4) / 4; the mean's own part is 0, as 3 - 8 + 5 is. Along
    # the sides, (1, 0), (0, 1) and from C to B (3, -4)/5:
    expected = torch.tensor([[-1, 2], [1.6, -0.8], [-0.6, -1.2]], dtype=torch.float64) / 72
    torch.testing.assert_close(case(1, 0)[1], expected, rtol=0, atol=1e-14)


def test_gradient_of_angles_worked_by_hand() -> None:
    # Huber's slopes are -1, 1 and -1/5. A cosine of unit vectors u and v, of lengths a and b
    # before, moves by (v - cos u) / a and (u - cos v) / b with its ends, and with its corner by
    # less both:
    at_a = [[-1 / 4, -1 / 3], [0, 1 / 3], [1 / 4, 0]]
    at_b = [[0, 4 / 15], [0.128, 0.096 - 4 / 15], [-0.128, -0.096]]
    at_c = [[0.15, 0], [-0.096, -0.072], [-0.054, 0.072]]
    a, b, c = (torch.tensor(one, dtype=torch.float64) for one in (at_a, at_b, at_c))
    torch.testing.assert_close(case(0, 1)[1], 2 / 27 * (b - a - c / 5), rtol=0, atol=1e-14)


def test_a_copy_that_is_turned_moved_and_grown_has_nothing_to_learn() -> None:
    teacher = torch.randn(7, 2, dtype=torch.float64)
    turned = 5 * teacher @ torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64) + 9
    terms = RKD.loss(batch(turned, teacher, 25, 50))
    assert terms.parts["distance"].item() == pytest.approx(0, abs=1e-14)
    assert terms.parts["angle"].item() == pytest.approx(0, abs=1e-14)


def test_huber_bends_at_one() -> None:
    zero = torch.tensor(0.0)
    values = [huber(torch.tensor(x), zero).item() for x in (-3.0, -1.0, 0.5, 0.0)]
    assert values == pytest.approx([2.5, 0.5, 0.125, 0.0])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_images_that_coincide_give_finite_gradients(value: float) -> None:
    """Of a net whose last hidden layer is dead all images are one point."""
    student = torch.full((4, 3), value, requires_grad=True)
    terms = RKD.loss(batch(student, torch.randn(4, 5), 25, 50))
    assert terms.total.isfinite()
    assert torch.autograd.grad(terms.total, student)[0].abs().max() == 0
    student = torch.tensor([[value, 1], [value, 1], [2, 2]], requires_grad=True)
    gradient = torch.autograd.grad(
        RKD.loss(batch(student, torch.randn(3, 5), 25, 50)).total, student
    )[0]
    assert gradient.isfinite().all()
    assert 0 < gradient.abs().max() < 1000


def test_of_a_large_batch_the_first_images_are_looked_at_and_maps_are_flattened() -> None:
    maps = torch.randn(AMONG + 9, 2, 3, 3)
    distances, angles = relations(maps)
    assert distances.shape == (AMONG, AMONG)
    assert angles.shape == (AMONG, AMONG, AMONG)
    assert torch.equal(distances, relations(maps[:AMONG].flatten(1))[0])
    assert distances[distances > 0].mean().item() == pytest.approx(1, rel=1e-5)


def test_it_looks_at_the_last_hidden_layers_whatever_their_widths() -> None:
    pair = Pair(ModelSpec(name="mlp-64"), ModelSpec(name="wu-cnn"), 10)
    looks = RKD.looks(pair)
    assert looks == LayerNames(("relu1",), ("flatten",))
    assert not RKD.stacks


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_a_net_without_a_hidden_layer_is_refused(role: str) -> None:
    nets = {"student": ModelSpec(name="mlp-64"), "teacher": ModelSpec(name="mlp-64")}
    nets[role] = ModelSpec(name="custom", net=NetConfig())
    with pytest.raises(UserError, match=rf"^The {role} has no hidden layer.*give it one"):
        RKD.looks(Pair(nets["student"], nets["teacher"], 10))
    with pytest.raises(UserError, match="compares with a teacher"):
        RKD.looks(Pair(ModelSpec(), None, 10))
