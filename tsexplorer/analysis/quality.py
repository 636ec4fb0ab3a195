"""Effects of distillation: agreement with the teacher, calibration, confusion matrices.

Shape suffixes: N images, C classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tsexplorer.analysis.ranking import is_correct, teacher_divergence
from tsexplorer.analysis.soft_targets import Integers, Logits, soft_targets

BINS = 15


class ReliabilityBin(NamedTuple):
    """The images whose confidence lies in one interval.

    Attributes:
        low: lower end of the interval, excluded; share of 1.
        high: upper end of the interval, included; share of 1.
        size: number of images.
        confidence: their mean confidence; None if there are no images.
        accuracy: share of them that the net classifies correctly; None if there are no images.
    """

    low: float
    high: float
    size: int
    confidence: float | None
    accuracy: float | None


class Reliability(NamedTuple):
    """Calibration of a net: how well its confidence matches its accuracy.

    Attributes:
        bins: of equal width, from 0 to 1.
        ece: expected calibration error, share of 1.
        overconfidence: mean confidence minus accuracy; negative for an underconfident net.
    """

    bins: tuple[ReliabilityBin, ...]
    ece: float
    overconfidence: float


class Quality(NamedTuple):
    """A net's scores on a split.

    Attributes:
        accuracy: share of 1.
        agreement: share of the images for which net and teacher predict the same class.
        divergence: KL(teacher ‖ net) at T, mean over the images, nats.
        ece: expected calibration error at T = 1, share of 1.
        temperature: T of the divergence.
        size: number of images.
    """

    accuracy: float
    agreement: float
    divergence: float
    ece: float
    temperature: float
    size: int


def quality(z_NC: Logits, z_t_NC: Logits, labels_N: Integers, temperature: float) -> Quality:
    """Return a net's scores, compared with its teacher.

    Args:
        z_NC: the net's logits.
        z_t_NC: the teacher's logits.
        labels_N: true classes.
        temperature: T of the divergence; all other scores are at T = 1.
    """
    return Quality(
        accuracy=float(is_correct(z_NC, labels_N).mean()),
        agreement=float((z_NC.argmax(1) == z_t_NC.argmax(1)).mean()),
        divergence=float(teacher_divergence(z_t_NC, z_NC, temperature).mean()),
        ece=reliability(z_NC, labels_N).ece,
        temperature=temperature,
        size=len(labels_N),
    )


def reliability(z_NC: Logits, labels_N: Integers, bins: int = BINS) -> Reliability:
    """Return accuracy by confidence, and the expected calibration error (ECE).

    Source: Guo et al. 2017, arXiv 1706.04599, section 2. Confidence is the largest softmax at
    T = 1. Bin m of M holds the confidences in ((m - 1)/M, m/M], and
    ECE = Σ_m |B_m|/n · |accuracy(B_m) - confidence(B_m)|.
    """
    confidence_N = soft_targets(z_NC, 1.0).max(1)
    correct_N = is_correct(z_NC, labels_N)
    edges = np.arange(1, bins + 1) / bins
    bin_N = np.minimum(np.searchsorted(edges, confidence_N, side="left"), bins - 1)
    counts = np.bincount(bin_N, minlength=bins)
    confidences = np.bincount(bin_N, weights=confidence_N, minlength=bins)
    corrects = np.bincount(bin_N, weights=correct_N, minlength=bins)
    sums = zip(counts.tolist(), confidences.tolist(), corrects.tolist(), strict=True)
    return Reliability(
        tuple(_bin(index, bins, *values) for index, values in enumerate(sums)),
        ece=float(np.abs(corrects - confidences).sum() / len(labels_N)),
        overconfidence=float(confidence_N.mean() - correct_N.mean()),
    )


def _bin(index: int, bins: int, size: int, confidence: float, correct: float) -> ReliabilityBin:
    """Return one of ``bins`` bins from the sums of confidence and of correct answers."""
    low, high = index / bins, (index + 1) / bins
    if size == 0:
        return ReliabilityBin(low, high, 0, None, None)
    return ReliabilityBin(low, high, size, confidence / size, correct / size)


def confusion(z_NC: Logits, labels_N: Integers) -> Integers:
    """Return the number of images C×C by true class (row) and predicted class (column).

    In the difference of two nets' matrices, distilled minus baseline, each row sums to 0.
    """
    classes = z_NC.shape[1]
    pair_N = labels_N * classes + z_NC.argmax(1)
    return np.bincount(pair_N, minlength=classes**2).reshape(classes, classes)


def balanced_accuracy(z_NC: Logits, y_N: Integers) -> float:
    """Mean over the classes of the share of their images that are answered correctly.

    >>> balanced_accuracy(np.eye(2)[[0, 0, 0, 0]], np.array([0, 0, 0, 1]))
    0.5
    """
    correct_N = z_NC.argmax(1) == y_N
    return float(np.mean([correct_N[y_N == label].mean() for label in np.unique(y_N)]))
