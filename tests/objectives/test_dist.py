"""DIST: values by hand, correlations that do not depend on scale, no factor T²."""

from __future__ import annotations

from math import log, sqrt

import pytest
import torch
from torch import Tensor

from tests.objectives.loss_examples import LABELS_B, logits_of, terms_and_gradient
from tsexplorer.objectives import LossInputs, LossTerms, get_objective
from tsexplorer.objectives.dist import correlation
from tsexplorer.specs import ObjectiveSpec

OBJECTIVE = get_objective("dist")


def evaluate(
    lam: float, beta: float = 2.0, gamma: float = 2.0, temperature: float = 2.0
) -> tuple[LossTerms, Tensor]:
    """Loss and gradient for rows of sum 8: the softmax at T = 2 is the row divided by 8."""
    z_s_BC = logits_of(([1, 2, 5], [4, 3, 1]), 2.0)
    z_t_BC = logits_of(([2, 4, 2], [3, 1, 4]), 2.0)
    options = {"beta": beta, "gamma": gamma}
    inputs = LossInputs(z_s_BC, z_t_BC, LABELS_B, temperature, lam, options)
    return terms_and_gradient(OBJECTIVE, inputs)


def test_value_by_hand() -> None:
    # Rows, centred and times 24: (-5, -2, 7) and 2 (-1, 2, -1) have the product -12 and the norms
    # sqrt(78) and 2 sqrt(6): -1 / sqrt(13). (4, 1, -5) and (1, -5, 4) have the product -21 and both
    # the norm sqrt(42): -1/2.
    rows = 1 + (1 / sqrt(13) + 1 / 2) / 2
    # Columns have two images: from the first to the second, the student's probabilities increase,
    # increase and decrease, the teacher's increase, decrease and increase. Correlations: 1, -1, -1.
    columns = 1 + 1 / 3
    # Labels, at T = 1: (1, 4, 25)/30 and (16, 9, 1)/26.
    labels = (log(30) + log(26 / 16)) / 2
    terms, _ = evaluate(lam=0.25, beta=3, gamma=2)
    assert terms.parts["labels"].item() == pytest.approx(labels, abs=1e-14)
    assert terms.parts["rows"].item() == pytest.approx(rows, abs=1e-6)
    assert terms.parts["columns"].item() == pytest.approx(columns, abs=1e-6)
    expected = 0.25 * labels + 0.75 * (3 * rows + 2 * columns)
    assert terms.total.item() == pytest.approx(expected, abs=1e-6)


def test_gradient_by_hand() -> None:
    # The correlation of two numbers is 1 or -1, so that columns have no gradient. A row with unit
    # vectors x and y has g = (y - rho x) / norm, and by the logits q (g - q·g) / T. Here q·g is 0
    # in both rows: g = 24 / (13 sqrt(13)) · (-3, 4, -1) and 6/7 · (2, -3, 1), times q = (1, 2, 5)/8
    # and (4, 3, 1)/8. In the loss: times -beta / B = -1.
    first = torch.tensor([3, -8, 5], dtype=torch.float64) * 3 / (26 * sqrt(13))
    second = torch.tensor([-24, 27, -3], dtype=torch.float64) / 56
    expected_BC = torch.stack([first, second])
    torch.testing.assert_close(evaluate(lam=0.0)[1], expected_BC, rtol=0, atol=1e-6)


def test_correlation_ignores_shift_and_scale() -> None:
    x_KN = torch.tensor([[1.0, 2, 5], [1, 2, 5], [4, 4, 4]])
    y_KN = torch.tensor([[11.0, 21, 51], [-1, -2, -5], [1, 2, 3]])
    torch.testing.assert_close(correlation(x_KN, y_KN), torch.tensor([1.0, -1.0, 0.0]))


def test_the_gradient_does_not_vanish_for_large_t() -> None:
    norms = [evaluate(0.0, 2, 0, temperature=T)[1].norm().item() for T in (20.0, 50.0, 200.0)]
    assert max(norms) / min(norms) < 1.05


def test_a_batch_of_one_image_gives_finite_gradients() -> None:
    z_s_BC = torch.tensor([[1.0, 2.0, -200.0]])  # the last class has the probability 0
    options = {"beta": 2, "gamma": 2}
    inputs = LossInputs(z_s_BC, z_s_BC, LABELS_B[:1], 1.0, 0.0, options)
    terms, gradient_BC = terms_and_gradient(OBJECTIVE, inputs)
    assert terms.parts["rows"].item() == pytest.approx(0, abs=1e-6)
    assert terms.parts["columns"].item() == 1  # a column of one number has the correlation 0
    assert gradient_BC.isfinite().all()


def test_the_formula_shows_its_options() -> None:
    spec = ObjectiveSpec(name="dist", temperature=3, lam=0.5, options={"beta": 1.5, "gamma": 0.25})
    formula = OBJECTIVE.format_formula(spec)
    assert r"1.5\cdot(1-\bar\rho" in formula
    assert r"0.25\cdot(1-\bar\rho" in formula
