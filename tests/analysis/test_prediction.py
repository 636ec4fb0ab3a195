"""Predictions of one net for one image, and scores of ensembles, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tsexplorer.analysis.prediction import (
    Prediction,
    all_agree,
    combine_outputs,
    ensemble_logits,
    low_confidence_threshold,
    prediction_from_logits,
    reference_role,
    score_ensemble,
)
from tsexplorer.specs import Combine, Role
from tsexplorer.training.teacher_logits import MeanOfTeachers

# -- one image --------------------------------------------------------------------------------

Z_C = np.array([0.0, math.log(2.0), math.log(5.0)])


def test_prediction_at_both_temperatures() -> None:
    prediction = prediction_from_logits(Z_C, 2.0)
    assert prediction.answer == 2
    assert prediction.confidence == pytest.approx(5 / 8)
    assert prediction.probabilities_C == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    roots = np.sqrt([1.0, 2.0, 5.0])
    assert prediction.soft_targets_C == pytest.approx(roots / roots.sum())
    assert prediction.entropy == pytest.approx(
        -(1 / 8 * math.log(1 / 8) + 1 / 4 * math.log(1 / 4) + 5 / 8 * math.log(5 / 8))
    )


def test_a_probability_of_exactly_one_has_entropy_zero() -> None:
    prediction = prediction_from_logits(np.array([0.0, 2000.0]), 1.0)
    assert (prediction.answer, prediction.confidence, prediction.entropy) == (1, 1.0, 0.0)


def predictions(**answers: int) -> dict[Role, Prediction]:
    """Return predictions of these classes by role."""
    return {
        role: prediction_from_logits(np.eye(3)[answer], 1.0)  # type: ignore[misc]
        for role, answer in answers.items()
    }


def test_nets_agree_if_all_predict_the_same_class() -> None:
    assert all_agree(predictions(teacher=1, baseline=1, distilled=1))
    assert not all_agree(predictions(teacher=1, baseline=1, distilled=2))


def test_the_reference_is_the_teacher_if_it_is_present() -> None:
    assert reference_role(predictions(distilled=2, baseline=1, teacher=0)) == "teacher"
    assert reference_role(predictions(distilled=2, baseline=1)) == "baseline"


def test_one_image_in_a_hundred_is_below_the_threshold() -> None:
    shares_N = np.linspace(0.5, 0.99, 201)
    z_NC = np.log(np.stack([shares_N, 1 - shares_N], 1))
    assert low_confidence_threshold(z_NC) == pytest.approx(np.quantile(shares_N, 0.01))
    assert (shares_N < low_confidence_threshold(z_NC)).sum() == 2


# -- ensembles --------------------------------------------------------------------------------

# Probabilities of 3 teachers for 4 images of 2 classes. The third teacher is so confident about
# image 4 that it decides the mean of logits, but not the mean of probabilities.
FIRST_C = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]
SECOND_C = [[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]
THIRD_C = [[0.7, 0.3], [0.3, 0.7], [0.4, 0.6], [0.999, 0.001]]
LOGITS = [np.log(rows) for rows in (FIRST_C, SECOND_C, THIRD_C)]
LABELS = np.array([0, 1, 1, 1])


def test_scores_of_teachers_and_of_both_ensembles() -> None:
    by_logits = score_ensemble(LOGITS, LABELS, [1, 1, 1], "logits")
    assert by_logits.accuracies_K.tolist() == [0.75, 1.0, 0.75]
    assert by_logits.agreement_KK.tolist() == [[1, 0.75, 0.5], [0.75, 1, 0.75], [0.5, 0.75, 1]]
    # Odds of class 1: for image 3 0.4/0.6 · 0.7/0.3 · 0.6/0.4 > 1, for image 4 7/3 · 4 / 999 < 1.
    assert by_logits.accuracy == 0.75
    # Image 4: (0.7 + 0.8 + 0.001) / 3 = 0.5003.
    assert score_ensemble(LOGITS, LABELS, [1, 1, 1], "probabilities").accuracy == 1.0
    assert by_logits.size == 4


def test_weights_need_not_sum_to_one() -> None:
    mean_NC = combine_outputs(np.stack(LOGITS), [2, 0.5, 2.5], "probabilities")
    assert mean_NC[0] == pytest.approx([0.4 * 0.9 + 0.1 * 0.8 + 0.5 * 0.7, 0.21])
    mean_NC = combine_outputs(np.stack(LOGITS), [1e6, 1, 1], "logits")
    assert (mean_NC.argmax(1) == LOGITS[0].argmax(1)).all()


def test_a_class_without_probability_has_a_finite_logit() -> None:
    """The softmax of these logits is exactly 0 in floating point."""
    z_KNC = np.array([[[0.0, 900.0, 3.0]], [[5.0, 900.0, 7.0]]])
    z_NC = ensemble_logits(z_KNC, [1, 1], "probabilities")
    # Logarithm of the mean of exp(0 - 900) and exp(5 - 900), plus the level 900; and so on.
    expected = [np.log((1 + np.exp(5)) / 2), 900, 3 + np.log((1 + np.exp(4)) / 2)]
    assert z_NC[0] == pytest.approx(expected)


class ConstantNet(nn.Module):
    """A net that returns the same logits for any images."""

    def __init__(self, z_NC: np.ndarray) -> None:
        super().__init__()
        self._z_NC = torch.from_numpy(z_NC)

    def forward(self, _images: Tensor) -> Tensor:
        return self._z_NC


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("combine", ["logits", "probabilities"])
def test_ensemble_logits_equal_those_used_in_training(combine: Combine) -> None:
    z_KNC = np.random.default_rng(0).normal(size=(3, 8, 10)) * 5
    weights = [1.0, 2.0, 0.5]
    teachers = MeanOfTeachers([ConstantNet(z_NC) for z_NC in z_KNC], weights, combine)
    expected = teachers(torch.empty(8)).numpy()
    assert ensemble_logits(z_KNC, weights, combine) == pytest.approx(expected, abs=1e-9)
