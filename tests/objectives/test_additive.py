"""The additive loss: values by hand, lambda weights the labels only, no factor T²."""

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
    without_layout,
)
from tsexplorer.objectives import LossInputs, LossTerms, get_objective
from tsexplorer.specs import ObjectiveSpec

OBJECTIVE, HINTON = get_objective("additive"), get_objective("hinton")


def example(lam: float, temperature: float = 2.0) -> LossInputs:
    """Logits of temperature 2; the softmax at T = 1 is proportional to the rows' squares."""
    z_s_BC, z_t_BC = logits_of(STUDENT_ROWS, 2.0), logits_of(TEACHER_ROWS, 2.0)
    return LossInputs(z_s_BC, z_t_BC, LABELS_B, temperature, lam)


def evaluate(lam: float, temperature: float = 2.0) -> tuple[LossTerms, Tensor]:
    return terms_and_gradient(OBJECTIVE, example(lam, temperature))


def test_value_by_hand() -> None:
    # Labels, at T = 1: softmax (1, 1, 4)/6 and (4, 1, 1)/6, so (ln 6 + ln 1.5) / 2 = ln 3.
    labels = log(3)
    # Soft, at T = 2: p = (1, 2, 1)/4 with -ln q = (2, 2, 1) ln 2 gives 7/4 ln 2, and
    # p = (3, 1, 4)/8 with -ln q = (1, 2, 2) ln 2 gives 13/8 ln 2. The mean:
    soft = 27 / 16 * log(2)
    terms, _ = evaluate(lam=0.25)
    assert terms.parts["labels"].item() == pytest.approx(labels, abs=1e-14)
    assert terms.parts["soft"].item() == pytest.approx(soft, abs=1e-14)
    assert terms.total.item() == pytest.approx(0.25 * labels + soft, abs=1e-14)


def test_gradient_by_hand() -> None:
    # Labels: the difference of softmax and one-hot, over B, is (-5, 1, 4)/12 and (-2, 1, 1)/12.
    # Soft: (1/T) · (q - p) / B = (q - p) / 4 = (0, -1, 1)/16 and (1, 1, -2)/32.
    # A quarter of the first and all of the second, over 48:
    #   (-5, 1, 4) + (0, -3, 3) = (-5, -2, 7) and (-2, 1, 1) + (1.5, 1.5, -3) = (-0.5, 2.5, -2).
    expected_BC = torch.tensor([[-5, -2, 7], [-0.5, 2.5, -2]], dtype=torch.float64) / 48
    torch.testing.assert_close(evaluate(lam=0.25)[1], expected_BC, rtol=0, atol=1e-14)


def test_lambda_1_still_includes_the_soft_term() -> None:
    soft = 27 / 16 * log(2)
    assert evaluate(lam=0.0)[0].total.item() == pytest.approx(soft, abs=1e-14)
    assert evaluate(lam=1.0)[0].total.item() == pytest.approx(log(3) + soft, abs=1e-14)


@pytest.mark.parametrize("lam", [0.0, 1.0])
def test_the_loss_is_continuous_at_lambda_0_and_1(lam: float) -> None:
    terms, gradient_BC = evaluate(lam)
    for distance in (1e-2, 1e-5, 1e-8):
        step = distance if lam == 0 else -distance
        near_terms, near_gradient_BC = evaluate(lam + step)
        difference = near_terms.total.item() - terms.total.item()
        assert difference == pytest.approx(step * log(3), rel=1e-3, abs=1e-14)
        assert (near_gradient_BC - gradient_BC).abs().max().item() <= distance


@settings(deadline=None, max_examples=50)
@given(lam=st.floats(0, 1), temperature=st.floats(0.1, 100))
def test_weighted_terms_add_up_to_the_total(lam: float, temperature: float) -> None:
    total, parts = evaluate(lam, temperature)[0]
    assert set(parts) == {"labels", "soft"}
    expected = lam * parts["labels"].item() + parts["soft"].item()
    assert total.item() == pytest.approx(expected, rel=1e-12)


def test_the_soft_gradient_decreases_as_1_over_t_squared() -> None:
    norms = {T: evaluate(lam=0.0, temperature=T)[1].norm().item() for T in (50.0, 100.0, 500.0)}
    assert norms[50.0] / norms[100.0] == pytest.approx(4, rel=0.03)
    assert norms[100.0] / norms[500.0] == pytest.approx(25, rel=0.03)


def test_the_soft_gradient_is_hintons_without_t_squared() -> None:
    _, hinton_BC = terms_and_gradient(HINTON, example(0.0, 7.0))
    _, additive_BC = evaluate(0.0, 7.0)
    torch.testing.assert_close(hinton_BC, 49 * additive_BC, rtol=1e-12, atol=1e-15)


def test_formula_with_symbols_and_with_values() -> None:
    assert without_layout(OBJECTIVE.formula) == (
        r"L=\lambda\cdot\mathrm{CE}(y,\mathrm{softmax}(z_s))"
        r"+\mathrm{CE}(\mathrm{softmax}(z_t/T),\mathrm{softmax}(z_s/T))"
    )
    spec = ObjectiveSpec(name="additive", temperature=10, lam=0.5)
    assert without_layout(OBJECTIVE.format_formula(spec)) == (
        r"L=0.5\cdot\mathrm{CE}(y,\mathrm{softmax}(z_s))"
        r"+\mathrm{CE}(\mathrm{softmax}(z_t/10),\mathrm{softmax}(z_s/10))"
    )
