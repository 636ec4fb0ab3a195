"""Label smoothing: values by hand, equality with PyTorch, the baseline's loss without smoothing."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.objectives.loss_examples import LABELS_B, logits_of, terms_and_gradient
from tsexplorer.objectives import LossInputs, LossTerms, get_objective
from tsexplorer.specs import ObjectiveSpec

OBJECTIVE = get_objective("label-smoothing")


def evaluate(epsilon: float) -> tuple[LossTerms, Tensor]:
    """Loss and gradient for the softmax outputs (1, 1, 4)/6 and (4, 1, 1)/6, both labels 0."""
    z_BC = logits_of(([1, 1, 4], [4, 1, 1]))
    inputs = LossInputs(z_BC, None, LABELS_B, options={"epsilon": epsilon})
    return terms_and_gradient(OBJECTIVE, inputs)


def test_value_and_gradient_by_hand() -> None:
    # Labels: (ln 6 + ln 1.5) / 2 = ln 3. Uniform: (2 ln 6 + ln 1.5) / 3 for both images.
    labels, uniform = log(3), (2 * log(6) + log(1.5)) / 3
    terms, gradient_BC = evaluate(0.25)
    assert terms.parts["labels"].item() == pytest.approx(labels, abs=1e-14)
    assert terms.parts["uniform"].item() == pytest.approx(uniform, abs=1e-14)
    assert terms.total.item() == pytest.approx(0.75 * labels + 0.25 * uniform, abs=1e-14)
    # (q - one-hot) / B is (-5, 1, 4)/12 and (-2, 1, 1)/12; (q - 1/3) / B is (-1, -1, 2)/12 and
    # (2, -1, -1)/12. Three quarters and one quarter of them, over 48:
    expected_BC = torch.tensor([[-16, 2, 14], [-4, 2, 2]], dtype=torch.float64) / 48
    torch.testing.assert_close(gradient_BC, expected_BC, rtol=0, atol=1e-14)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_the_loss_equals_that_of_pytorch(epsilon: float) -> None:
    z_BC, y_B = 3 * torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 4, 0])
    total = OBJECTIVE.loss(LossInputs(z_BC, None, y_B, options={"epsilon": epsilon})).total
    assert total.item() == pytest.approx(cross_entropy(z_BC, y_B, label_smoothing=epsilon).item())


def test_without_smoothing_it_is_the_baselines_loss() -> None:
    assert evaluate(0.0)[0].total.item() == pytest.approx(log(3), abs=1e-14)


def test_it_is_described_as_a_second_baseline() -> None:
    assert not OBJECTIVE.needs_teacher
    assert "second baseline" in OBJECTIVE.summary


def test_the_formula_shows_epsilon() -> None:
    spec = ObjectiveSpec(name="label-smoothing", options={"epsilon": 0.2})
    assert r"(1-0.2)\cdot" in OBJECTIVE.format_formula(spec)
