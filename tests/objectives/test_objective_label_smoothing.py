"""Label smoothing: worked by hand, PyTorch's own, and the baseline's loss where it is off."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tsexplorer.objectives import Loss, Terms, get_objective
from tsexplorer.specs import ObjectiveSpec

SMOOTHING = get_objective("label-smoothing")


def case(epsilon: float) -> tuple[Terms, Tensor]:
    """Softmax (1, 1, 4)/6 and (4, 1, 1)/6, both labels 0; the terms and their gradient."""
    z_BC = torch.tensor([[1, 1, 4], [4, 1, 1]], dtype=torch.float64).log().requires_grad_()
    batch = Loss(z_BC, None, torch.tensor([0, 0]), options={"epsilon": epsilon})
    terms = SMOOTHING.loss(batch)
    (gradient_BC,) = torch.autograd.grad(terms.total, z_BC)
    return terms, gradient_BC


def test_value_and_gradient_of_a_case_worked_by_hand() -> None:
    # Labels: (ln 6 + ln 1.5) / 2 = ln 3. Uniform: (2 ln 6 + ln 1.5) / 3 for either image.
    labels, uniform = log(3), (2 * log(6) + log(1.5)) / 3
    terms, gradient_BC = case(0.25)
    assert terms.parts["labels"].item() == pytest.approx(labels, abs=1e-14)
    assert terms.parts["uniform"].item() == pytest.approx(uniform, abs=1e-14)
    assert terms.total.item() == pytest.approx(0.75 * labels + 0.25 * uniform, abs=1e-14)
    # (q - one-hot) / B is (-5, 1, 4)/12 and (-2, 1, 1)/12; (q - 1/3) / B is (-1, -1, 2)/12 and
    # (2, -1, -1)/12. Three quarters and one quarter of them, over 48:
    expected_BC = torch.tensor([[-16, 2, 14], [-4, 2, 2]], dtype=torch.float64) / 48
    torch.testing.assert_close(gradient_BC, expected_BC, rtol=0, atol=1e-14)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_it_is_pytorchs(epsilon: float) -> None:
    z_BC, y_B = 3 * torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 4, 0])
    total = SMOOTHING.loss(Loss(z_BC, None, y_B, options={"epsilon": epsilon})).total
    assert total.item() == pytest.approx(cross_entropy(z_BC, y_B, label_smoothing=epsilon).item())


def test_without_smoothing_it_is_the_baselines_loss() -> None:
    assert case(0.0)[0].total.item() == pytest.approx(log(3), abs=1e-14)


def test_it_needs_no_teacher_and_says_that_it_is_a_second_baseline() -> None:
    assert not SMOOTHING.needs_teacher
    assert "second baseline" in SMOOTHING.summary
    spec = ObjectiveSpec(name="label-smoothing", options={"epsilon": 0.2})
    assert r"(1-0.2)\cdot" in SMOOTHING.format_formula(spec)
