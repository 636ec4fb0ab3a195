"""Decoupled KD: values by hand, the decomposition of a KL divergence, the warm-up."""

from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.objectives.loss_examples import (
    LABELS_B,
    STUDENT_ROWS,
    TEACHER_ROWS,
    logits_of,
    terms_and_gradient,
)
from tsexplorer.objectives import LossInputs, LossTerms, get_objective
from tsexplorer.objectives.base import soft_divergence
from tsexplorer.objectives.dkd import decoupled_divergences
from tsexplorer.specs import ObjectiveSpec

OBJECTIVE = get_objective("dkd")


def evaluate(
    lam: float, alpha: float = 1.0, beta: float = 1.0, epoch: int = 1, warm_up: int = 1
) -> tuple[LossTerms, Tensor]:
    """Loss and gradient of the example at T = 2.

    The softmax at T = 1 is proportional to the squares of the rows.
    """
    z_s_BC, z_t_BC = logits_of(STUDENT_ROWS, 2.0), logits_of(TEACHER_ROWS, 2.0)
    options = {"alpha": alpha, "beta": beta, "warm_up": warm_up}
    inputs = LossInputs(z_s_BC, z_t_BC, LABELS_B, 2.0, lam, options, epoch)
    return terms_and_gradient(OBJECTIVE, inputs)


def test_value_by_hand() -> None:
    # p = (1, 2, 1)/4 and q = (1, 1, 2)/4 are equal for the label; over the other classes (2, 1)/3
    # and (1, 2)/3 have KL 2/3 ln 2 - 1/3 ln 2.
    # p = (3, 1, 4)/8 and q = (4, 2, 2)/8: (3, 5)/8 against (4, 4)/8, and (1, 4)/5 against (1, 1)/2.
    # Means, times T² = 4:
    tckd = 4 * (3 / 8 * log(3 / 4) + 5 / 8 * log(5 / 4)) / 2
    nckd = 4 * (log(2) / 3 + log(2 / 5) / 5 + 4 / 5 * log(8 / 5)) / 2
    terms, _ = evaluate(lam=0.25, alpha=3, beta=2)
    assert terms.parts["labels"].item() == pytest.approx(log(3), abs=1e-14)
    assert terms.parts["target"].item() == pytest.approx(tckd, abs=1e-14)
    assert terms.parts["non-target"].item() == pytest.approx(nckd, abs=1e-14)
    expected = 0.25 * log(3) + 0.75 * (3 * tckd + 2 * nckd)
    assert terms.total.item() == pytest.approx(expected, abs=1e-14)


def test_gradients_by_hand() -> None:
    # T² · (1/T) / B is 1 here. TCKD: q_y - p_y for the label's logit, and its negative for the
    # others in proportion to q: 0 for the first image; 1/8 and (1, 1)/16 for the second.
    tckd_BC = torch.tensor([[0, 0, 0], [2, -1, -1]], dtype=torch.float64) / 16
    torch.testing.assert_close(evaluate(0.0, 1, 0)[1], tckd_BC, rtol=0, atol=1e-14)
    # NCKD: differences over the other classes: (1, 2)/3 - (2, 1)/3, and (1, 1)/2 - (1, 4)/5.
    nckd_BC = torch.tensor([[0, -10, 10], [0, 9, -9]], dtype=torch.float64) / 30
    torch.testing.assert_close(evaluate(0.0, 0, 1)[1], nckd_BC, rtol=0, atol=1e-14)
    # The sum, with (-5, 1, 4)/12 and (-2, 1, 1)/12 of the labels:
    labels_BC = torch.tensor([[-5, 1, 4], [-2, 1, 1]], dtype=torch.float64) / 12
    expected_BC = 0.25 * labels_BC + 0.75 * (3 * tckd_BC + 2 * nckd_BC)
    torch.testing.assert_close(evaluate(0.25, 3, 2)[1], expected_BC, rtol=0, atol=1e-14)


def test_the_teachers_terms_increase_during_the_warm_up() -> None:
    full = evaluate(0.0)[0].total.item()
    fractions = [
        evaluate(0.0, epoch=epoch, warm_up=4)[0].total.item() / full for epoch in range(1, 7)
    ]
    assert fractions == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_the_warm_up_changes_neither_terms_nor_label_weight() -> None:
    full = evaluate(0.0)[0].total.item()
    assert evaluate(0.5, epoch=1, warm_up=4)[0].parts["target"] == evaluate(0.5)[0].parts["target"]
    difference = evaluate(0.5)[0].total - evaluate(0.5, epoch=2, warm_up=4)[0].total
    assert difference.item() == pytest.approx(full / 4)


@settings(deadline=None, max_examples=30)
@given(temperature=st.floats(0.5, 50), scale=st.floats(0.1, 20), seed=st.integers(0, 1000))
def test_both_parts_add_up_to_the_kl_divergence(
    temperature: float, scale: float, seed: int
) -> None:
    """Equation 7 of the paper, which holds for each image."""
    generator = torch.Generator().manual_seed(seed)
    z_s_BC, z_t_BC = scale * torch.randn(2, 1, 6, generator=generator, dtype=torch.float64)
    y_B = torch.randint(6, (1,), generator=generator)
    tckd, nckd = decoupled_divergences(z_t_BC, z_s_BC, y_B, temperature)
    weight = 1 - (z_t_BC / temperature).softmax(-1)[0, y_B[0]]
    divergence = soft_divergence(z_t_BC, z_s_BC, temperature)
    assert (tckd + weight * nckd).item() == pytest.approx(divergence.item(), rel=1e-9, abs=1e-12)


def test_with_two_classes_nckd_is_zero() -> None:
    z_t_BC, z_s_BC = torch.tensor([[3.0, 1.0]]), torch.tensor([[0.0, 9.0]])
    _, nckd = decoupled_divergences(z_t_BC, z_s_BC, LABELS_B[:1], 2.0)
    assert nckd.item() == 0


def test_the_formula_shows_its_options() -> None:
    spec = ObjectiveSpec(name="dkd", temperature=6, lam=0.25, options={"beta": 2.5, "warm_up": 7})
    formula = OBJECTIVE.format_formula(spec)
    assert all(part in formula for part in (r"\big[1\cdot", r"+2.5\cdot", "e/7", "0.75", "6^2"))
    assert all(symbol in OBJECTIVE.formula for symbol in (r"\alpha", r"\beta", r"\nu"))
