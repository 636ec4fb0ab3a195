"""Vanilla soft targets: cross-entropy with the teacher's softmax at T = 1."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor

from tests.objectives.loss_examples import (
    STUDENT_ROWS,
    TEACHER_ROWS,
    logits_of,
    terms_and_gradient,
)
from tsexplorer.objectives import LossInputs, LossTerms, get_objective
from tsexplorer.specs import ObjectiveSpec

OBJECTIVE = get_objective("vanilla")


def evaluate(
    labels: tuple[int, int] = (0, 0), temperature: float = 1.0, lam: float = 0.0
) -> tuple[LossTerms, Tensor]:
    """Loss and gradient of the example."""
    inputs = LossInputs(
        logits_of(STUDENT_ROWS), logits_of(TEACHER_ROWS), torch.tensor(labels), temperature, lam
    )
    return terms_and_gradient(OBJECTIVE, inputs)


def test_value_by_hand() -> None:
    # p = (1, 2, 1)/4 with -ln q = (2, 2, 1) ln 2 gives 7/4 ln 2, and
    # p = (3, 1, 4)/8 with -ln q = (1, 2, 2) ln 2 gives 13/8 ln 2. The mean:
    assert evaluate()[0].total.item() == pytest.approx(27 / 16 * log(2), abs=1e-14)


def test_gradient_by_hand() -> None:
    # (q - p) / B: (0, -1, 1)/4 and (1, 1, -2)/8, halved.
    expected_BC = torch.tensor([[0, -2, 2], [1, 1, -2]], dtype=torch.float64) / 16
    torch.testing.assert_close(evaluate()[1], expected_BC, rtol=0, atol=1e-14)


def test_the_only_term_is_the_total() -> None:
    total, parts = evaluate()[0]
    assert set(parts) == {"soft"}
    assert torch.equal(parts["soft"], total)


def test_labels_t_and_lambda_have_no_influence() -> None:
    expected, expected_BC = evaluate()
    terms, gradient_BC = evaluate(labels=(2, 1), temperature=7.0, lam=0.3)
    assert torch.equal(terms.total, expected.total)
    assert torch.equal(gradient_BC, expected_BC)
    assert not OBJECTIVE.uses_temperature
    assert not OBJECTIVE.uses_lambda


def test_the_formula_has_no_parameters() -> None:
    formula = r"L = \mathrm{CE}\big(\mathrm{softmax}(z_t),\ \mathrm{softmax}(z_s)\big)"
    assert OBJECTIVE.formula == formula
    assert OBJECTIVE.format_formula(ObjectiveSpec(temperature=9, lam=0.25)) == formula
