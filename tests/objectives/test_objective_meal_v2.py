"""MEAL V2: worked by hand in its three modes; the discriminator's sides, widths and refusals."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor, nn

from tsexplorer.errors import UserError
from tsexplorer.objectives import Loss, Pair, Terms, get_objective, planned
from tsexplorer.specs import ExperimentSpec, FurtherTeacher, ModelSpec, ObjectiveSpec, Scalar

MEAL = get_objective("meal-v2")

# B = 1, C = 2. The student's softmax is (1, 1)/2, the ensemble's (3, 1)/4. D answers with the
# first logit less the second: 0 for the student, ln 3 for the ensemble, so sigmoids 1/2 and 3/4.
SOFT = log(2)
TOLD = (log(2) + log(4)) / 2


def options(**changes: Scalar) -> dict[str, Scalar]:
    return MEAL.settings(ObjectiveSpec(name="meal-v2", options=changes))


def case(mode: str) -> tuple[Terms, Tensor, Tensor | None]:
    """The terms, and the gradients of their total by the student's logits and D's weights."""
    z_s_BC = torch.zeros(1, 2, requires_grad=True)
    z_t_BC = torch.tensor([[log(3), 0.0]])
    line = nn.Linear(2, 1, bias=False)
    line.weight.data = torch.tensor([[1.0, -1.0]])
    batch = Loss(z_s_BC, z_t_BC, torch.tensor([1]), options=options(discriminator=mode), extra=line)
    terms = MEAL.loss(batch)
    terms.total.backward()  # type: ignore[no-untyped-call]
    assert z_s_BC.grad is not None
    return terms, z_s_BC.grad, line.weight.grad


def test_value_of_a_case_worked_by_hand() -> None:
    terms, _, _ = case("cooperative")
    assert terms.parts["soft"].item() == pytest.approx(SOFT)
    assert terms.parts["discriminator"].item() == pytest.approx(TOLD)
    assert terms.parts["discriminator accuracy"].item() == 0  # both are told wrong
    assert terms.total.item() == pytest.approx(SOFT + TOLD)


@pytest.mark.parametrize(("mode", "sign"), [("cooperative", 1), ("adversarial", -1), ("off", 0)])
def test_gradients_of_a_case_worked_by_hand(mode: str, sign: int) -> None:
    # Soft: q − p = (-1, 1)/4. D on the student: −σ(−0)/2 = -1/4 on its answer, so (-1, 1)/4 on the
    # logits: cooperative adds it, adversarial takes it away.
    terms, by_student, by_weights = case(mode)
    torch.testing.assert_close(by_student, torch.tensor([[-1.0, 1.0]]) / 4 * (1 + sign))
    if mode == "off":
        assert by_weights is None
        assert set(terms.parts) == {"soft"}
        return
    # By D's weights in both modes alike: 0 from the student, σ(ln 3)/2 · z_t = 3/8 (ln 3, 0).
    torch.testing.assert_close(by_weights, torch.tensor([[3 / 8 * log(3), 0.0]]))


def test_reversed_gradients_leave_the_value() -> None:
    assert case("adversarial")[0].total.item() == case("cooperative")[0].total.item()


def test_a_discriminator_that_knows_is_right_about_all() -> None:
    line = nn.Linear(2, 1, bias=False)
    line.weight.data = torch.tensor([[-1.0, 1.0]])
    z_s_BC, z_t_BC = torch.tensor([[0.0, 2.0], [1.0, 3.0]]), torch.tensor([[5.0, 0.0], [0.0, 4.0]])
    batch = Loss(z_s_BC, z_t_BC, torch.tensor([1, 1]), options=options(), extra=line)
    assert MEAL.loss(batch).parts["discriminator accuracy"].item() == 0.75
    assert MEAL.shares == ("discriminator accuracy",)


def test_the_discriminator_has_the_widths_that_were_asked_for() -> None:
    assert MEAL.module is not None
    pair = Pair(ModelSpec(), ModelSpec(), 10, options(width1=6))
    shapes = [tuple(one.shape) for one in MEAL.module(pair).parameters()]
    assert shapes == [(6, 10), (6,), (16, 6), (16,), (1, 16), (1,)]
    alone = MEAL.module(pair._replace(options=options(discriminator="off")))
    assert not list(alone.parameters())


def test_teachers_averaged_by_logits_are_refused() -> None:
    several = ExperimentSpec(
        objective=ObjectiveSpec(name="meal-v2"), more_teachers=(FurtherTeacher(seed_offset=9),)
    )
    with pytest.raises(UserError, match="averaged by probabilities, not by logits"):
        planned(several)
    stages = planned(several.model_copy(update={"combine": "probabilities"}))
    assert stages[-1].spec.combine == "probabilities"
    assert planned(several.model_copy(update={"more_teachers": ()}))[-1].spec.combine == "logits"
