"""Losses of all objectives: T and lambda as tensors, stacks of students, special values.

Shape suffixes: K students of a stack, B batch, C classes.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import grad_and_value, vmap

from tests.objectives.loss_examples import terms_and_gradient
from tsexplorer.objectives import LossInputs, get_objective, objective_names
from tsexplorer.objectives.base import format_number
from tsexplorer.specs import ObjectiveSpec

STACKABLE = [name for name in objective_names() if get_objective(name).can_stack]
TEACHER_LOGITS = [name for name in STACKABLE if get_objective(name).needs_teacher]
BASELINE_AT_LAMBDA_1 = [
    name for name in objective_names() if get_objective(name).is_baseline_at_lambda_1
]
TEMPERATURE_K = torch.tensor([0.5, 1.0, 4.0, 30.0], dtype=torch.float64)
LAM_K = torch.tensor([0.0, 0.3, 1.0, 0.9], dtype=torch.float64)


def inputs_of(
    name: str,
    z_s_BC: Tensor,
    z_t_BC: Tensor | None,
    y_B: Tensor,
    temperature: float | Tensor,
    lam: float | Tensor,
) -> LossInputs:
    """Inputs of an objective with the default values of its options."""
    options = get_objective(name).option_values(ObjectiveSpec(name=name))
    return LossInputs(z_s_BC, z_t_BC, y_B, temperature, lam, options)


def random_batch() -> tuple[Tensor, Tensor, Tensor]:
    """Logits of 4 students and one teacher, and labels, for 6 images of 5 classes."""
    generator = torch.Generator().manual_seed(3)
    z_s_KBC = 2 * torch.randn(4, 6, 5, generator=generator, dtype=torch.float64)
    z_t_BC = 3 * torch.randn(6, 5, generator=generator, dtype=torch.float64)
    return z_s_KBC, z_t_BC, torch.randint(5, (6,), generator=generator)


@pytest.mark.parametrize("name", STACKABLE)
def test_a_stack_has_the_terms_of_single_students(name: str) -> None:
    objective = get_objective(name)
    z_s_KBC, z_t_BC, y_B = random_batch()

    def loss(z_s_BC: Tensor, temperature: Tensor, lam: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return objective.loss(inputs_of(name, z_s_BC, z_t_BC, y_B, temperature, lam))

    stacked_loss = vmap(grad_and_value(loss, has_aux=True))
    gradient_KBC, (total_K, parts) = stacked_loss(z_s_KBC, TEMPERATURE_K, LAM_K)
    assert total_K.shape == (4,)
    for k in range(4):
        temperature, lam = TEMPERATURE_K[k].item(), LAM_K[k].item()
        inputs = inputs_of(name, z_s_KBC[k], z_t_BC, y_B, temperature, lam)
        single, gradient_BC = terms_and_gradient(objective, inputs)
        torch.testing.assert_close(total_K[k], single.total, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(gradient_KBC[k], gradient_BC, rtol=1e-12, atol=1e-12)
        assert set(parts) == set(single.parts)
        for term, part_K in parts.items():
            torch.testing.assert_close(part_K[k], single.parts[term], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", STACKABLE)
def test_t_and_lambda_can_be_numbers_or_tensors(name: str) -> None:
    objective = get_objective(name)
    z_s_KBC, z_t_BC, y_B = random_batch()
    numbers = inputs_of(name, z_s_KBC[0], z_t_BC, y_B, 4.0, 0.25)
    tensors = numbers._replace(temperature=torch.tensor(4.0), lam=torch.tensor(0.25))
    assert torch.equal(objective.loss(tensors).total, objective.loss(numbers).total)


@pytest.mark.parametrize("name", STACKABLE)
@pytest.mark.parametrize("temperature", [0.01, 1000.0])
def test_large_logits_give_finite_gradients(name: str, temperature: float) -> None:
    z_s_KBC, z_t_BC, y_B = random_batch()
    z_s_BC, z_t_BC = 100 * z_s_KBC[0].float(), 100 * z_t_BC.float()
    inputs = inputs_of(name, z_s_BC, z_t_BC, y_B, temperature, 0.5)
    terms, gradient_BC = terms_and_gradient(get_objective(name), inputs)
    assert terms.total.isfinite()
    assert gradient_BC.isfinite().all()


@pytest.mark.parametrize("name", STACKABLE)
@pytest.mark.parametrize("classes", [2, 5])
def test_equal_logits_give_finite_gradients(name: str, classes: int) -> None:
    """Standard deviations and norms are 0 for equal logits, so that gradients may be 0 / 0."""
    z_t_BC, y_B = torch.ones(3, classes), torch.tensor([0, 1, 1])
    temperature_K, lam_K = TEMPERATURE_K[:2].float(), LAM_K[:2].float()

    def loss(z_s_BC: Tensor, temperature: Tensor, lam: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return get_objective(name).loss(inputs_of(name, z_s_BC, z_t_BC, y_B, temperature, lam))

    stacked_loss = vmap(grad_and_value(loss, has_aux=True))
    gradient_KBC, (total_K, parts) = stacked_loss(torch.zeros(2, 3, classes), temperature_K, lam_K)
    for tensor in (gradient_KBC, total_K, *parts.values()):
        assert tensor.isfinite().all()


@pytest.mark.parametrize("name", BASELINE_AT_LAMBDA_1)
def test_lambda_1_equals_the_labels_loss_exactly(name: str) -> None:
    z_s_KBC, z_t_BC, y_B = random_batch()
    inputs = inputs_of(name, z_s_KBC[0], z_t_BC, y_B, 2.0, 1.0)
    terms, gradient_BC = terms_and_gradient(get_objective(name), inputs)
    labels, labels_BC = terms_and_gradient(get_objective("labels"), inputs)
    assert torch.equal(terms.total, labels.total)
    assert torch.equal(gradient_BC, labels_BC)


@pytest.mark.parametrize("name", TEACHER_LOGITS)
def test_missing_teacher_logits_are_an_error(name: str) -> None:
    z_s_KBC, _, y_B = random_batch()
    with pytest.raises(ValueError, match="requires a teacher's logits, and there are none"):
        get_objective(name).loss(inputs_of(name, z_s_KBC[0], None, y_B, 2.0, 0.5))


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.0, "4"), (0.25, "0.25"), (1 / 3, "0.333333"), (0.0, "0"), (1000.0, "1000")],
)
def test_numbers_have_at_most_six_digits(value: float, text: str) -> None:
    assert format_number(value) == text
