"""MEAL V2: values and gradients by hand in each mode, the discriminator, the ensemble."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor, nn

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.objectives import (
    LossInputs,
    LossTerms,
    ModelPair,
    get_objective,
    plan_experiment,
)
from tsexplorer.specs import ExperimentSpec, FurtherTeacher, ModelSpec, ObjectiveSpec, Scalar

OBJECTIVE = get_objective("meal-v2")

# B = 1, C = 2. The student's softmax is (1, 1)/2, the ensemble's (3, 1)/4. D returns the difference
# of the two logits: 0 for the student, ln 3 for the ensemble, with the sigmoids 1/2 and 3/4.
SOFT = log(2)
DISCRIMINATOR = (log(2) + log(4)) / 2


def options_with(**changes: Scalar) -> dict[str, Scalar]:
    return OBJECTIVE.option_values(ObjectiveSpec(name="meal-v2", options=changes))


def linear(*weights: float) -> nn.Linear:
    """A discriminator with one layer and the given weights."""
    discriminator = nn.Linear(len(weights), 1, bias=False)
    discriminator.weight.data = torch.tensor([weights])
    return discriminator


def evaluate(mode: str) -> tuple[LossTerms, Tensor, Tensor | None]:
    """The loss, and its gradients by the student's logits and by the discriminator's weights."""
    z_s_BC = torch.zeros(1, 2, requires_grad=True)
    z_t_BC = torch.tensor([[log(3), 0.0]])
    discriminator = linear(1.0, -1.0)
    inputs = LossInputs(
        z_s_BC,
        z_t_BC,
        torch.tensor([1]),
        options=options_with(discriminator=mode),
        auxiliary_module=discriminator,
    )
    terms = OBJECTIVE.loss(inputs)
    terms.total.backward()  # type: ignore[no-untyped-call]
    assert z_s_BC.grad is not None
    return terms, z_s_BC.grad, discriminator.weight.grad


def test_value_by_hand() -> None:
    terms, _, _ = evaluate("cooperative")
    assert terms.parts["soft"].item() == pytest.approx(SOFT)
    assert terms.parts["discriminator"].item() == pytest.approx(DISCRIMINATOR)
    assert terms.parts["discriminator accuracy"].item() == 0
    assert terms.total.item() == pytest.approx(SOFT + DISCRIMINATOR)


@pytest.mark.parametrize(("mode", "sign"), [("cooperative", 1), ("adversarial", -1), ("off", 0)])
def test_gradient_by_the_students_logits_by_hand(mode: str, sign: int) -> None:
    # Soft: q − p = (-1, 1)/4. D, for the student: −σ(−0)/2 = -1/4 by its output, (-1, 1)/4 by the
    # logits: cooperative adds it, adversarial subtracts it.
    _, gradient_BC, _ = evaluate(mode)
    torch.testing.assert_close(gradient_BC, torch.tensor([[-1.0, 1.0]]) / 4 * (1 + sign))


@pytest.mark.parametrize("mode", ["cooperative", "adversarial"])
def test_gradient_by_the_discriminators_weights_by_hand(mode: str) -> None:
    # 0 from the student, σ(ln 3)/2 · z_t = 3/8 (ln 3, 0) from the ensemble.
    _, _, gradient = evaluate(mode)
    torch.testing.assert_close(gradient, torch.tensor([[3 / 8 * log(3), 0.0]]))


def test_mode_off_does_not_use_the_discriminator() -> None:
    terms, _, gradient = evaluate("off")
    assert gradient is None
    assert set(terms.parts) == {"soft"}


def test_reversed_gradients_do_not_change_the_value() -> None:
    assert evaluate("adversarial")[0].total.item() == evaluate("cooperative")[0].total.item()


def test_accuracy_of_the_discriminator() -> None:
    # Outputs: 2 and 2 for the student, -5 and 4 for the teacher: three of four are correct.
    z_s_BC, z_t_BC = torch.tensor([[0.0, 2.0], [1.0, 3.0]]), torch.tensor([[5.0, 0.0], [0.0, 4.0]])
    inputs = LossInputs(
        z_s_BC,
        z_t_BC,
        torch.tensor([1, 1]),
        options=options_with(),
        auxiliary_module=linear(-1.0, 1.0),
    )
    assert OBJECTIVE.loss(inputs).parts["discriminator accuracy"].item() == 0.75
    assert OBJECTIVE.fraction_terms == ("discriminator accuracy",)


def test_widths_of_the_discriminator_are_options() -> None:
    assert OBJECTIVE.build_auxiliary_module is not None
    pair = ModelPair(ModelSpec(), ModelSpec(), ImageTask(10), options_with(width1=6))
    module = OBJECTIVE.build_auxiliary_module(pair)
    shapes = [tuple(parameter.shape) for parameter in module.parameters()]
    assert shapes == [(6, 10), (6,), (16, 6), (16,), (1, 16), (1,)]


def test_mode_off_has_no_parameters() -> None:
    assert OBJECTIVE.build_auxiliary_module is not None
    pair = ModelPair(ModelSpec(), ModelSpec(), ImageTask(10), options_with(discriminator="off"))
    assert not list(OBJECTIVE.build_auxiliary_module(pair).parameters())


def test_teachers_averaged_by_logits_are_rejected() -> None:
    spec = ExperimentSpec(
        objective=ObjectiveSpec(name="meal-v2"), more_teachers=(FurtherTeacher(seed_offset=9),)
    )
    with pytest.raises(UserError, match="average the teachers by probabilities, not by logits"):
        plan_experiment(spec)
    stages = plan_experiment(spec.model_copy(update={"combine": "probabilities"}))
    assert stages[-1].spec.combine == "probabilities"


def test_a_single_teacher_needs_no_averaging() -> None:
    spec = ExperimentSpec(objective=ObjectiveSpec(name="meal-v2"))
    assert plan_experiment(spec)[-1].spec.combine == "logits"
