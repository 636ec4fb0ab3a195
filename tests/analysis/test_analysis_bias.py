"""Biases of classes that were never seen: answers, errors and rules, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.analysis.bias import (
    Answered,
    best_bias,
    errors_over,
    lean,
    matching_bias,
    outcome,
    study,
)

# Class 2 was never seen: its logit is too low by about 3.
Z = np.array(
    [
        [5.0, 0.0, -2.0],  # a 0; a 2 from b = 7 on
        [0.0, 4.0, -2.0],  # a 1; from 6 on
        [2.0, 1.0, 0.5],  # a 2 taken for a 0; from 1.5 on
        [1.0, 3.0, 0.0],  # a 2 taken for a 1; from 3 on
        [3.0, 0.0, -1.0],  # a 0; from 4 on
    ],
    dtype=np.float32,
)
LABELS = np.array([0, 1, 2, 2, 0])


def test_the_bias_above_which_an_image_is_a_raised_class() -> None:
    found = lean(Z, {2})
    assert found.needed_N.tolist() == [7, 6, 1.5, 3, 4]
    assert found.raised_N.tolist() == [2] * 5
    assert found.rest_N.tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("bias", "errors", "recall"),
    [
        (0, 2, [1, 1, 0]),
        (2, 1, [1, 1, 0.5]),
        (3.5, 0, [1, 1, 1]),
        (4.5, 1, [0.5, 1, 1]),
        (9, 3, [0, 0, 1]),
    ],
)
def test_errors_and_recall_follow_the_bias(bias: float, errors: int, recall: list[float]) -> None:
    found = outcome(Z, LABELS, {2}, bias)
    assert (found.errors, found.size, found.raised_right) == (errors, 5, recall[2])
    assert found.recall_C.tolist() == recall
    assert found.confusion_CC.sum(1).tolist() == [2, 1, 2]
    assert found.confusion_CC.diagonal().sum() == 5 - errors


def test_a_class_without_images_has_no_recall() -> None:
    found = outcome(Z[:2], LABELS[:2], {2}, 0)
    assert np.isnan(found.recall_C[2])
    assert np.isnan(found.raised_right)
    assert found.errors == 0


def test_the_rule_without_labels_matches_the_share_of_answers() -> None:
    bias = matching_bias(Z, {2}, 0.4)
    assert bias == 3.5
    assert matching_bias(Z, {2}, 0.0) < 1.5
    assert matching_bias(Z, {2}, 1.0) > 7


def test_the_fewest_errors_and_the_smallest_shift_among_equals() -> None:
    assert best_bias(Z, LABELS, {2}) == 3.5
    right_anyway = best_bias(Z[:2], LABELS[:2], {2})
    assert right_anyway == 5  # before the first image that would change


def test_lowering_the_seen_classes_is_raising_the_others() -> None:
    raised, lowered = outcome(Z, LABELS, {0, 2}, 2.5), outcome(Z, LABELS, {1}, -2.5)
    assert raised.confusion_CC.tolist() == lowered.confusion_CC.tolist()


@pytest.mark.parametrize("raised", [(), (0, 1, 2)])
def test_no_class_or_every_class_raised_means_nothing(raised: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="some classes must be raised"):
        lean(Z, raised)


def test_each_rule_looks_at_its_own_images() -> None:
    """Test is answered as if 10 were added to class 2: its best bias is 10 lower."""
    other = Z + np.array([0, 0, 10], dtype=np.float32)
    found = study(Answered(Z, LABELS), Answered(other, LABELS), (2,), (0.4, 0.2, 0.4))
    assert found.biases == {"none": 0, "label-free": 3.5, "validation": 3.5, "test": -6.5}
    assert found.at(-6.5).errors == 0
    assert found.at(found.biases["label-free"]).errors == 3
    mute = study(Answered(Z, 0 * LABELS), Answered(Z, LABELS), (2,), (0.4, 0.2, 0.4))
    assert mute.biases["label-free"] == 3.5  # whatever validation's labels say


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_errors_at_many_biases_are_those_of_each(seed: int) -> None:
    draw = np.random.default_rng(seed)
    z_NC, labels_N = draw.normal(size=(30, 4)), draw.integers(0, 4, 30)
    raised = {1, 3}
    biases = np.linspace(-4, 4, 9)
    errors = errors_over(z_NC, labels_N, raised, biases)
    assert errors.tolist() == [outcome(z_NC, labels_N, raised, b).errors for b in biases]
    best = outcome(z_NC, labels_N, raised, best_bias(z_NC, labels_N, raised)).errors
    assert best <= errors.min()
