"""DIST: worked by hand; blind to scale, so that it does not fade with T."""

from __future__ import annotations

from math import log, sqrt

import pytest
import torch
from torch import Tensor

from tsexplorer.objectives import Loss, Terms, get_objective
from tsexplorer.objectives.dist import correlation
from tsexplorer.specs import ObjectiveSpec

DIST, LABELS_LOSS = get_objective("dist"), get_objective("labels")

# T = 2, B = 2, C = 3, both labels 0. A row (a, b, c) of sum 8 stands for the logits 2 ln a, 2 ln b,
# 2 ln c, so that the softmax at T = 2 is the row over 8.
STUDENT, TEACHER = ([1, 2, 5], [4, 3, 1]), ([2, 4, 2], [3, 1, 4])
Y_B = torch.tensor([0, 0])


def logits(rows: tuple[list[int], ...]) -> Tensor:
    return 2 * torch.tensor(rows, dtype=torch.float64).log()


def case(
    lam: float, beta: float = 2.0, gamma: float = 2.0, temperature: float = 2.0
) -> tuple[Terms, Tensor]:
    """The terms of the case, and the gradient of their total on the student's logits."""
    z_s_BC = logits(STUDENT).requires_grad_()
    options = {"beta": beta, "gamma": gamma}
    terms = DIST.loss(Loss(z_s_BC, logits(TEACHER), Y_B, temperature, lam, options))
    (gradient_BC,) = torch.autograd.grad(terms.total, z_s_BC)
    return terms, gradient_BC


def test_value_of_a_case_worked_by_hand() -> None:
    # Rows, centred and times 24: (-5, -2, 7) and 2 (-1, 2, -1) have product -12, norms sqrt(78) and
    # 2 sqrt(6): -1 / sqrt(13). (4, 1, -5) and (1, -5, 4) have -21 and both sqrt(42): -1/2.
    rows = 1 + (1 / sqrt(13) + 1 / 2) / 2
    # Columns have two images: from the first to the second, the student's probabilities go up, up
    # and down, the teacher's up, down and up, so they correlate by 1, -1 and -1.
    columns = 1 + 1 / 3
    # Labels, at T = 1: (1, 4, 25)/30 and (16, 9, 1)/26.
    labels = (log(30) + log(26 / 16)) / 2
    terms, _ = case(lam=0.25, beta=3, gamma=2)
    assert terms.parts["labels"].item() == pytest.approx(labels, abs=1e-14)
    assert terms.parts["rows"].item() == pytest.approx(rows, abs=1e-6)
    assert terms.parts["columns"].item() == pytest.approx(columns, abs=1e-6)
    expected = 0.25 * labels + 0.75 * (3 * rows + 2 * columns)
    assert terms.total.item() == pytest.approx(expected, abs=1e-6)


def test_gradient_of_a_case_worked_by_hand() -> None:
    # Two numbers always correlate by 1 or -1: columns have none. A row with unit vectors x and y:
    # g = (y - rho x) / norm, and on the logits q (g - q·g) / T. Here q·g is 0 in both rows:
    # g = 24 / (13 sqrt(13)) · (-3, 4, -1) and 6/7 · (2, -3, 1), times q = (1, 2, 5)/8, (4, 3, 1)/8.
    # In the loss: times -beta / B = -1.
    first = torch.tensor([3, -8, 5], dtype=torch.float64) * 3 / (26 * sqrt(13))
    second = torch.tensor([-24, 27, -3], dtype=torch.float64) / 56
    torch.testing.assert_close(case(lam=0.0)[1], torch.stack([first, second]), rtol=0, atol=1e-6)


def test_lambda_1_is_the_loss_on_labels_to_the_last_bit() -> None:
    terms, gradient_BC = case(lam=1.0)
    z_BC = logits(STUDENT).requires_grad_()
    labels = LABELS_LOSS.loss(Loss(z_BC, None, Y_B)).total
    assert torch.equal(terms.total, labels)
    assert torch.equal(gradient_BC, torch.autograd.grad(labels, z_BC)[0])


def test_correlation_is_blind_to_shift_and_scale_and_0_where_nothing_varies() -> None:
    x_KN = torch.tensor([[1.0, 2, 5], [1, 2, 5], [4, 4, 4]])
    y_KN = torch.tensor([[11.0, 21, 51], [-1, -2, -5], [1, 2, 3]])
    torch.testing.assert_close(correlation(x_KN, y_KN), torch.tensor([1.0, -1.0, 0.0]))


def test_its_gradient_does_not_fade_as_t_grows() -> None:
    """So there is no T² in it."""
    sizes = [case(0.0, 2, 0, temperature=T)[1].norm().item() for T in (20.0, 50.0, 200.0)]
    assert max(sizes) / min(sizes) < 1.05


def test_one_image_alone_and_one_class_that_nobody_sees_do_no_harm() -> None:
    z_s_BC = torch.tensor([[1.0, 2.0, -200.0]], requires_grad=True)
    terms = DIST.loss(Loss(z_s_BC, z_s_BC.detach(), Y_B[:1], 1.0, 0.0, {"beta": 2, "gamma": 2}))
    assert terms.parts["rows"].item() == pytest.approx(0, abs=1e-6)
    assert terms.parts["columns"].item() == 1  # of one number nothing can be said
    assert torch.autograd.grad(terms.total, z_s_BC)[0].isfinite().all()


def test_the_formula_carries_its_options() -> None:
    spec = ObjectiveSpec(name="dist", temperature=3, lam=0.5, options={"beta": 1.5, "gamma": 0.25})
    text = DIST.format_formula(spec)
    assert r"1.5\cdot(1-\bar\rho" in text
    assert r"0.25\cdot(1-\bar\rho" in text
