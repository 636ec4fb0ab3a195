"""Labels alone: cross-entropy, worked by hand; nothing of T, lambda or a teacher in it."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor

from tsexplorer.objectives import Loss, get_objective
from tsexplorer.specs import LABELS, ObjectiveSpec

LABELS_LOSS = get_objective("labels")


def logits(*rows: list[float]) -> Tensor:
    """Logits whose softmax is proportional to the given weights."""
    return torch.tensor(rows, dtype=torch.float64).log().requires_grad_()


def test_value_and_gradient_of_a_case_worked_by_hand() -> None:
    # softmax: (1/6, 1/6, 4/6) and (4/6, 1/6, 1/6); both labels are 0.
    z_BC = logits([1, 1, 4], [4, 1, 1])
    terms = LABELS_LOSS.loss(Loss(z_BC, None, torch.tensor([0, 0])))
    (gradient_BC,) = torch.autograd.grad(terms.total, z_BC)
    # -ln(1/6) = ln 6 and -ln(4/6) = ln 1.5; their mean is ln(9) / 2 = ln 3.
    assert terms.total.item() == pytest.approx(log(3), abs=1e-14)
    # (softmax - one-hot) / 2: ((1-6)/12, 1/12, 4/12) and ((4-6)/12, 1/12, 1/12).
    expected_BC = torch.tensor([[-5, 1, 4], [-2, 1, 1]], dtype=torch.float64) / 12
    torch.testing.assert_close(gradient_BC, expected_BC, rtol=0, atol=1e-14)


def test_the_label_picks_the_class() -> None:
    z_BC = logits([1, 2, 5])
    values = [LABELS_LOSS.loss(Loss(z_BC, None, torch.tensor([y]))).total.item() for y in range(3)]
    assert values == pytest.approx([log(8), log(4), log(8 / 5)], abs=1e-14)


def test_t_lambda_and_teacher_take_no_part() -> None:
    z_BC, y_B = logits([1, 1, 4], [4, 1, 1]), torch.tensor([2, 1])
    plain = LABELS_LOSS.loss(Loss(z_BC, None, y_B)).total
    assert torch.equal(LABELS_LOSS.loss(Loss(z_BC, -z_BC, y_B, 7.0, 0.25)).total, plain)


def test_large_logits_stay_finite() -> None:
    z_BC = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = LABELS_LOSS.loss(Loss(z_BC, None, torch.tensor([1]))).total
    assert loss.item() == 2e4
    assert torch.autograd.grad(loss, z_BC)[0].tolist() == [[1, -1, 0]]


def test_its_formula_has_no_numbers_to_show() -> None:
    text = r"L = \mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)"
    assert LABELS_LOSS.formula == LABELS_LOSS.format_formula(LABELS) == text
    assert LABELS_LOSS.format_formula(ObjectiveSpec(temperature=9, lam=0.25)) == text


def test_it_is_what_teachers_and_baselines_are_trained_on() -> None:
    assert get_objective(LABELS.name) is LABELS_LOSS
    assert not LABELS_LOSS.needs_teacher
