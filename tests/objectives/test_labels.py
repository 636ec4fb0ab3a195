"""Labels: cross-entropy; T, lambda and a teacher have no influence."""

from __future__ import annotations

from math import log

import pytest
import torch

from tests.objectives.loss_examples import logits_of, terms_and_gradient
from tsexplorer.objectives import LossInputs, get_objective
from tsexplorer.specs import LABELS, ObjectiveSpec

OBJECTIVE = get_objective("labels")


def test_value_and_gradient_by_hand() -> None:
    # softmax: (1/6, 1/6, 4/6) and (4/6, 1/6, 1/6); both labels are 0.
    z_BC = logits_of(([1, 1, 4], [4, 1, 1]))
    inputs = LossInputs(z_BC, None, torch.tensor([0, 0]))
    terms, gradient_BC = terms_and_gradient(OBJECTIVE, inputs)
    # -ln(1/6) = ln 6 and -ln(4/6) = ln 1.5; their mean is ln(9) / 2 = ln 3.
    assert terms.total.item() == pytest.approx(log(3), abs=1e-14)
    # (softmax - one-hot) / 2: ((1-6)/12, 1/12, 4/12) and ((4-6)/12, 1/12, 1/12).
    expected_BC = torch.tensor([[-5, 1, 4], [-2, 1, 1]], dtype=torch.float64) / 12
    torch.testing.assert_close(gradient_BC, expected_BC, rtol=0, atol=1e-14)


def test_the_label_selects_the_class() -> None:
    z_BC = logits_of(([1, 2, 5],))
    losses = [
        OBJECTIVE.loss(LossInputs(z_BC, None, torch.tensor([label]))).total.item()
        for label in range(3)
    ]
    assert losses == pytest.approx([log(8), log(4), log(8 / 5)], abs=1e-14)


def test_t_lambda_and_teacher_have_no_influence() -> None:
    z_BC, y_B = logits_of(([1, 1, 4], [4, 1, 1])), torch.tensor([2, 1])
    expected = OBJECTIVE.loss(LossInputs(z_BC, None, y_B)).total
    assert torch.equal(OBJECTIVE.loss(LossInputs(z_BC, -z_BC, y_B, 7.0, 0.25)).total, expected)


def test_large_logits_give_finite_values() -> None:
    z_BC = torch.tensor([[1e4, -1e4, 0.0]])
    terms, gradient_BC = terms_and_gradient(OBJECTIVE, LossInputs(z_BC, None, torch.tensor([1])))
    assert terms.total.item() == 2e4
    assert gradient_BC.tolist() == [[1, -1, 0]]


def test_the_formula_has_no_parameters() -> None:
    formula = r"L = \mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)"
    assert OBJECTIVE.formula == OBJECTIVE.format_formula(LABELS) == formula
    assert OBJECTIVE.format_formula(ObjectiveSpec(temperature=9, lam=0.25)) == formula


def test_it_is_the_objective_of_teachers_and_baselines() -> None:
    assert get_objective(LABELS.name) is OBJECTIVE
    assert not OBJECTIVE.needs_teacher
