"""Biases of classes that were never seen: predictions, errors and rules, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.analysis.bias import (
    LabelledLogits,
    best_bias,
    bias_thresholds,
    errors_by_bias,
    evaluate_bias,
    matching_bias,
    study_bias,
)

# Class 2 was never seen: its logit is too low by about 3.
Z = np.array(
    [
        [5.0, 0.0, -2.0],  # a 0; predicted as 2 above b = 7
        [0.0, 4.0, -2.0],  # a 1; above 6
        [2.0, 1.0, 0.5],  # a 2 predicted as 0; above 1.5
        [1.0, 3.0, 0.0],  # a 2 predicted as 1; above 3
        [3.0, 0.0, -1.0],  # a 0; above 4
    ],
    dtype=np.float32,
)
LABELS = np.array([0, 1, 2, 2, 0])
SHARES = (0.4, 0.2, 0.4)


def test_thresholds_above_which_a_raised_class_is_predicted() -> None:
    thresholds = bias_thresholds(Z, {2})
    assert thresholds.threshold_N.tolist() == [7, 6, 1.5, 3, 4]
    assert thresholds.raised_N.tolist() == [2] * 5
    assert thresholds.other_N.tolist() == [0, 1, 0, 1, 0]


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
def test_errors_and_recall_by_bias(bias: float, errors: int, recall: list[float]) -> None:
    evaluation = evaluate_bias(Z, LABELS, {2}, bias)
    assert (evaluation.errors, evaluation.size) == (errors, 5)
    assert evaluation.raised_recall == recall[2]
    assert evaluation.recall_C.tolist() == recall
    assert evaluation.confusion_CC.sum(1).tolist() == [2, 1, 2]
    assert evaluation.confusion_CC.diagonal().sum() == 5 - errors


def test_a_class_without_images_has_no_recall() -> None:
    evaluation = evaluate_bias(Z[:2], LABELS[:2], {2}, 0)
    assert np.isnan(evaluation.recall_C[2])
    assert np.isnan(evaluation.raised_recall)
    assert evaluation.errors == 0


def test_the_label_free_rule_matches_the_share_of_predictions() -> None:
    assert matching_bias(Z, {2}, 0.4) == 3.5
    assert matching_bias(Z, {2}, 0.0) < 1.5
    assert matching_bias(Z, {2}, 1.0) > 7


def test_the_best_bias_has_the_fewest_errors() -> None:
    assert best_bias(Z, LABELS, {2}) == 3.5


def test_the_best_bias_without_errors_changes_no_image() -> None:
    assert best_bias(Z[:2], LABELS[:2], {2}) == 5  # below the lowest threshold


def test_raising_some_classes_equals_lowering_the_others() -> None:
    raised, lowered = evaluate_bias(Z, LABELS, {0, 2}, 2.5), evaluate_bias(Z, LABELS, {1}, -2.5)
    assert raised.confusion_CC.tolist() == lowered.confusion_CC.tolist()


@pytest.mark.parametrize("raised", [(), (0, 1, 2)])
def test_no_class_or_every_class_raised_is_an_error(raised: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="some classes must be raised"):
        bias_thresholds(Z, raised)


def test_each_rule_uses_its_own_images() -> None:
    """The test logits of class 2 are higher by 10, so the best bias on test is lower by 10."""
    validation = LabelledLogits(Z, LABELS)
    test = LabelledLogits(Z + np.array([0, 0, 10], dtype=np.float32), LABELS)
    study = study_bias(validation, test, (2,), SHARES)
    assert study.biases == {"none": 0, "label-free": 3.5, "validation": 3.5, "test": -6.5}
    assert study.evaluate(-6.5).errors == 0
    assert study.evaluate(study.biases["label-free"]).errors == 3


def test_the_label_free_rule_ignores_labels() -> None:
    wrong_labels = LabelledLogits(Z, 0 * LABELS)
    study = study_bias(wrong_labels, LabelledLogits(Z, LABELS), (2,), SHARES)
    assert study.biases["label-free"] == 3.5


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_errors_over_a_grid_equal_single_evaluations(seed: int) -> None:
    random = np.random.default_rng(seed)
    z_NC, labels_N = random.normal(size=(30, 4)), random.integers(0, 4, 30)
    raised = {1, 3}
    biases = np.linspace(-4, 4, 9)
    errors = errors_by_bias(z_NC, labels_N, raised, biases)
    assert errors.tolist() == [evaluate_bias(z_NC, labels_N, raised, b).errors for b in biases]
    best = evaluate_bias(z_NC, labels_N, raised, best_bias(z_NC, labels_N, raised)).errors
    assert best <= errors.min()
