"""The loss of one image: by hand, and compared with the objective ``hinton`` and autograd."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tsexplorer.analysis.loss_terms import (
    ImageLogits,
    gradient_norms,
    gradients,
    loss_surface,
    temperature_grid,
)
from tsexplorer.objectives import LossInputs, LossTerms, get_objective
from tsexplorer.objectives.base import cross_entropy, soft_divergence

HINTON = get_objective("hinton")
# 2 ln (a, b, c) at T = 2 is proportional to (a, b, c), and at T = 1 to the squares.
CASE = ImageLogits(2 * np.log([1.0, 1, 2]), 2 * np.log([1.0, 2, 1]), 0)
temperatures = st.floats(0.5, 50)
lambdas = st.floats(0, 1)


def random_image(seed: int) -> ImageLogits:
    """Return random logits of student and teacher for 6 classes."""
    random = np.random.default_rng(seed)
    z_s, z_t = 4 * random.normal(size=(2, 6))
    return ImageLogits(z_s, z_t, int(random.integers(6)))


def objective_terms(
    image: ImageLogits, temperature: float, lam: float
) -> tuple[LossTerms, Tensor, Tensor]:
    """Return the objective's terms for a batch of one image, the student's logits, the label."""
    z_s, z_t = (torch.from_numpy(z[None]).double() for z in (image.z_s_C, image.z_t_C))
    z_s.requires_grad_()
    label = torch.tensor([image.label])
    return HINTON.loss(LossInputs(z_s, z_t, label, temperature, lam)), z_s, label


def test_loss_surface_worked_by_hand() -> None:
    # Labels: softmax at T = 1 is (1, 1, 4)/6, so ln 6. Soft at T = 2: 1/2 ln 2 + 1/4 ln 1/2.
    surface = loss_surface(CASE, np.array([2.0]), np.array([0.25, 1.0, 0.0]))
    assert surface.labels == pytest.approx(log(6))
    assert surface.soft_K == pytest.approx([log(2) / 4])
    assert surface.scaled_K == pytest.approx([log(2)])
    expected = [[0.25 * log(6) + 0.75 * log(2)], [log(6)], [log(2)]]
    assert surface.total_LK == pytest.approx(np.array(expected))


def test_gradients_worked_by_hand() -> None:
    result = gradients(CASE, 2.0, 0.25)
    assert result.labels_C == pytest.approx(np.array([-5, 1, 4]) / 6)
    # q - p = (0, -1, 1)/4; divided by T without T², multiplied by T with T².
    assert result.soft_C == pytest.approx(np.array([0, -1, 1]) / 8)
    assert result.scaled_C == pytest.approx(np.array([0, -1, 1]) / 2)
    expected = 0.25 * np.array([-5, 1, 4]) / 6 + 0.75 * np.array([0, -1, 1]) / 2
    assert result.total_C == pytest.approx(expected)


def test_gradient_norms_worked_by_hand() -> None:
    norms = gradient_norms(CASE, np.array([2.0]))
    assert norms.soft_K == pytest.approx([sqrt(2) / 8])
    assert norms.scaled_K == pytest.approx([sqrt(2) / 2])
    # z_s - z_t = 2 ln (1, 1/2, 2): mean 0; norm 2 ln 2 · sqrt 2, for three classes.
    assert norms.limit == pytest.approx(2 * log(2) * sqrt(2) / 3)


@settings(deadline=None)
@given(st.integers(0, 10_000), temperatures, lambdas)
def test_terms_equal_those_minimised_in_training(seed: int, temperature: float, lam: float) -> None:
    image = random_image(seed)
    terms, _, _ = objective_terms(image, temperature, lam)
    surface = loss_surface(image, np.array([temperature]), np.array([lam]))
    assert surface.labels == pytest.approx(terms.parts["labels"].item(), rel=1e-10)
    assert surface.scaled_K[0] == pytest.approx(terms.parts["soft"].item(), rel=1e-8, abs=1e-11)
    assert surface.total_LK[0, 0] == pytest.approx(terms.total.item(), rel=1e-8, abs=1e-11)


@settings(deadline=None)
@given(st.integers(0, 10_000), temperatures, lambdas)
def test_gradients_equal_those_of_autograd(seed: int, temperature: float, lam: float) -> None:
    image = random_image(seed)
    terms, z_s, label = objective_terms(image, temperature, lam)
    z_t = torch.from_numpy(image.z_t_C[None])
    unscaled = soft_divergence(z_t, z_s, temperature)
    result = gradients(image, temperature, lam)
    for value, vector in (
        (cross_entropy(z_s, label), result.labels_C),
        (unscaled, result.soft_C),
        (terms.parts["soft"], result.scaled_C),
        (terms.total, result.total_C),
    ):
        (expected,) = torch.autograd.grad(value, z_s, retain_graph=True)
        np.testing.assert_allclose(vector, expected[0].numpy(), rtol=1e-8, atol=1e-11)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_gradient_norms_are_norms_of_the_gradients(seed: int) -> None:
    image, grid = random_image(seed), np.array([0.5, 3.0, 50.0])
    norms = gradient_norms(image, grid)
    results = [gradients(image, temperature, 0.5) for temperature in grid]
    assert norms.soft_K == pytest.approx([np.linalg.norm(result.soft_C) for result in results])
    assert norms.scaled_K == pytest.approx([np.linalg.norm(result.scaled_C) for result in results])


@pytest.mark.parametrize("seed", range(5))
def test_t_squared_cancels_the_decrease_of_the_soft_gradient(seed: int) -> None:
    norms = gradient_norms(random_image(seed), np.array([1e3, 2e3, 4e3]))
    assert norms.soft_K[:-1] / norms.soft_K[1:] == pytest.approx([4, 4], rel=0.01)
    assert norms.scaled_K == pytest.approx(np.full(3, norms.limit), rel=0.01)


def test_with_lambda_1_the_loss_is_that_of_the_labels() -> None:
    image = random_image(0)
    surface = loss_surface(image, temperature_grid(), np.array([1.0]))
    assert surface.total_LK[0].tolist() == [surface.labels] * 60


def test_a_surface_has_rows_by_lambda_and_columns_by_t() -> None:
    grid, lams = temperature_grid(9), np.array([0.0, 0.5])
    surface = loss_surface(random_image(0), grid, lams)
    assert surface.total_LK.shape == (2, 9)
    assert np.array_equal(surface.total_LK[0], surface.scaled_K)
    assert surface.temperatures_K is grid


def test_the_temperature_grid_is_logarithmic() -> None:
    grid = temperature_grid(5)
    assert grid[[0, -1]] == pytest.approx([0.5, 50])
    assert grid[1:] / grid[:-1] == pytest.approx([100**0.25] * 4)


def test_single_precision_logits_are_accepted_unchanged() -> None:
    image = ImageLogits(CASE.z_s_C.astype("f4"), CASE.z_t_C.astype("f4"), 0)
    student_logits = image.z_s_C.copy()
    surface = loss_surface(image, np.array([2.0]), np.array([0.25]))
    assert surface.total_LK.dtype == np.float64
    assert gradients(image, 2.0, 0.25).total_C == pytest.approx(
        gradients(CASE, 2.0, 0.25).total_C, rel=1e-5
    )
    assert gradient_norms(image, np.array([2.0])).limit == pytest.approx(
        gradient_norms(CASE, np.array([2.0])).limit, rel=1e-5
    )
    assert np.array_equal(image.z_s_C, student_logits)
