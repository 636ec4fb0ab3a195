"""T and lambda as tensors: a stack of students under vmap has each one's own loss and gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import grad_and_value, vmap

from tsexplorer.objectives import Loss, get_objective, objective_names
from tsexplorer.specs import ObjectiveSpec

STACKING = [name for name in objective_names() if get_objective(name).can_stack]
# Shape suffixes: K students in the stack, B batch, C classes.
STACKING = tuple(name for name in objective_names() if get_objective(name).can_stack)
TEMPERATURE_K = torch.tensor([0.5, 1.0, 4.0, 30.0], dtype=torch.float64)
LAM_K = torch.tensor([0.0, 0.3, 1.0, 0.9], dtype=torch.float64)
STACKING = [name for name in objective_names() if get_objective(name).can_stack]


def batch(
    name: str,
    z_s_BC: Tensor,
    z_t_BC: Tensor,
    y_B: Tensor,
    temperature: float | Tensor,
    lam: float | Tensor,
) -> Loss:
    """Arguments of an objective with its usual options."""
    options = get_objective(name).option_values(ObjectiveSpec(name=name))
    return Loss(z_s_BC, z_t_BC, y_B, temperature, lam, options)


def drawn() -> tuple[Tensor, Tensor, Tensor]:
    """Logits of 4 students and one teacher, and labels, for 6 images of 5 classes."""
    generator = torch.Generator().manual_seed(3)
    z_s_KBC = 2 * torch.randn(4, 6, 5, generator=generator, dtype=torch.float64)
    z_t_BC = 3 * torch.randn(6, 5, generator=generator, dtype=torch.float64)
    return z_s_KBC, z_t_BC, torch.randint(5, (6,), generator=generator)


@pytest.mark.parametrize("name", STACKING)
def test_stacked_students_have_the_terms_of_each_alone(name: str) -> None:
    objective = get_objective(name)
    z_s_KBC, z_t_BC, y_B = drawn()

    def loss(z_s_BC: Tensor, temperature: Tensor, lam: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return objective.loss(batch(name, z_s_BC, z_t_BC, y_B, temperature, lam))

    stacked = vmap(grad_and_value(loss, has_aux=True))
    gradient_KBC, (total_K, parts) = stacked(z_s_KBC, TEMPERATURE_K, LAM_K)
    assert total_K.shape == (4,)
    for k in range(4):
        z_s_BC = z_s_KBC[k].clone().requires_grad_()
        temperature, lam = TEMPERATURE_K[k].item(), LAM_K[k].item()
        alone = objective.loss(batch(name, z_s_BC, z_t_BC, y_B, temperature, lam))
        (gradient_BC,) = torch.autograd.grad(alone.total, z_s_BC)
        torch.testing.assert_close(total_K[k], alone.total, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(gradient_KBC[k], gradient_BC, rtol=1e-12, atol=1e-12)
        assert set(parts) == set(alone.parts)
        for term, part_K in parts.items():
            torch.testing.assert_close(part_K[k], alone.parts[term], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", STACKING)
def test_a_tensor_says_the_same_as_a_number(name: str) -> None:
    objective = get_objective(name)
    z_s_KBC, z_t_BC, y_B = drawn()
    numbers = batch(name, z_s_KBC[0], z_t_BC, y_B, 4.0, 0.25)
    tensors = numbers._replace(temperature=torch.tensor(4.0), lam=torch.tensor(0.25))
    assert torch.equal(objective.loss(tensors).total, objective.loss(numbers).total)


@pytest.mark.parametrize("name", STACKING)
@pytest.mark.parametrize("temperature", [0.01, 1000.0])
def test_sure_teachers_and_extreme_temperatures_give_finite_gradients(
    name: str, temperature: float
) -> None:
    z_s_KBC, z_t_BC, y_B = drawn()
    z_s_BC = (100 * z_s_KBC[0]).float().requires_grad_()
    arguments = batch(name, z_s_BC, 100 * z_t_BC.float(), y_B, temperature, 0.5)
    terms = get_objective(name).loss(arguments)
    assert terms.total.isfinite()
    assert torch.autograd.grad(terms.total, z_s_BC)[0].isfinite().all()


@pytest.mark.parametrize("name", STACKING)
@pytest.mark.parametrize("classes", [2, 5])
def test_equal_logits_give_finite_terms_and_gradients_also_in_a_stack(
    name: str, classes: int
) -> None:
    """Where all is equal, deviations and norms are 0, and their gradients easily 0 / 0."""
    z_t_BC, y_B = torch.ones(3, classes), torch.tensor([0, 1, 1])
    T_K, lam_K = TEMPERATURE_K[:2].float(), LAM_K[:2].float()

    def loss(z_s_BC: Tensor, temperature: Tensor, lam: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return get_objective(name).loss(batch(name, z_s_BC, z_t_BC, y_B, temperature, lam))

    stacked = vmap(grad_and_value(loss, has_aux=True))
    gradient_KBC, (total_K, parts) = stacked(torch.zeros(2, 3, classes), T_K, lam_K)
    for tensor in (gradient_KBC, total_K, *parts.values()):
        assert tensor.isfinite().all()
