"""Vanilla soft targets: the teacher's softmax at T = 1 is the whole target, worked by hand."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor

from tsexplorer.objectives import Loss, Terms, get_objective
from tsexplorer.specs import ObjectiveSpec

VANILLA = get_objective("vanilla")

# B = 2, C = 3. A row (a, b, c) stands for the logits ln a, ln b, ln c: its softmax is
# proportional to the row.
STUDENT, TEACHER = ([1, 1, 2], [2, 1, 1]), ([1, 2, 1], [3, 1, 4])


def logits(rows: tuple[list[int], ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64).log()


def case(
    y_B: tuple[int, int] = (0, 0), temperature: float = 1.0, lam: float = 0.0
) -> tuple[Terms, Tensor]:
    """The terms of the case, and the gradient of their total on the student's logits."""
    z_s_BC = logits(STUDENT).requires_grad_()
    terms = VANILLA.loss(Loss(z_s_BC, logits(TEACHER), torch.tensor(y_B), temperature, lam))
    (gradient_BC,) = torch.autograd.grad(terms.total, z_s_BC)
    return terms, gradient_BC


def test_value_of_a_case_worked_by_hand() -> None:
    # p = (1, 2, 1)/4 with -ln q = (2, 2, 1) ln 2 gives 7/4 ln 2, and
    # p = (3, 1, 4)/8 with -ln q = (1, 2, 2) ln 2 gives 13/8 ln 2. The mean:
    assert case()[0].total.item() == pytest.approx(27 / 16 * log(2), abs=1e-14)


def test_gradient_of_a_case_worked_by_hand() -> None:
    # (q - p) / B: (0, -1, 1)/4 and (1, 1, -2)/8, halved.
    expected_BC = torch.tensor([[0, -2, 2], [1, 1, -2]], dtype=torch.float64) / 16
    torch.testing.assert_close(case()[1], expected_BC, rtol=0, atol=1e-14)


def test_its_one_term_is_its_total() -> None:
    total, parts = case()[0]
    assert set(parts) == {"soft"}
    assert torch.equal(parts["soft"], total)


def test_labels_t_and_lambda_take_no_part() -> None:
    plain, plain_BC = case()
    other, other_BC = case(y_B=(2, 1), temperature=7.0, lam=0.3)
    assert torch.equal(other.total, plain.total)
    assert torch.equal(other_BC, plain_BC)
    assert not VANILLA.uses_temperature
    assert not VANILLA.uses_lambda


def test_its_formula_has_no_numbers_to_show() -> None:
    text = r"L = \mathrm{CE}\big(\mathrm{softmax}(z_t),\ \mathrm{softmax}(z_s)\big)"
    assert VANILLA.formula == text
    assert VANILLA.format_formula(ObjectiveSpec(temperature=9, lam=0.25)) == text


def test_without_a_teacher_it_says_so() -> None:
    with pytest.raises(ValueError, match="learns from a teacher, and none was given"):
        VANILLA.loss(Loss(logits(STUDENT), None, torch.tensor([0, 0])))
