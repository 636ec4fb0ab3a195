"""Agreement, calibration and confusions, worked by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.analysis.quality import Bin, confusion, quality, reliability
from tsexplorer.analysis.soft_targets import Floats, soft_targets


def logits(*confidences: float) -> Floats:
    """Two classes: class 0 has these shares."""
    first = np.array(confidences)
    return np.log(np.stack([first, 1 - first], axis=1))


# Shares of class 0; where it is below one half the answer is class 1, with the rest.
SHARES = (0.62, 0.65, 0.64, 0.30, 0.97, 0.95)
LABELS = np.array([0, 1, 0, 1, 0, 1])
# Bin 10 is (0.6, 0.667]: 0.62, 0.65, 0.64 of which two are right; bin 11 is (0.667, 0.733]: 0.70,
# right; bin 15 is (0.933, 1]: 0.97, right, and 0.95, wrong.


def test_bins_worked_by_hand() -> None:
    bins = reliability(logits(*SHARES), LABELS).bins
    assert len(bins) == 15
    assert [one.size for one in bins] == [0] * 9 + [3, 1, 0, 0, 0, 2]
    assert bins[9].confidence == pytest.approx((0.62 + 0.65 + 0.64) / 3)
    assert bins[9].accuracy == pytest.approx(2 / 3)
    assert (bins[10].confidence, bins[10].accuracy) == (pytest.approx(0.7), 1.0)
    assert (bins[14].confidence, bins[14].accuracy) == (pytest.approx(0.96), 0.5)
    assert bins[0] == Bin(0.0, 1 / 15, 0, None, None)
    assert [one.low for one in bins[1:]] == [one.high for one in bins[:-1]]
    assert bins[14].high == 1.0


def test_calibration_error_worked_by_hand() -> None:
    found = reliability(logits(*SHARES), LABELS)
    # |2 - 1.91|/6 + |1 - 0.7|/6 + |1 - 1.92|/6
    assert found.ece == pytest.approx((0.09 + 0.3 + 0.92) / 6)
    # Mean confidence (1.91 + 0.7 + 1.92)/6, accuracy 4/6.
    assert found.overconfidence == pytest.approx((4.53 - 4) / 6)


def test_errors_of_one_bin_cancel_and_those_of_two_do_not() -> None:
    """That is what sets ECE apart from a mean of |right - confidence|."""
    labels = np.array([0, 0, 0, 1])
    assert reliability(logits(0.75, 0.75, 0.75, 0.75), labels).ece == pytest.approx(0)
    assert reliability(logits(0.75, 0.75, 0.75, 0.55), labels).ece == pytest.approx(
        (0.75 + 0.55) / 4
    )


def test_an_upper_edge_belongs_to_its_bin() -> None:
    # Two classes alike: one half exactly. One that has everything: 1 exactly.
    z_NC, labels = np.array([[0.0, 0.0], [2000.0, 0.0]]), np.array([0, 0])
    assert soft_targets(z_NC, 1.0).max(1).tolist() == [0.5, 1.0]
    assert [one.size for one in reliability(z_NC, labels, bins=2).bins] == [1, 1]
    assert [one.size for one in reliability(z_NC, labels, bins=4).bins] == [0, 1, 0, 1]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_every_image_is_in_one_bin_between_its_edges(seed: int, bins: int) -> None:
    random = np.random.default_rng(seed)
    z_NC, labels = 3 * random.normal(size=(50, 4)), random.integers(0, 4, 50)
    found = reliability(z_NC, labels, bins)
    assert sum(one.size for one in found.bins) == 50
    for one in found.bins:
        if one.confidence is not None:
            assert one.low < one.confidence <= one.high + 1e-12
    assert 0 <= found.ece <= 1
    assert abs(found.overconfidence) <= found.ece + 1e-12  # the triangle inequality


def test_quality_worked_by_hand() -> None:
    # T = 2; shares at T = 2 are the rows. The net: classes 0, 1, 2, 0; the teacher: 0, 0, 2, 1.
    z_NC = 2 * np.log(np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2], [2, 1, 1.0]]))
    z_t_NC = 2 * np.log(np.array([[2, 1, 1], [2, 1, 1], [1, 1, 2], [1, 2, 1.0]]))
    found = quality(z_NC, z_t_NC, np.array([0, 1, 1, 0]), 2.0)
    assert found.accuracy == 0.75
    assert found.agreement == 0.5
    # Two images agree; in the two others (2, 1, 1)/4 and (1, 2, 1)/4 have changed places.
    assert found.divergence == pytest.approx(2 * 0.25 * log(2) / 4)
    # At T = 1 the largest share is 4/6 for each, and three of four are right.
    assert found.ece == pytest.approx(0.75 - 4 / 6)
    assert (found.temperature, found.size) == (2.0, 4)


def test_a_teacher_agrees_with_itself() -> None:
    z_NC = np.random.default_rng(0).normal(size=(20, 5))
    found = quality(z_NC, z_NC, np.zeros(20, int), 4.0)
    assert (found.agreement, found.divergence) == (1.0, 0.0)


def test_confusion_worked_by_hand() -> None:
    z_NC = np.eye(3)[[0, 0, 1, 2, 2, 2]]
    counts = confusion(z_NC, np.array([0, 1, 1, 2, 0, 0]))
    assert counts.tolist() == [[1, 0, 2], [1, 1, 0], [0, 0, 1]]


def test_rows_of_a_difference_sum_to_nothing() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 4, 60)
    one, other = (confusion(random.normal(size=(60, 4)), labels) for _ in range(2))
    assert one.sum(1).tolist() == np.bincount(labels, minlength=4).tolist()
    assert (one - other).sum(1).tolist() == [0] * 4
    assert (one - other).any()
