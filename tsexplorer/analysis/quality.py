"""What distillation changed: agreement with the teacher, calibration, confusions.

Shape suffixes: N images, C classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tsexplorer.analysis.ranking import right, teacher_divergence
from tsexplorer.analysis.soft_targets import Integers, Logits, soft_targets

BINS = 15


class Bin(NamedTuple):
    """The images whose confidence lies in one interval.

    Attributes:
        low: confidence above which an image belongs here, share of 1.
        high: confidence up to which it does, this one included.
        size: images.
        confidence: their mean confidence; None where there are none.
        accuracy: the share of them that the net gets right; None where there are none.
    """

    low: float
    high: float
    size: int
    confidence: float | None
    accuracy: float | None


class Reliability(NamedTuple):
    """How far a net's confidence can be believed.

    Attributes:
        bins: equally wide, from 0 to 1.
        ece: expected calibration error, share of 1.
        overconfidence: mean confidence less accuracy; negative where the net is too modest.
    """

    bins: tuple[Bin, ...]
    ece: float
    overconfidence: float


class Quality(NamedTuple):
    """A net's figures on a split.

    Attributes:
        accuracy: share of 1.
        agreement: share of the images to which it gives the teacher's answer, right or wrong.
        divergence: KL(teacher ‖ net) at T, mean over the images, nats.
        ece: expected calibration error at T = 1, share of 1.
        temperature: T of the divergence.
        size: images.
    """

    accuracy: float
    agreement: float
    divergence: float
    ece: float
    temperature: float
    size: int


def quality(z_NC: Logits, z_t_NC: Logits, labels_N: Integers, temperature: float) -> Quality:
    """A net's figures beside its teacher.

    Args:
        z_NC: the net's logits.
        z_t_NC: the teacher's.
        labels_N: true classes.
        temperature: T at which the two are compared; all other figures are those of T = 1.
    """
    return Quality(
        accuracy=float(right(z_NC, labels_N).mean()),
        agreement=float((z_NC.argmax(1) == z_t_NC.argmax(1)).mean()),
        divergence=float(teacher_divergence(z_t_NC, z_NC, temperature).mean()),
        ece=reliability(z_NC, labels_N).ece,
        temperature=temperature,
        size=len(labels_N),
    )


def reliability(z_NC: Logits, labels_N: Integers, bins: int = BINS) -> Reliability:
    """Accuracy by confidence, and the expected calibration error (ECE).

    Source: Guo et al. 2017, arXiv 1706.04599, section 2. Confidence is the largest softmax at
    T = 1. Bin m of M holds the confidences in ((m - 1)/M, m/M], and
    ECE = Σ_m |B_m|/n · |accuracy(B_m) - confidence(B_m)|.
    """
    confidence_N = soft_targets(z_NC, 1.0).max(1)
    right_N = right(z_NC, labels_N)
    edges = np.arange(1, bins + 1) / bins
    place_N = np.minimum(np.searchsorted(edges, confidence_N, side="left"), bins - 1)
    counts = np.bincount(place_N, minlength=bins)
    confidences = np.bincount(place_N, weights=confidence_N, minlength=bins)
    rights = np.bincount(place_N, weights=right_N, minlength=bins)
    sums = zip(counts.tolist(), confidences.tolist(), rights.tolist(), strict=True)
    return Reliability(
        tuple(_bin(m, bins, *numbers) for m, numbers in enumerate(sums)),
        ece=float(np.abs(rights - confidences).sum() / len(labels_N)),
        overconfidence=float(confidence_N.mean() - right_N.mean()),
    )


def _bin(place: int, bins: int, size: int, confidence: float, rights: float) -> Bin:
    low, high = place / bins, (place + 1) / bins
    if size == 0:
        return Bin(low, high, 0, None, None)
    return Bin(low, high, size, confidence / size, rights / size)


def confusion(z_NC: Logits, labels_N: Integers) -> Integers:
    """Images C×C by true class (row) and answer (column); right answers on the diagonal.

    The difference of two nets' matrices, distilled less baseline, says where answers went: each of
    its rows sums to 0.
    """
    classes = z_NC.shape[1]
    pair_N = labels_N * classes + z_NC.argmax(1)
    return np.bincount(pair_N, minlength=classes**2).reshape(classes, classes)
