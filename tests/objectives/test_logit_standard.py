"""Logit standardisation: values by hand, invariance to shift and scale of the logits."""

from __future__ import annotations

from math import exp

import pytest
import torch
from torch import Tensor

from tests.objectives.loss_examples import terms_and_gradient
from tsexplorer.objectives import LossInputs, LossTerms, get_objective
from tsexplorer.specs import ObjectiveSpec

OBJECTIVE = get_objective("logit-standard")

# T = 2, one image, C = 3. (0, 3, 6) has mean 3 and standard deviation 3 and becomes (-1, 0, 1);
# (2, 0, 1) has mean 1 and standard deviation 1 and becomes (1, -1, 0).
STUDENT, TEACHER = [[0.0, 3.0, 6.0]], [[2.0, 0.0, 1.0]]
A = exp(1 / 2)  # so that the softmax of (1, -1, 0) at T = 2 is (A, 1/A, 1) / Z
Z = A + 1 / A + 1


def evaluate(lam: float, shift: float = 0.0, scale: float = 1.0) -> tuple[LossTerms, Tensor]:
    """Loss and gradient of the example with ω = 3."""
    z_s_BC = scale * torch.tensor(STUDENT, dtype=torch.float64) + shift
    z_t_BC = torch.tensor(TEACHER, dtype=torch.float64)
    inputs = LossInputs(z_s_BC, z_t_BC, torch.tensor([0]), 2.0, lam, {"weight": 3.0})
    return terms_and_gradient(OBJECTIVE, inputs)


def test_value_by_hand() -> None:
    # The standardised logits of both nets have the same values in another order, so that
    # KL = sum p (t - s) / T with t - s = (2, -1, -1): (2A - 1/A - 1) / (2Z); times T² = 4.
    soft = 2 * (2 * A - 1 / A - 1) / Z
    terms, _ = evaluate(lam=0.25)
    assert terms.parts["soft"].item() == pytest.approx(soft, abs=1e-6)
    labels = terms.parts["labels"].item()
    assert terms.total.item() == pytest.approx(0.25 * labels + 0.75 * 3 * soft, abs=1e-6)


def test_gradient_by_hand() -> None:
    # By the standardised logits: h = T (q - p) = 2 (1/A - A, 1 - 1/A, A - 1) / Z. The derivative of
    # z -> (z - mean) / s gives (h - ẑ (ẑ·h) / (C - 1)) / s for h of sum 0, with ẑ = (-1, 0, 1),
    # s = 3 and ẑ·h = 2 (2A - 1 - 1/A) / Z. The result is (1 - 1/A) / (3Z) times (-1, 2, -1), and
    # the weight ω is 3.
    expected_BC = torch.tensor([[-1, 2, -1]], dtype=torch.float64) * (1 - 1 / A) / Z
    torch.testing.assert_close(evaluate(lam=0.0)[1], expected_BC, rtol=0, atol=1e-6)


def test_shift_and_scale_of_the_logits_have_no_influence() -> None:
    expected = evaluate(lam=0.0)[0].total.item()
    for shift, scale in ((5.0, 1.0), (0.0, 40.0), (-7.0, 0.1)):
        assert evaluate(0.0, shift, scale)[0].total.item() == pytest.approx(expected, abs=1e-6)


def test_the_formula_shows_omega() -> None:
    spec = ObjectiveSpec(name="logit-standard", temperature=2, lam=0.1, options={"weight": 10})
    assert r"0.9\cdot10\cdot 2^2" in OBJECTIVE.format_formula(spec)
    assert r"\omega" in OBJECTIVE.formula
