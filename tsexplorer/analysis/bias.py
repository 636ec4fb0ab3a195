"""Bias correction for classes that a student never saw in training.

A student that never saw a class has learned to predict it seldom: its bias for the class is low.
Raising the biases of those classes by one number b after training undoes this and shows what the
student learned about their shapes from the teacher's soft targets. Lowering the biases of all other
classes by b gives the same predictions.

Source: Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 3. The paper chose b on the test
set; :func:`matching_bias` needs no labels at all.

Shape suffixes: N images, C classes, K biases.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from tsexplorer.analysis.quality import confusion
from tsexplorer.analysis.soft_targets import Floats, Integers, Logits

BiasRule = Literal["none", "label-free", "validation", "test"]
BIAS_RULES: tuple[BiasRule, ...] = ("none", "label-free", "validation", "test")
"""How b is chosen: b = 0; by the share of predictions on validation images, without labels; by the
errors on validation; by the errors on test, as in the paper, which is not a fair measurement."""


class BiasThresholds(NamedTuple):
    """Prediction of each image as a function of the bias.

    Attributes:
        threshold_N: bias above which the prediction is one of the raised classes.
        raised_N: class predicted above the threshold.
        other_N: class predicted below the threshold.
    """

    threshold_N: Floats
    raised_N: Integers
    other_N: Integers


class BiasEvaluation(NamedTuple):
    """Scores of a net with some biases raised.

    Attributes:
        bias: b.
        errors: number of wrongly classified images.
        size: number of images.
        raised_recall: share of the images of the raised classes that are classified correctly;
            NaN if there are none.
        recall_C: share of each class's images that are classified correctly; NaN for a class
            without images.
        confusion_CC: number of images by true class (row) and predicted class (column).
    """

    bias: float
    errors: int
    size: int
    raised_recall: float
    recall_C: Floats
    confusion_CC: Integers


@dataclass(frozen=True, eq=False)
class BiasStudy:
    """One student's logits on the test images, and the bias that each rule chooses.

    Attributes:
        raised: classes whose biases are raised: those that the student never saw.
        share: share of the predictions that these classes should get.
        biases: b by rule.
        z_NC: the student's logits over the test images.
        labels_N: true classes of the test images.
    """

    raised: tuple[int, ...]
    share: float
    biases: dict[BiasRule, float]
    z_NC: Logits
    labels_N: Integers

    def evaluate(self, bias: float) -> BiasEvaluation:
        """Return the student's scores on the test images with a bias."""
        return evaluate_bias(self.z_NC, self.labels_N, self.raised, bias)


class LabelledLogits(NamedTuple):
    """A net's logits N×C over some images, and their true classes N."""

    z_NC: Logits
    labels_N: Integers


def study_bias(
    validation: LabelledLogits,
    test: LabelledLogits,
    raised: Sequence[int],
    class_shares: Sequence[float],
) -> BiasStudy:
    """Choose the bias by each rule.

    Args:
        validation: a student's logits over the images on which choices are made.
        test: its logits over the images on which it is evaluated.
        raised: classes that the student never saw.
        class_shares: frequency of each class; sums to 1.
    """
    share = float(sum(class_shares[label] for label in raised))
    biases: dict[BiasRule, float] = {
        "none": 0.0,
        "label-free": matching_bias(validation.z_NC, raised, share),
        "validation": best_bias(*validation, raised),
        "test": best_bias(*test, raised),
    }
    return BiasStudy(tuple(raised), share, biases, test.z_NC, test.labels_N)


def shift_logits(z_NC: Logits, raised: Collection[int], bias: float) -> Floats:
    """Add a bias to the logits of some classes; a negative bias lowers them.

    >>> shift_logits(np.array([[1.0, 2.0]]), {0}, 3.5).tolist()
    [[4.5, 2.0]]
    """
    z = z_NC.astype(np.float64)
    z[:, sorted(raised)] += bias
    return z


def evaluate_bias(
    z_NC: Logits, labels_N: Integers, raised: Collection[int], bias: float
) -> BiasEvaluation:
    """Return a net's scores with the biases of some classes raised by ``bias``."""
    counts_CC = confusion(shift_logits(z_NC, raised, bias), labels_N)
    correct_C, size_C = counts_CC.diagonal(), counts_CC.sum(1)
    recall_C = np.full(len(size_C), np.nan)
    np.divide(correct_C, size_C, out=recall_C, where=size_C > 0)
    classes = sorted(raised)
    images = int(size_C[classes].sum())
    return BiasEvaluation(
        bias=bias,
        errors=int(size_C.sum() - correct_C.sum()),
        size=len(labels_N),
        raised_recall=int(correct_C[classes].sum()) / images if images else float("nan"),
        recall_C=recall_C,
        confusion_CC=counts_CC,
    )


def bias_thresholds(z_NC: Logits, raised: Collection[int]) -> BiasThresholds:
    """Return for each image the bias at which its prediction becomes a raised class.

    Raises:
        ValueError: no class is raised, or every class.
    """
    raised_classes = np.array(sorted(raised), dtype=np.int64)
    others = np.setdiff1d(np.arange(z_NC.shape[1]), raised_classes)
    if not len(raised_classes) or not len(others):
        raise ValueError("some classes must be raised, and some not")
    z = z_NC.astype(np.float64)
    threshold_N = z[:, others].max(1) - z[:, raised_classes].max(1)
    return BiasThresholds(
        threshold_N,
        raised_classes[z[:, raised_classes].argmax(1)],
        others[z[:, others].argmax(1)],
    )


def matching_bias(z_NC: Logits, raised: Collection[int], share: float) -> float:
    """Return the bias with which the raised classes get their share of the predictions.

    Needs no labels.

    Args:
        z_NC: logits over images in which classes are as frequent as usual.
        raised: classes whose biases are raised.
        share: frequency of these classes together, share of 1.
    """
    threshold_N = np.sort(bias_thresholds(z_NC, raised).threshold_N)
    return _bias_between(threshold_N, round(share * len(threshold_N)))


def best_bias(z_NC: Logits, labels_N: Integers, raised: Collection[int]) -> float:
    """Return the bias with the fewest errors.

    If several intervals of biases have equally few errors: the midpoint that is nearest to 0.
    """
    thresholds = bias_thresholds(z_NC, raised)
    order = np.argsort(thresholds.threshold_N, kind="stable")
    threshold_N = thresholds.threshold_N[order]
    changes_N = _error_changes(thresholds, labels_N)[order]
    errors_K = np.concatenate([[0], np.cumsum(changes_N)])  # relative to the lowest bias
    possible_K = np.concatenate([[True], np.diff(threshold_N) > 0, [True]])
    best_K = np.flatnonzero(possible_K & (errors_K == errors_K[possible_K].min()))
    midpoints = [_bias_between(threshold_N, int(count)) for count in best_K]
    return min(midpoints, key=abs)


def errors_by_bias(
    z_NC: Logits, labels_N: Integers, raised: Collection[int], biases_K: Floats
) -> Integers:
    """Return the number of wrongly classified images at each bias, K."""
    thresholds = bias_thresholds(z_NC, raised)
    order = np.argsort(thresholds.threshold_N, kind="stable")
    changes_K = np.concatenate([[0], np.cumsum(_error_changes(thresholds, labels_N)[order])])
    passed_K = np.searchsorted(thresholds.threshold_N[order], biases_K, side="left")
    errors_before = int((thresholds.other_N != labels_N).sum())
    return np.asarray(errors_before + changes_K[passed_K], dtype=np.int64)


def _error_changes(thresholds: BiasThresholds, labels_N: Integers) -> Integers:
    """Return +1, 0 or -1 errors for each image whose prediction becomes a raised class."""
    wrong_after, wrong_before = thresholds.raised_N != labels_N, thresholds.other_N != labels_N
    change_N: Integers = wrong_after.astype(np.int64) - wrong_before.astype(np.int64)
    return change_N


def _bias_between(threshold_N: Floats, count: int) -> float:
    """Return a bias above exactly ``count`` sorted thresholds.

    Midway between two thresholds; 1 below the first or 1 above the last.

    >>> _bias_between(np.array([1.0, 2.0, 5.0]), 2), _bias_between(np.array([1.0, 2.0]), 0)
    (3.5, 0.0)
    """
    if count <= 0:
        return float(threshold_N[0] - 1)
    if count >= len(threshold_N):
        return float(threshold_N[-1] + 1)
    return float((threshold_N[count - 1] + threshold_N[count]) / 2)
