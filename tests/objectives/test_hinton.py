"""The Hinton loss: values by hand, continuity in lambda, gradients for large T."""

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

OBJECTIVE, LABELS_OBJECTIVE = get_objective("hinton"), get_objective("labels")


def evaluate(lam: float, temperature: float = 2.0) -> tuple[LossTerms, Tensor]:
    """Loss and gradient of the example, whose logits have the temperature 2.

    The softmax at T = 1 is therefore proportional to the squares of the rows.
    """
    z_s_BC, z_t_BC = logits_of(STUDENT_ROWS, 2.0), logits_of(TEACHER_ROWS, 2.0)
    return terms_and_gradient(OBJECTIVE, LossInputs(z_s_BC, z_t_BC, LABELS_B, temperature, lam))


def random_inputs(
    seed: int,
    temperature: float,
    lam: float,
    scale: float = 1.0,
    dtype: torch.dtype = torch.float64,
) -> LossInputs:
    """Random logits and labels for 5 images of 4 classes."""
    generator = torch.Generator().manual_seed(seed)
    z_s_BC, z_t_BC = scale * torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    y_B = torch.randint(4, (5,), generator=generator)
    return LossInputs(z_s_BC.to(dtype), z_t_BC.to(dtype), y_B, temperature, lam)


def test_value_by_hand() -> None:
    # Labels, at T = 1: softmax (1, 1, 4)/6 and (4, 1, 1)/6, so (ln 6 + ln 1.5) / 2 = ln 3.
    labels = log(3)
    # Soft, at T = 2: p = (1, 2, 1)/4, q = (1, 1, 2)/4 and p = (3, 1, 4)/8, q = (4, 2, 2)/8.
    # KL = 1/4 ln 1 + 1/2 ln 2 + 1/4 ln 1/2 = 1/4 ln 2, and
    # KL = 3/8 ln 3/4 + 1/8 ln 1/2 + 1/2 ln 2 = 3/8 ln 3/2; mean, times T² = 4:
    soft = 4 * (log(2) / 4 + 3 / 8 * log(1.5)) / 2
    terms, _ = evaluate(lam=0.25)
    assert terms.parts["labels"].item() == pytest.approx(labels, abs=1e-14)
    assert terms.parts["soft"].item() == pytest.approx(soft, abs=1e-14)
    assert terms.total.item() == pytest.approx(0.25 * labels + 0.75 * soft, abs=1e-14)


def test_gradient_by_hand() -> None:
    # Labels: the difference of softmax and one-hot, over B, is (-5, 1, 4)/12 and (-2, 1, 1)/12.
    # Soft: T² · (1/T) · (q - p) / B = q - p = (0, -1, 1)/4 and (1, 1, -2)/8.
    # 1/4 and 3/4 of them, over 48:
    #   (-5, 1, 4) + (0, -9, 9) = (-5, -8, 13) and (-2, 1, 1) + (4.5, 4.5, -9) = (2.5, 5.5, -8).
    expected_BC = torch.tensor([[-5, -8, 13], [2.5, 5.5, -8]], dtype=torch.float64) / 48
    torch.testing.assert_close(evaluate(lam=0.25)[1], expected_BC, rtol=0, atol=1e-14)


def test_equal_softmax_gives_zero_soft_loss_and_gradient() -> None:
    z_BC = logits_of(TEACHER_ROWS, 2.0)
    # A constant that is added to all logits of an image does not change the softmax.
    inputs = LossInputs(z_BC, z_BC + 3, LABELS_B, 2.0, 0.0)
    terms, gradient_BC = terms_and_gradient(OBJECTIVE, inputs)
    assert terms.total.item() == pytest.approx(0, abs=1e-14)
    torch.testing.assert_close(gradient_BC, torch.zeros(2, 3).double(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [0.5, 4.0, 50.0])
def test_lambda_1_equals_the_labels_loss_exactly(temperature: float, dtype: torch.dtype) -> None:
    inputs = random_inputs(0, temperature, 1.0, scale=5, dtype=dtype)
    hinton, hinton_BC = terms_and_gradient(OBJECTIVE, inputs)
    labels, labels_BC = terms_and_gradient(LABELS_OBJECTIVE, inputs)
    assert torch.equal(hinton.total, labels.total)
    assert torch.equal(hinton_BC, labels_BC)


def test_lambda_0_is_the_soft_term_with_factor_t_squared() -> None:
    terms, gradient_BC = evaluate(lam=0.0)
    assert terms.total.item() == pytest.approx(log(2) / 2 + 3 / 4 * log(1.5), abs=1e-14)
    expected_BC = torch.tensor([[0, -2, 2], [1, 1, -2]], dtype=torch.float64) / 8
    torch.testing.assert_close(gradient_BC, expected_BC, rtol=0, atol=1e-14)


@pytest.mark.parametrize("lam", [0.0, 1.0])
@pytest.mark.parametrize("temperature", [1.0, 2.0, 20.0])
def test_the_loss_is_continuous_at_lambda_0_and_1(lam: float, temperature: float) -> None:
    terms, gradient_BC = evaluate(lam, temperature)
    slope = (terms.parts["labels"] - terms.parts["soft"]).item()
    for distance in (1e-2, 1e-5, 1e-8):
        step = distance if lam == 0 else -distance
        near_terms, near_gradient_BC = evaluate(lam + step, temperature)
        difference = near_terms.total.item() - terms.total.item()
        assert difference == pytest.approx(step * slope, rel=1e-3, abs=1e-14)
        assert (near_gradient_BC - gradient_BC).abs().max().item() <= 2 * distance


@settings(deadline=None, max_examples=50)
@given(lam=st.floats(0, 1), temperature=st.floats(0.1, 100), seed=st.integers(0, 1000))
def test_weighted_terms_add_up_to_the_total(lam: float, temperature: float, seed: int) -> None:
    total, parts = OBJECTIVE.loss(random_inputs(seed, temperature, lam, scale=3))
    assert set(parts) == {"labels", "soft"}
    expected = lam * parts["labels"].item() + (1 - lam) * parts["soft"].item()
    assert total.item() == pytest.approx(expected, rel=1e-12)
    assert parts["soft"].item() >= -1e-9


def test_for_large_t_the_gradient_approaches_that_of_the_paper() -> None:
    """Section 2 of the paper: T² times the gradient tends to (z - v) / N for logits of mean 0."""
    inputs = random_inputs(1, 1.0, 0.0)
    assert inputs.z_t_BC is not None
    difference_BC = inputs.z_s_BC - inputs.z_t_BC
    limit_BC = (difference_BC - difference_BC.mean(1, keepdim=True)) / 4 / 5  # C, then B
    gradients = {
        temperature: terms_and_gradient(OBJECTIVE, random_inputs(1, temperature, 0.0))[1]
        for temperature in (20.0, 50.0, 100.0, 200.0, 1000.0)
    }
    for temperature in (100.0, 1000.0):
        torch.testing.assert_close(gradients[temperature], limit_BC, rtol=0, atol=0.5 / temperature)
    norms = [gradients[temperature].norm().item() for temperature in (20.0, 50.0, 200.0, 1000.0)]
    assert max(norms) / min(norms) < 1.05


def test_formula_with_symbols_and_with_values() -> None:
    assert without_layout(OBJECTIVE.formula) == (
        r"L=\lambda\cdot\mathrm{CE}(y,\mathrm{softmax}(z_s))+(1-\lambda)\cdotT^2\cdot"
        r"\mathrm{KL}(\mathrm{softmax}(z_t/T)\|\mathrm{softmax}(z_s/T))"
    )
    assert without_layout(OBJECTIVE.format_formula(ObjectiveSpec(temperature=4, lam=0.25))) == (
        r"L=0.25\cdot\mathrm{CE}(y,\mathrm{softmax}(z_s))+0.75\cdot4^2\cdot"
        r"\mathrm{KL}(\mathrm{softmax}(z_t/4)\|\mathrm{softmax}(z_s/4))"
    )


@pytest.mark.parametrize(
    ("lam", "labels_weight", "soft_weight"),
    [(0.7, "0.7", "0.3"), (0, "0", "1"), (1, "1", "0"), (0.9, "0.9", "0.1")],
)
def test_the_formula_shows_rounded_weights(
    lam: float, labels_weight: str, soft_weight: str
) -> None:
    formula = without_layout(OBJECTIVE.format_formula(ObjectiveSpec(temperature=2.5, lam=lam)))
    assert formula.startswith(rf"L={labels_weight}\cdot\mathrm{{CE}}")
    assert rf"+{soft_weight}\cdot2.5^2\cdot\mathrm{{KL}}" in formula
    assert "lambda" not in formula
