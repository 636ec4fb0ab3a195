"""Logit standardisation: worked by hand; shift and scale of either net's logits do not count."""

from __future__ import annotations

from math import exp

import pytest
import torch
from torch import Tensor

from tsexplorer.objectives import Loss, Terms, get_objective
from tsexplorer.specs import ObjectiveSpec

STANDARD, LABELS_LOSS = get_objective("logit-standard"), get_objective("labels")

# T = 2, one image, C = 3. (0, 3, 6) has mean 3 and deviation 3 and becomes (-1, 0, 1);
# (2, 0, 1) has mean 1 and deviation 1 and becomes (1, -1, 0).
STUDENT, TEACHER = [[0.0, 3.0, 6.0]], [[2.0, 0.0, 1.0]]
A = exp(1 / 2)  # so the softmax at T = 2 of (1, -1, 0) is (A, 1/A, 1) / Z
Z = A + 1 / A + 1


def case(lam: float, shift: float = 0.0, scale: float = 1.0) -> tuple[Terms, Tensor]:
    """The terms of the case with ω = 3, and the gradient of their total."""
    z_s_BC = (scale * torch.tensor(STUDENT, dtype=torch.float64) + shift).requires_grad_()
    z_t_BC = torch.tensor(TEACHER, dtype=torch.float64)
    batch = Loss(z_s_BC, z_t_BC, torch.tensor([0]), 2.0, lam, {"weight": 3.0})
    terms = STANDARD.loss(batch)
    (gradient_BC,) = torch.autograd.grad(terms.total, z_s_BC)
    return terms, gradient_BC


def test_value_of_a_case_worked_by_hand() -> None:
    # Both nets' logits are the same numbers in another order, so KL = sum p (t - s) / T with
    # t - s = (2, -1, -1): (2A - 1/A - 1) / (2Z); times T² = 4.
    soft = 2 * (2 * A - 1 / A - 1) / Z
    terms, _ = case(lam=0.25)
    assert terms.parts["soft"].item() == pytest.approx(soft, abs=1e-6)
    labels = terms.parts["labels"].item()
    assert terms.total.item() == pytest.approx(0.25 * labels + 0.75 * 3 * soft, abs=1e-6)


def test_gradient_of_a_case_worked_by_hand() -> None:
    # On standardised logits: h = T (q - p) = 2 (1/A - A, 1 - 1/A, A - 1) / Z. The way back through
    # z -> (z - mean) / s is (h - ẑ (ẑ·h) / (C - 1)) / s, for h of sum 0, with ẑ = (-1, 0, 1), s = 3
    # and ẑ·h = 2 (2A - 1 - 1/A) / Z; that leaves (1 - 1/A) / (3Z) times (-1, 2, -1), and ω = 3.
    expected_BC = torch.tensor([[-1, 2, -1]], dtype=torch.float64) * (1 - 1 / A) / Z
    torch.testing.assert_close(case(lam=0.0)[1], expected_BC, rtol=0, atol=1e-6)


def test_shift_and_scale_of_the_logits_do_not_count() -> None:
    plain = case(lam=0.0)[0].total.item()
    for shift, scale in ((5.0, 1.0), (0.0, 40.0), (-7.0, 0.1)):
        assert case(0.0, shift, scale)[0].total.item() == pytest.approx(plain, abs=1e-6)


def test_lambda_1_is_the_loss_on_labels_to_the_last_bit() -> None:
    terms, gradient_BC = case(lam=1.0)
    z_BC = torch.tensor(STUDENT, dtype=torch.float64, requires_grad=True)
    labels = LABELS_LOSS.loss(Loss(z_BC, None, torch.tensor([0]))).total
    assert torch.equal(terms.total, labels)
    assert torch.equal(gradient_BC, torch.autograd.grad(labels, z_BC)[0])


def test_the_formula_carries_its_weight() -> None:
    spec = ObjectiveSpec(name="logit-standard", temperature=2, lam=0.1, options={"weight": 10})
    assert r"0.9\cdot10\cdot 2^2" in STANDARD.format_formula(spec)
    assert r"\omega" in STANDARD.formula
