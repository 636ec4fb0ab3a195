"""Soft targets, entropy and divergence: worked by hand, and compared with torch."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.analysis.soft_targets import (
    Floats,
    divergence,
    entropy,
    log_soft_targets,
    soft_targets,
)
from tsexplorer.objectives.base import soft_divergence

temperatures = st.floats(0.05, 100)


def random_logits(seed: int, scale: float) -> Floats:
    """Return random logits 7×5."""
    return scale * np.random.default_rng(seed).normal(size=(7, 5))


def test_soft_targets_and_entropy_worked_by_hand() -> None:
    # 2 ln (1, 1, 2) at T = 2 is proportional to (1, 1, 2), and at T = 1 to (1, 1, 4).
    z_NC = 2 * np.log([[1.0, 1, 2], [5, 5, 5]])
    assert soft_targets(z_NC, 2) == pytest.approx(np.array([[1, 1, 2], [4 / 3] * 3]) / 4)
    assert soft_targets(z_NC[0], 1) == pytest.approx(np.array([1, 1, 4]) / 6)
    # H(1/4, 1/4, 1/2) = 1/2 ln 4 + 1/2 ln 2 = 3/2 ln 2.
    assert entropy(log_soft_targets(z_NC, 2)) == pytest.approx([1.5 * log(2), log(3)])


def test_divergence_worked_by_hand() -> None:
    # p = (1, 2, 1)/4, q = (1, 1, 2)/4: 1/2 ln 2 + 1/4 ln 1/2 = 1/4 ln 2, without a factor T².
    log_p, log_q = (log_soft_targets(2 * np.log([row]), 2.0) for row in ([1, 2, 1.0], [1, 1, 2.0]))
    assert divergence(log_p, log_q) == pytest.approx([log(2) / 4])
    # p = (1, 1, 2)/4 and q = (1, 1, 6)/8; KL is not symmetric.
    log_r = log_soft_targets(2 * np.log([1, 1, 6.0]), 2.0)
    assert divergence(log_q, log_r) == pytest.approx([0.5 * log(2) + 0.5 * log(2 / 3)])
    assert divergence(log_r, log_q) == pytest.approx([0.25 * log(1 / 2) + 0.75 * log(3 / 2)])


@settings(deadline=None)
@given(st.integers(0, 10_000), temperatures, st.sampled_from([0.1, 3.0, 40.0]))
def test_values_equal_those_of_torch(seed: int, temperature: float, scale: float) -> None:
    z_NC, other_NC = random_logits(seed, scale), random_logits(seed + 1, scale)
    z, other = torch.from_numpy(z_NC), torch.from_numpy(other_NC)
    p = (z / temperature).softmax(-1).numpy()
    np.testing.assert_allclose(soft_targets(z_NC, temperature), p, rtol=1e-12, atol=1e-12)
    log_p, log_q = log_soft_targets(z_NC, temperature), log_soft_targets(other_NC, temperature)
    expected = torch.distributions.Categorical(logits=z / temperature).entropy().numpy()
    np.testing.assert_allclose(entropy(log_p), expected, rtol=1e-12, atol=1e-12)
    mean = float(soft_divergence(z, other, temperature))
    assert divergence(log_p, log_q).mean() == pytest.approx(mean, rel=1e-11, abs=1e-12)


def test_single_precision_logits_are_computed_in_double() -> None:
    z_NC = random_logits(0, 5).astype(np.float32)
    p_NC = soft_targets(z_NC, 3.0)
    expected = (torch.from_numpy(z_NC).double() / 3).softmax(-1).numpy()
    np.testing.assert_allclose(p_NC, expected, rtol=1e-13)
    assert p_NC.dtype == np.float64


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_large_logits_and_low_temperatures_are_exact(shift: float) -> None:
    log_p_C = log_soft_targets(shift + np.array([0.0, 300.0, -300.0]), 0.5)
    assert log_p_C.tolist() == [-600, 0, -1200]
    assert entropy(log_p_C) == pytest.approx(600 * np.exp(-600.0))
    assert divergence(log_p_C, log_p_C[[1, 0, 2]]) == pytest.approx(600)


def test_logits_that_differ_by_a_constant_do_not_diverge() -> None:
    log_p_NC = log_soft_targets(random_logits(3, 4), 2.0)
    log_q_NC = log_soft_targets(random_logits(3, 4) + 1000, 2.0)
    assert divergence(log_p_NC, log_q_NC) == pytest.approx(np.zeros(7), abs=1e-12)
    assert (divergence(log_p_NC, log_q_NC) >= 0).all()


def test_logits_are_not_modified() -> None:
    z_NC = random_logits(0, 1)
    soft_targets(z_NC, 1.0)
    assert np.array_equal(z_NC, random_logits(0, 1))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_a_temperature_must_be_a_positive_number(temperature: float) -> None:
    with pytest.raises(ValueError, match="T must be a positive number"):
        soft_targets(random_logits(0, 1), temperature)
