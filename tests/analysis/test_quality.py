"""Agreement, calibration and confusion matrices, worked by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.analysis.quality import ReliabilityBin, confusion, quality, reliability
from tsexplorer.analysis.soft_targets import Floats, soft_targets


def logits(*shares: float) -> Floats:
    """Return logits N×2 with these probabilities of class 0."""
    first_N = np.array(shares)
    return np.log(np.stack([first_N, 1 - first_N], axis=1))


# Probabilities of class 0; below one half class 1 is predicted, with the remaining probability.
SHARES = (0.62, 0.65, 0.64, 0.30, 0.97, 0.95)
LABELS = np.array([0, 1, 0, 1, 0, 1])
# Bin 10, (0.6, 0.667]: 0.62, 0.65 and 0.64, two of them correct. Bin 11, (0.667, 0.733]: 0.70,
# correct. Bin 15, (0.933, 1]: 0.97, correct, and 0.95, wrong.


def test_bins_worked_by_hand() -> None:
    bins = reliability(logits(*SHARES), LABELS).bins
    assert len(bins) == 15
    assert [bin_.size for bin_ in bins] == [0] * 9 + [3, 1, 0, 0, 0, 2]
    assert bins[9].confidence == pytest.approx((0.62 + 0.65 + 0.64) / 3)
    assert bins[9].accuracy == pytest.approx(2 / 3)
    assert (bins[10].confidence, bins[10].accuracy) == (pytest.approx(0.7), 1.0)
    assert (bins[14].confidence, bins[14].accuracy) == (pytest.approx(0.96), 0.5)
    assert bins[0] == ReliabilityBin(0.0, 1 / 15, 0, None, None)
    assert [bin_.low for bin_ in bins[1:]] == [bin_.high for bin_ in bins[:-1]]
    assert bins[14].high == 1.0


def test_calibration_error_worked_by_hand() -> None:
    result = reliability(logits(*SHARES), LABELS)
    # |2 - 1.91|/6 + |1 - 0.7|/6 + |1 - 1.92|/6
    assert result.ece == pytest.approx((0.09 + 0.3 + 0.92) / 6)
    # Mean confidence (1.91 + 0.7 + 1.92)/6, accuracy 4/6.
    assert result.overconfidence == pytest.approx((4.53 - 4) / 6)


def test_errors_cancel_within_a_bin_but_not_between_bins() -> None:
    """This is the difference between ECE and a mean of |correct - confidence|."""
    labels = np.array([0, 0, 0, 1])
    assert reliability(logits(0.75, 0.75, 0.75, 0.75), labels).ece == pytest.approx(0)
    assert reliability(logits(0.75, 0.75, 0.75, 0.55), labels).ece == pytest.approx(
        (0.75 + 0.55) / 4
    )


def test_a_bin_includes_its_upper_end() -> None:
    # Confidences of exactly 1/2 and exactly 1.
    z_NC, labels = np.array([[0.0, 0.0], [2000.0, 0.0]]), np.array([0, 0])
    assert soft_targets(z_NC, 1.0).max(1).tolist() == [0.5, 1.0]
    assert [bin_.size for bin_ in reliability(z_NC, labels, bins=2).bins] == [1, 1]
    assert [bin_.size for bin_ in reliability(z_NC, labels, bins=4).bins] == [0, 1, 0, 1]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_every_image_is_in_exactly_one_bin(seed: int, bins: int) -> None:
    random = np.random.default_rng(seed)
    z_NC, labels = 3 * random.normal(size=(50, 4)), random.integers(0, 4, 50)
    result = reliability(z_NC, labels, bins)
    assert sum(bin_.size for bin_ in result.bins) == 50
    for bin_ in result.bins:
        if bin_.confidence is not None:
            assert bin_.low < bin_.confidence <= bin_.high + 1e-12
    assert 0 <= result.ece <= 1
    assert abs(result.overconfidence) <= result.ece + 1e-12  # by the triangle inequality


def test_quality_worked_by_hand() -> None:
    # The rows are proportional to the soft targets at T = 2. The net predicts 0, 1, 2, 0; the
    # teacher predicts 0, 0, 2, 1.
    z_NC = 2 * np.log(np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2], [2, 1, 1.0]]))
    z_t_NC = 2 * np.log(np.array([[2, 1, 1], [2, 1, 1], [1, 1, 2], [1, 2, 1.0]]))
    result = quality(z_NC, z_t_NC, np.array([0, 1, 1, 0]), 2.0)
    assert result.accuracy == 0.75
    assert result.agreement == 0.5
    # Two images agree; for the other two KL is that between (2, 1, 1)/4 and (1, 2, 1)/4.
    assert result.divergence == pytest.approx(2 * 0.25 * log(2) / 4)
    # At T = 1 each confidence is 4/6, and three of four predictions are correct.
    assert result.ece == pytest.approx(0.75 - 4 / 6)
    assert (result.temperature, result.size) == (2.0, 4)


def test_a_teacher_agrees_with_itself() -> None:
    z_NC = np.random.default_rng(0).normal(size=(20, 5))
    result = quality(z_NC, z_NC, np.zeros(20, int), 4.0)
    assert (result.agreement, result.divergence) == (1.0, 0.0)


def test_confusion_matrix_worked_by_hand() -> None:
    z_NC = np.eye(3)[[0, 0, 1, 2, 2, 2]]
    counts = confusion(z_NC, np.array([0, 1, 1, 2, 0, 0]))
    assert counts.tolist() == [[1, 0, 2], [1, 1, 0], [0, 0, 1]]


def test_rows_of_a_confusion_difference_sum_to_zero() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 4, 60)
    distilled, baseline = (confusion(random.normal(size=(60, 4)), labels) for _ in range(2))
    assert distilled.sum(1).tolist() == np.bincount(labels, minlength=4).tolist()
    assert (distilled - baseline).sum(1).tolist() == [0] * 4
    assert (distilled - baseline).any()
