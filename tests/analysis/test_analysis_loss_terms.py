"""The loss of one image: by hand, against the objective that trains, and against autograd."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tsexplorer.analysis.loss_terms import (
    Image,
    gradients,
    pull,
    surface,
    temperature_grid,
)
from tsexplorer.objectives import LossInputs, LossTerms, get_objective
from tsexplorer.objectives.base import cross_entropy, soft_divergence

HINTON = get_objective("hinton")
# 2 ln (a, b, c) at T = 2 is proportional to (a, b, c), and at T = 1 to the squares.
CASE = Image(2 * np.log([1.0, 1, 2]), 2 * np.log([1.0, 2, 1]), 0)
temperatures = st.floats(0.5, 50)
lambdas = st.floats(0, 1)


def drawn(seed: int) -> Image:
    random = np.random.default_rng(seed)
    z_s, z_t = 4 * random.normal(size=(2, 6))
    return Image(z_s, z_t, int(random.integers(6)))


def asked(image: Image, temperature: float, lam: float) -> tuple[LossTerms, Tensor, Tensor]:
    """What the objective says of a batch of one: terms, student's logits, label."""
    z_s, z_t = (torch.from_numpy(z[None]).double() for z in (image.z_s_C, image.z_t_C))
    z_s.requires_grad_()
    label = torch.tensor([image.label])
    return HINTON.loss(LossInputs(z_s, z_t, label, temperature, lam)), z_s, label


def test_surface_of_a_case_worked_by_hand() -> None:
    # Labels: softmax at T = 1 is (1, 1, 4)/6, so ln 6. Soft at T = 2: 1/2 ln 2 + 1/4 ln 1/2.
    found = surface(CASE, np.array([2.0]), np.array([0.25, 1.0, 0.0]))
    assert found.labels == pytest.approx(log(6))
    assert found.soft_K == pytest.approx([log(2) / 4])
    assert found.restored_K == pytest.approx([log(2)])
    expected = [[0.25 * log(6) + 0.75 * log(2)], [log(6)], [log(2)]]
    assert found.total_LK == pytest.approx(np.array(expected))


def test_gradients_of_a_case_worked_by_hand() -> None:
    found = gradients(CASE, 2.0, 0.25)
    assert found.labels_C == pytest.approx(np.array([-5, 1, 4]) / 6)
    # q - p = (0, -1, 1)/4; over T without T², times T with it.
    assert found.soft_C == pytest.approx(np.array([0, -1, 1]) / 8)
    assert found.restored_C == pytest.approx(np.array([0, -1, 1]) / 2)
    expected = 0.25 * np.array([-5, 1, 4]) / 6 + 0.75 * np.array([0, -1, 1]) / 2
    assert found.total_C == pytest.approx(expected)


def test_pull_of_a_case_worked_by_hand() -> None:
    found = pull(CASE, np.array([2.0]))
    assert found.soft_K == pytest.approx([sqrt(2) / 8])
    assert found.restored_K == pytest.approx([sqrt(2) / 2])
    # z_s - z_t = 2 ln (1, 1/2, 2): already centred; norm 2 ln 2 · sqrt 2 over three classes.
    assert found.limit == pytest.approx(2 * log(2) * sqrt(2) / 3)


@settings(deadline=None)
@given(st.integers(0, 10_000), temperatures, lambdas)
def test_terms_are_those_that_training_minimises(seed: int, temperature: float, lam: float) -> None:
    image = drawn(seed)
    terms, _, _ = asked(image, temperature, lam)
    found = surface(image, np.array([temperature]), np.array([lam]))
    assert found.labels == pytest.approx(terms.parts["labels"].item(), rel=1e-10)
    assert found.restored_K[0] == pytest.approx(terms.parts["soft"].item(), rel=1e-8, abs=1e-11)
    assert found.total_LK[0, 0] == pytest.approx(terms.total.item(), rel=1e-8, abs=1e-11)


@settings(deadline=None)
@given(st.integers(0, 10_000), temperatures, lambdas)
def test_gradients_are_autograds(seed: int, temperature: float, lam: float) -> None:
    image = drawn(seed)
    terms, z_s, label = asked(image, temperature, lam)
    z_t = torch.from_numpy(image.z_t_C[None])
    plain = soft_divergence(z_t, z_s, temperature)
    found = gradients(image, temperature, lam)
    for value, vector in (
        (cross_entropy(z_s, label), found.labels_C),
        (plain, found.soft_C),
        (terms.parts["soft"], found.restored_C),
        (terms.total, found.total_C),
    ):
        (expected,) = torch.autograd.grad(value, z_s, retain_graph=True)
        np.testing.assert_allclose(vector, expected[0].numpy(), rtol=1e-8, atol=1e-11)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_pull_is_the_norm_of_the_gradients(seed: int) -> None:
    image, grid = drawn(seed), np.array([0.5, 3.0, 50.0])
    found = pull(image, grid)
    each = [gradients(image, temperature, 0.5) for temperature in grid]
    assert found.soft_K == pytest.approx([np.linalg.norm(one.soft_C) for one in each])
    assert found.restored_K == pytest.approx([np.linalg.norm(one.restored_C) for one in each])


@pytest.mark.parametrize("seed", range(5))
def test_the_soft_gradient_falls_as_one_over_t_squared_and_t_squared_restores_it(seed: int) -> None:
    found = pull(drawn(seed), np.array([1e3, 2e3, 4e3]))
    assert found.soft_K[:-1] / found.soft_K[1:] == pytest.approx([4, 4], rel=0.01)
    assert found.restored_K == pytest.approx(np.full(3, found.limit), rel=0.01)


def test_lambda_1_leaves_the_labels_alone_at_every_temperature() -> None:
    image = drawn(0)
    found = surface(image, temperature_grid(), np.array([1.0]))
    assert found.total_LK[0].tolist() == [found.labels] * 60


def test_a_surface_has_a_row_a_lambda_and_a_column_a_temperature() -> None:
    grid, lams = temperature_grid(9), np.array([0.0, 0.5])
    found = surface(drawn(0), grid, lams)
    assert found.total_LK.shape == (2, 9)
    assert np.array_equal(found.total_LK[0], found.restored_K)
    assert found.temperatures_K is grid


def test_the_grid_is_even_on_a_logarithmic_axis() -> None:
    grid = temperature_grid(5)
    assert grid[[0, -1]] == pytest.approx([0.5, 50])
    assert grid[1:] / grid[:-1] == pytest.approx([100**0.25] * 4)


def test_logits_are_left_as_they_are_and_may_be_single_precision() -> None:
    image = Image(CASE.z_s_C.astype("f4"), CASE.z_t_C.astype("f4"), 0)
    before = image.z_s_C.copy()
    single = surface(image, np.array([2.0]), np.array([0.25]))
    assert single.total_LK.dtype == np.float64
    assert gradients(image, 2.0, 0.25).total_C == pytest.approx(
        gradients(CASE, 2.0, 0.25).total_C, rel=1e-5
    )
    assert pull(image, np.array([2.0])).limit == pytest.approx(
        pull(CASE, np.array([2.0])).limit, rel=1e-5
    )
    assert np.array_equal(image.z_s_C, before)
