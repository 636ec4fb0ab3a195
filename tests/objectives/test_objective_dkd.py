"""Decoupled KD: worked by hand, the parts of a KL that they are, the warm-up."""

from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tsexplorer.objectives import Loss, Terms, get_objective
from tsexplorer.objectives.base import soft_divergence
from tsexplorer.objectives.dkd import divergences
from tsexplorer.specs import ObjectiveSpec

DKD, LABELS_LOSS = get_objective("dkd"), get_objective("labels")

# T = 2, B = 2, C = 3, both labels 0. A row (a, b, c) stands for the logits 2 ln a, 2 ln b, 2 ln c,
# so that the softmax at T = 2 is proportional to the row, and the one at T = 1 to its squares.
STUDENT, TEACHER = ([1, 1, 2], [2, 1, 1]), ([1, 2, 1], [3, 1, 4])
Y_B = torch.tensor([0, 0])


def logits(rows: tuple[list[int], ...]) -> Tensor:
    return 2 * torch.tensor(rows, dtype=torch.float64).log()


def case(
    lam: float, alpha: float = 1.0, beta: float = 1.0, epoch: int = 1, warm_up: int = 1
) -> tuple[Terms, Tensor]:
    """The terms of the case, and the gradient of their total on the student's logits."""
    z_s_BC = logits(STUDENT).requires_grad_()
    options = {"alpha": alpha, "beta": beta, "warm_up": warm_up}
    terms = DKD.loss(Loss(z_s_BC, logits(TEACHER), Y_B, 2.0, lam, options, epoch))
    (gradient_BC,) = torch.autograd.grad(terms.total, z_s_BC)
    return terms, gradient_BC


def test_value_of_a_case_worked_by_hand() -> None:
    # p = (1, 2, 1)/4 and q = (1, 1, 2)/4 agree on the label; of the others (2, 1)/3 and (1, 2)/3
    # have KL 2/3 ln 2 - 1/3 ln 2.
    # p = (3, 1, 4)/8 and q = (4, 2, 2)/8: (3, 5)/8 against (4, 4)/8, and (1, 4)/5 against (1, 1)/2.
    # Means, times T² = 4:
    target = 4 * (3 / 8 * log(3 / 4) + 5 / 8 * log(5 / 4)) / 2
    others = 4 * (log(2) / 3 + log(2 / 5) / 5 + 4 / 5 * log(8 / 5)) / 2
    terms, _ = case(lam=0.25, alpha=3, beta=2)
    assert terms.parts["labels"].item() == pytest.approx(log(3), abs=1e-14)
    assert terms.parts["target"].item() == pytest.approx(target, abs=1e-14)
    assert terms.parts["non-target"].item() == pytest.approx(others, abs=1e-14)
    expected = 0.25 * log(3) + 0.75 * (3 * target + 2 * others)
    assert terms.total.item() == pytest.approx(expected, abs=1e-14)


def test_gradients_of_a_case_worked_by_hand() -> None:
    # T² · (1/T) / B is 1 here. TCKD: q_y - p_y on the label's logit, the same taken from the others
    # in the ratio of q: nothing for the first image; 1/8 and (1, 1)/16 for the second.
    target_BC = torch.tensor([[0, 0, 0], [2, -1, -1]], dtype=torch.float64) / 16
    torch.testing.assert_close(case(0.0, 1, 0)[1], target_BC, rtol=0, atol=1e-14)
    # NCKD: difference of the others' shares: (1, 2)/3 - (2, 1)/3, and (1, 1)/2 - (1, 4)/5.
    others_BC = torch.tensor([[0, -10, 10], [0, 9, -9]], dtype=torch.float64) / 30
    torch.testing.assert_close(case(0.0, 0, 1)[1], others_BC, rtol=0, atol=1e-14)
    # Together, with the labels' (-5, 1, 4)/12 and (-2, 1, 1)/12:
    labels_BC = torch.tensor([[-5, 1, 4], [-2, 1, 1]], dtype=torch.float64) / 12
    expected_BC = 0.25 * labels_BC + 0.75 * (3 * target_BC + 2 * others_BC)
    torch.testing.assert_close(case(0.25, 3, 2)[1], expected_BC, rtol=0, atol=1e-14)


def test_the_teachers_terms_grow_over_the_warm_up_and_no_further() -> None:
    whole = case(0.0)[0].total.item()
    shares = [case(0.0, epoch=epoch, warm_up=4)[0].total.item() / whole for epoch in range(1, 7)]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])
    # What is plotted does not grow with it, and labels count fully from the start.
    assert case(0.5, epoch=1, warm_up=4)[0].parts["target"] == case(0.5)[0].parts["target"]
    rise = case(0.5)[0].total - case(0.5, epoch=2, warm_up=4)[0].total
    assert rise.item() == pytest.approx(whole / 4)


@settings(deadline=None, max_examples=30)
@given(temperature=st.floats(0.5, 50), scale=st.floats(0.1, 20), seed=st.integers(0, 1000))
def test_they_are_the_parts_of_a_kl(temperature: float, scale: float, seed: int) -> None:
    """Equation 7 of the paper, image by image."""
    generator = torch.Generator().manual_seed(seed)
    z_s_BC, z_t_BC = scale * torch.randn(2, 1, 6, generator=generator, dtype=torch.float64)
    y_B = torch.randint(6, (1,), generator=generator)
    target, others = divergences(z_t_BC, z_s_BC, y_B, temperature)
    rest = 1 - (z_t_BC / temperature).softmax(-1)[0, y_B[0]]
    whole = soft_divergence(z_t_BC, z_s_BC, temperature)
    assert (target + rest * others).item() == pytest.approx(whole.item(), rel=1e-9, abs=1e-12)


def test_lambda_1_is_the_loss_on_labels_to_the_last_bit() -> None:
    terms, gradient_BC = case(lam=1.0)
    z_BC = logits(STUDENT).requires_grad_()
    labels = LABELS_LOSS.loss(Loss(z_BC, None, Y_B)).total
    assert torch.equal(terms.total, labels)
    assert torch.equal(gradient_BC, torch.autograd.grad(labels, z_BC)[0])


def test_of_two_classes_there_are_no_others() -> None:
    _, others = divergences(torch.tensor([[3.0, 1.0]]), torch.tensor([[0.0, 9.0]]), Y_B[:1], 2.0)
    assert others.item() == 0


def test_the_formula_carries_its_options() -> None:
    spec = ObjectiveSpec(name="dkd", temperature=6, lam=0.25, options={"beta": 2.5, "warm_up": 7})
    text = DKD.format_formula(spec)
    assert all(part in text for part in (r"\big[1\cdot", r"+2.5\cdot", "e/7", "0.75", "6^2"))
    assert all(symbol in DKD.formula for symbol in (r"\alpha", r"\beta", r"\nu"))
