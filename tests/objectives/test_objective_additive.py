"""The additive loss: worked by hand; its soft term fades as 1/T² and labels never replace it."""

from __future__ import annotations

import re
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tsexplorer.objectives import Loss, Terms, get_objective
from tsexplorer.specs import ObjectiveSpec

ADDITIVE, HINTON = get_objective("additive"), get_objective("hinton")

# T = 2, B = 2, C = 3. A row (a, b, c) stands for the logits 2 ln a, 2 ln b, 2 ln c, so that the
# softmax at T = 2 is proportional to the row, and the one at T = 1 to its squares.
STUDENT, TEACHER = ([1, 1, 2], [2, 1, 1]), ([1, 2, 1], [3, 1, 4])


def logits(rows: tuple[list[int], ...]) -> Tensor:
    return 2 * torch.tensor(rows, dtype=torch.float64).log()


def case(lam: float, temperature: float = 2.0) -> tuple[Terms, Tensor]:
    """The terms of the case, and the gradient of their total on the student's logits."""
    z_s_BC = logits(STUDENT).requires_grad_()
    terms = ADDITIVE.loss(Loss(z_s_BC, logits(TEACHER), torch.tensor([0, 0]), temperature, lam))
    (gradient_BC,) = torch.autograd.grad(terms.total, z_s_BC)
    return terms, gradient_BC


def test_value_of_a_case_worked_by_hand() -> None:
    # Labels, at T = 1: softmax (1, 1, 4)/6 and (4, 1, 1)/6, so (ln 6 + ln 1.5) / 2 = ln 3.
    labels = log(3)
    # Soft, at T = 2: p = (1, 2, 1)/4 with -ln q = (2, 2, 1) ln 2 gives 7/4 ln 2, and
    # p = (3, 1, 4)/8 with -ln q = (1, 2, 2) ln 2 gives 13/8 ln 2. The mean:
    soft = 27 / 16 * log(2)
    terms, _ = case(lam=0.25)
    assert terms.parts["labels"].item() == pytest.approx(labels, abs=1e-14)
    assert terms.parts["soft"].item() == pytest.approx(soft, abs=1e-14)
    assert terms.total.item() == pytest.approx(0.25 * labels + soft, abs=1e-14)


def test_gradient_of_a_case_worked_by_hand() -> None:
    # Labels: softmax less one-hot, over B, is (-5, 1, 4)/12 and (-2, 1, 1)/12.
    # Soft: (1/T) · (q - p) / B = (q - p) / 4 = (0, -1, 1)/16 and (1, 1, -2)/32.
    # A quarter of the first and all of the second, over 48:
    #   (-5, 1, 4) + (0, -3, 3) = (-5, -2, 7) and (-2, 1, 1) + (1.5, 1.5, -3) = (-0.5, 2.5, -2).
    expected_BC = torch.tensor([[-5, -2, 7], [-0.5, 2.5, -2]], dtype=torch.float64) / 48
    torch.testing.assert_close(case(lam=0.25)[1], expected_BC, rtol=0, atol=1e-14)


def test_lambda_0_is_the_soft_term_and_lambda_1_still_has_it() -> None:
    assert case(lam=0.0)[0].total.item() == pytest.approx(27 / 16 * log(2), abs=1e-14)
    assert case(lam=1.0)[0].total.item() == pytest.approx(log(3) + 27 / 16 * log(2), abs=1e-14)


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_there_is_no_step_at_the_edges(edge: float) -> None:
    terms, at_BC = case(edge)
    for away in (1e-2, 1e-5, 1e-8):
        inward = away if edge == 0 else -away
        near, near_BC = case(edge + inward)
        rise = near.total.item() - terms.total.item()
        assert rise == pytest.approx(inward * log(3), rel=1e-3, abs=1e-14)
        assert (near_BC - at_BC).abs().max().item() <= away


@settings(deadline=None, max_examples=50)
@given(lam=st.floats(0, 1), temperature=st.floats(0.1, 100))
def test_named_terms_add_up(lam: float, temperature: float) -> None:
    total, parts = case(lam, temperature)[0]
    assert set(parts) == {"labels", "soft"}
    expected = lam * parts["labels"].item() + parts["soft"].item()
    assert total.item() == pytest.approx(expected, rel=1e-12)


def test_the_soft_gradient_fades_as_one_over_t_squared() -> None:
    sizes = {T: case(lam=0.0, temperature=T)[1].norm().item() for T in (50.0, 100.0, 500.0)}
    assert sizes[50.0] / sizes[100.0] == pytest.approx(4, rel=0.03)
    assert sizes[100.0] / sizes[500.0] == pytest.approx(25, rel=0.03)


def test_its_soft_gradient_is_hintons_without_t_squared() -> None:
    z_s_BC = logits(STUDENT).requires_grad_()
    batch = Loss(z_s_BC, logits(TEACHER), torch.tensor([0, 0]), 7.0, 0.0)
    (hinton_BC,) = torch.autograd.grad(HINTON.loss(batch).total, z_s_BC)
    (additive_BC,) = torch.autograd.grad(ADDITIVE.loss(batch).total, z_s_BC)
    torch.testing.assert_close(hinton_BC, 49 * additive_BC, rtol=1e-12, atol=1e-15)


def squeezed(formula: str) -> str:
    """A formula without what only places it on the page: spaces, lines, sizes of brackets."""
    layout = r"\\(small|big|begin\{aligned\}|end\{aligned\}|[ ,\\])|[&\s]|\{\}"
    return re.sub(layout, "", formula)


def test_formula_with_symbols_and_with_the_numbers_in_force() -> None:
    assert squeezed(ADDITIVE.formula) == (
        r"L=\lambda\cdot\mathrm{CE}(y,\mathrm{softmax}(z_s))"
        r"+\mathrm{CE}(\mathrm{softmax}(z_t/T),\mathrm{softmax}(z_s/T))"
    )
    spec = ObjectiveSpec(name="additive", temperature=10, lam=0.5)
    assert squeezed(ADDITIVE.format_formula(spec)) == (
        r"L=0.5\cdot\mathrm{CE}(y,\mathrm{softmax}(z_s))"
        r"+\mathrm{CE}(\mathrm{softmax}(z_t/10),\mathrm{softmax}(z_s/10))"
    )


def test_without_a_teacher_it_says_so() -> None:
    with pytest.raises(ValueError, match="learns from a teacher, and none was given"):
        ADDITIVE.loss(Loss(logits(STUDENT), None, torch.tensor([0, 0]), 2.0, 0.5))
