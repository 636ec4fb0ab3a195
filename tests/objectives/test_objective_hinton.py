"""The Hinton loss: worked by hand, without a step at its edges, of one strength at every T."""

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

HINTON, LABELS_LOSS = get_objective("hinton"), get_objective("labels")

# The case: T = 2, B = 2, C = 3. A row (a, b, c) stands for the logits 2 ln a, 2 ln b, 2 ln c, so
# that the softmax at T = 2 is proportional to the row, and the one at T = 1 to its squares.
STUDENT, TEACHER = ([1, 1, 2], [2, 1, 1]), ([1, 2, 1], [3, 1, 4])


def logits(rows: tuple[list[int], ...]) -> Tensor:
    return 2 * torch.tensor(rows, dtype=torch.float64).log()


def case(lam: float, temperature: float = 2.0) -> tuple[Terms, Tensor]:
    """The terms of the case, and the gradient of their total on the student's logits."""
    z_s_BC = logits(STUDENT).requires_grad_()
    terms = HINTON.loss(Loss(z_s_BC, logits(TEACHER), torch.tensor([0, 0]), temperature, lam))
    (gradient_BC,) = torch.autograd.grad(terms.total, z_s_BC)
    return terms, gradient_BC


def drawn(seed: int, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Student's and teacher's logits and labels for 5 images of 4 classes."""
    generator = torch.Generator().manual_seed(seed)
    z_s_BC, z_t_BC = scale * torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    return z_s_BC.requires_grad_(), z_t_BC, torch.randint(4, (5,), generator=generator)


def test_value_of_a_case_worked_by_hand() -> None:
    # Labels, at T = 1: softmax (1, 1, 4)/6 and (4, 1, 1)/6, so (ln 6 + ln 1.5) / 2 = ln 3.
    labels = log(3)
    # Soft, at T = 2: p = (1, 2, 1)/4, q = (1, 1, 2)/4 and p = (3, 1, 4)/8, q = (4, 2, 2)/8.
    # KL = 1/4 ln 1 + 1/2 ln 2 + 1/4 ln 1/2 = 1/4 ln 2, and
    # KL = 3/8 ln 3/4 + 1/8 ln 1/2 + 1/2 ln 2 = 3/8 ln 3/2; mean, times T² = 4:
    soft = 4 * (log(2) / 4 + 3 / 8 * log(1.5)) / 2
    terms, _ = case(lam=0.25)
    assert terms.parts["labels"].item() == pytest.approx(labels, abs=1e-14)
    assert terms.parts["soft"].item() == pytest.approx(soft, abs=1e-14)
    assert terms.total.item() == pytest.approx(0.25 * labels + 0.75 * soft, abs=1e-14)


def test_gradient_of_a_case_worked_by_hand() -> None:
    # Labels: softmax less one-hot, over B, is (-5, 1, 4)/12 and (-2, 1, 1)/12.
    # Soft: T² · (1/T) · (q - p) / B = q - p = (0, -1, 1)/4 and (1, 1, -2)/8.
    # 1/4 and 3/4 of them, over 48:
    #   (-5, 1, 4) + (0, -9, 9) = (-5, -8, 13) and (-2, 1, 1) + (4.5, 4.5, -9) = (2.5, 5.5, -8).
    expected_BC = torch.tensor([[-5, -8, 13], [2.5, 5.5, -8]], dtype=torch.float64) / 48
    torch.testing.assert_close(case(lam=0.25)[1], expected_BC, rtol=0, atol=1e-14)


def test_a_student_that_agrees_has_nothing_left_to_learn_softly() -> None:
    z_BC = logits(TEACHER).requires_grad_()
    # Logits count up to a constant for each image.
    terms = HINTON.loss(Loss(z_BC, logits(TEACHER) + 3, torch.tensor([0, 0]), 2.0, 0.0))
    (gradient_BC,) = torch.autograd.grad(terms.total, z_BC)
    assert terms.total.item() == pytest.approx(0, abs=1e-14)
    torch.testing.assert_close(gradient_BC, torch.zeros(2, 3).double(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [0.5, 4.0, 50.0])
def test_lambda_1_is_the_loss_on_labels_to_the_last_bit(
    temperature: float, dtype: torch.dtype
) -> None:
    z_s_BC, z_t_BC, y_B = (tensor.detach() for tensor in drawn(0, scale=5))
    results = []
    for objective in (HINTON, LABELS_LOSS):
        z_BC = z_s_BC.to(dtype).requires_grad_()
        total = objective.loss(Loss(z_BC, z_t_BC.to(dtype), y_B, temperature, 1.0)).total
        results.append((total, *torch.autograd.grad(total, z_BC)))
    (hinton, hinton_BC), (labels, labels_BC) = results
    assert torch.equal(hinton, labels)
    assert torch.equal(hinton_BC, labels_BC)


def test_lambda_0_is_the_soft_term_alone_with_its_t_squared() -> None:
    terms, gradient_BC = case(lam=0.0)
    assert terms.total.item() == pytest.approx(log(2) / 2 + 3 / 4 * log(1.5), abs=1e-14)
    expected_BC = torch.tensor([[0, -2, 2], [1, 1, -2]], dtype=torch.float64) / 8
    torch.testing.assert_close(gradient_BC, expected_BC, rtol=0, atol=1e-14)


@pytest.mark.parametrize("edge", [0.0, 1.0])
@pytest.mark.parametrize("temperature", [1.0, 2.0, 20.0])
def test_there_is_no_step_at_the_edges(edge: float, temperature: float) -> None:
    at_BC = case(edge, temperature)[1]
    terms = case(edge, temperature)[0]
    slope = (terms.parts["labels"] - terms.parts["soft"]).item()
    for away in (1e-2, 1e-5, 1e-8):
        inward = away if edge == 0 else -away
        near, near_BC = case(edge + inward, temperature)
        rise = near.total.item() - terms.total.item()
        assert rise == pytest.approx(inward * slope, rel=1e-3, abs=1e-14)
        assert (near_BC - at_BC).abs().max().item() <= 2 * away


@settings(deadline=None, max_examples=50)
@given(
    lam=st.floats(0, 1),
    temperature=st.floats(0.1, 100),
    seed=st.integers(0, 1000),
)
def test_named_terms_add_up(lam: float, temperature: float, seed: int) -> None:
    z_s_BC, z_t_BC, y_B = drawn(seed, scale=3)
    total, parts = HINTON.loss(Loss(z_s_BC, z_t_BC, y_B, temperature, lam))
    assert set(parts) == {"labels", "soft"}
    expected = lam * parts["labels"].item() + (1 - lam) * parts["soft"].item()
    assert total.item() == pytest.approx(expected, rel=1e-12)
    assert parts["soft"].item() >= -1e-9


def soft_gradient(temperature: float) -> Tensor:
    z_s_BC, z_t_BC, y_B = drawn(1)
    terms = HINTON.loss(Loss(z_s_BC, z_t_BC, y_B, temperature, 0.0))
    return torch.autograd.grad(terms.total, z_s_BC)[0]


def test_where_logits_are_small_against_t_the_gradient_does_not_fade() -> None:
    """Section 2 of the paper: T² times the gradient tends to (z - v) / N, both of zero mean."""
    z_s_BC, z_t_BC, _ = drawn(1)
    difference_BC = (z_s_BC - z_t_BC).detach()
    limit_BC = (difference_BC - difference_BC.mean(1, keepdim=True)) / 4 / 5  # C, then B
    for temperature in (100.0, 1000.0):
        torch.testing.assert_close(
            soft_gradient(temperature), limit_BC, rtol=0, atol=0.5 / temperature
        )
    sizes = [soft_gradient(temperature).norm().item() for temperature in (20, 50, 200, 1000)]
    assert max(sizes) / min(sizes) < 1.05


def squeezed(formula: str) -> str:
    """A formula without what only places it on the page: spaces, lines, sizes of brackets."""
    layout = r"\\(small|big|begin\{aligned\}|end\{aligned\}|[ ,\\])|[&\s]|\{\}"
    return re.sub(layout, "", formula)


def test_formula_with_symbols_and_with_the_numbers_in_force() -> None:
    assert squeezed(HINTON.formula) == (
        r"L=\lambda\cdot\mathrm{CE}(y,\mathrm{softmax}(z_s))+(1-\lambda)\cdotT^2\cdot"
        r"\mathrm{KL}(\mathrm{softmax}(z_t/T)\|\mathrm{softmax}(z_s/T))"
    )
    assert squeezed(HINTON.format_formula(ObjectiveSpec(temperature=4, lam=0.25))) == (
        r"L=0.25\cdot\mathrm{CE}(y,\mathrm{softmax}(z_s))+0.75\cdot4^2\cdot"
        r"\mathrm{KL}(\mathrm{softmax}(z_t/4)\|\mathrm{softmax}(z_s/4))"
    )


@pytest.mark.parametrize(
    ("lam", "shown", "rest"),
    [(0.7, "0.7", "0.3"), (0, "0", "1"), (1, "1", "0"), (0.9, "0.9", "0.1")],
)
def test_lambda_and_its_rest_are_shown_as_people_write_them(
    lam: float, shown: str, rest: str
) -> None:
    text = squeezed(HINTON.format_formula(ObjectiveSpec(temperature=2.5, lam=lam)))
    assert text.startswith(rf"L={shown}\cdot\mathrm{{CE}}")
    assert rf"+{rest}\cdot2.5^2\cdot\mathrm{{KL}}" in text
    assert "lambda" not in text


def test_without_a_teacher_it_says_so() -> None:
    with pytest.raises(ValueError, match="learns from a teacher, and none was given"):
        HINTON.loss(Loss(logits(STUDENT), None, torch.tensor([0, 0]), 2.0, 0.5))
