"""Attention transfer: worked by hand, the layers that are paired, the nets that are refused."""

from __future__ import annotations

from math import log

import pytest
import torch

from tsexplorer.errors import UserError
from tsexplorer.objectives import Loss, Pair, get_objective
from tsexplorer.specs import ModelSpec, NetConfig

ATTENTION = get_objective("attention")
RELUS = ("relu1", "relu2", "relu3")
CONV, DENSE = ModelSpec(name="wu-cnn"), ModelSpec(name="mlp-64")


def batch(s: torch.Tensor, t: torch.Tensor, beta: float = 1000.0) -> Loss:
    """One image of two classes, of which the student knows nothing."""
    return Loss(
        torch.zeros(1, 2, dtype=torch.float64),
        None,
        torch.tensor([0]),
        options={"beta": beta},
        student_features={"a": s},
        teacher_features={"b": t},
    )


def test_value_and_gradient_of_a_case_worked_by_hand() -> None:
    # One channel, 1×2 pixels would not be square, so 2×2 with two dark ones. Student A = (√3, 2):
    # A² = (3, 4), of norm 5: Q = (0.6, 0.8). Teacher: two channels (2, 0) and (0, 0), mean of
    # squares (2, 0): Q = (1, 0). The difference (-0.4, 0.8) squared, over 4 pixels: 0.2.
    s = torch.tensor([[[[3**0.5, 2.0], [0.0, 0.0]]]], dtype=torch.float64, requires_grad=True)
    t = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
    t[0, 0, 0, 0] = 2.0
    terms = ATTENTION.loss(batch(s, t))
    assert terms.parts["attention"].item() == pytest.approx(0.2)
    assert terms.parts["labels"].item() == pytest.approx(log(2))
    assert terms.total.item() == pytest.approx(log(2) + 1000 * 0.2)
    # By Q: (Q_s − Q_t) / 2 = (-0.2, 0.4). By A²: that less its part along Q (which is 0.2), over
    # the norm 5: ((-0.2, 0.4) − 0.2 · (0.6, 0.8)) / 5 = (-0.064, 0.048). By A: times 2A.
    (gradient,) = torch.autograd.grad(terms.parts["attention"], s)
    expected = torch.tensor([[-0.064 * 2 * 3**0.5, 0.048 * 2 * 2], [0, 0]], dtype=torch.float64)
    torch.testing.assert_close(gradient[0, 0], expected)


def test_the_larger_attention_is_averaged_down() -> None:
    # Student 4×4 with A² = 16 in one quarter's corner: averaged 4, 0, 0, 0, so Q = (1, 0, 0, 0).
    s = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    s[0, 0, 0, 0] = 4.0
    t = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]], dtype=torch.float64)
    assert ATTENTION.loss(batch(s, t)).parts["attention"].item() == 0.0
    assert ATTENTION.loss(batch(t, s)).parts["attention"].item() == 0.0


def test_dark_maps_have_a_gradient() -> None:
    s = torch.zeros(1, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    total = ATTENTION.loss(batch(s, torch.ones(1, 1, 2, 2, dtype=torch.float64))).total
    assert torch.autograd.grad(total, s)[0].isfinite().all()


@pytest.mark.parametrize(
    ("student", "teacher", "looks"),
    [
        (ModelSpec(name="lenet-5"), CONV, (("relu1", "relu2"), ("relu2", "relu3"))),
        (CONV, ModelSpec(name="resnet18"), (RELUS, ("block4", "block6", "block8"))),
        (
            ModelSpec(name="custom", net=NetConfig(conv=(4, 4, 4, 4))),
            CONV,
            (RELUS, RELUS),
        ),
    ],
)
def test_pairs_are_matched_from_the_end(
    student: ModelSpec, teacher: ModelSpec, looks: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    pair = Pair(student, teacher, 10, {"beta": 1000.0})
    assert ATTENTION.select_layers(pair) == looks


@pytest.mark.parametrize(
    ("student", "teacher", "side"), [(DENSE, CONV, "student"), (CONV, DENSE, "teacher")]
)
def test_nets_without_maps_are_refused(student: ModelSpec, teacher: ModelSpec, side: str) -> None:
    with pytest.raises(UserError, match=f"the {side} has no maps that would tell"):
        ATTENTION.select_layers(Pair(student, teacher, 10))
