"""What several teachers say together, beside what each says.

Shape suffixes: K teachers, N images, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsexplorer.analysis.ranking import right
from tsexplorer.analysis.soft_targets import Floats, Integers, Logits, soft_targets
from tsexplorer.specs import Combine


class Ensemble(NamedTuple):
    """An ensemble on a split.

    Attributes:
        accuracies_K: of each teacher, share of 1.
        agreement_KK: share of the images to which two teachers give the same answer, right or not.
        accuracy: of the ensemble, share of 1.
        size: images.
    """

    accuracies_K: Floats
    agreement_KK: Floats
    accuracy: float
    size: int


def ensemble(
    answers: Sequence[Logits], labels_N: Integers, weights: Sequence[float], combine: Combine
) -> Ensemble:
    """Teachers alone, two by two, and all together.

    Args:
        answers: logits N×C of each teacher.
        labels_N: true classes.
        weights: what each teacher counts, whatever their sum.
        combine: what of them is averaged.
    """
    z_KNC = np.stack(answers)
    said_KN = z_KNC.argmax(-1)
    together_NC = combined(z_KNC, weights, combine)
    return Ensemble(
        accuracies_K=np.array([right(z_NC, labels_N).mean() for z_NC in z_KNC]),
        agreement_KK=(said_KN[:, None] == said_KN[None]).mean(-1),
        accuracy=float(right(together_NC, labels_N).mean()),
        size=len(labels_N),
    )


def ensemble_logits(z_KNC: Logits, weights: Sequence[float], combine: Combine) -> Floats:
    """The ensemble as one net that answers with logits N×C, as its student is taught by it.

    Of averaged probabilities these are their logarithms at the level of the teachers' own logits:
    the softmax at T = 1 is the mean of the teachers' softmaxes.

    >>> apart = np.log([[[0.9, 0.1]], [[0.2, 0.8]]])
    >>> np.exp(ensemble_logits(apart, [1, 1], "probabilities")).round(3).tolist()
    [[0.55, 0.45]]
    """
    from scipy.special import logsumexp

    if combine == "logits":
        return combined(z_KNC, weights, combine)
    share_K = np.asarray(weights, dtype=np.float64) / sum(weights)
    level_KN1 = logsumexp(z_KNC, axis=-1, keepdims=True)
    # Not the logarithm of the mean: a class that all teachers rule out would become -inf.
    log_mean_NC = logsumexp(z_KNC - level_KN1, axis=0, b=share_K[:, None, None])
    return np.asarray(log_mean_NC + np.einsum("k,kno->no", share_K, level_KN1))


def combined(z_KNC: Logits, weights: Sequence[float], combine: Combine) -> Floats:
    """The ensemble's mean logits, or its mean probabilities, N×C.

    >>> apart = np.log([[[0.9, 0.1]], [[0.2, 0.8]]])
    >>> combined(apart, [1, 1], "probabilities").round(3).tolist()
    [[0.55, 0.45]]
    """
    share_K = np.asarray(weights, dtype=np.float64) / sum(weights)
    said_KNC = z_KNC if combine == "logits" else np.stack([soft_targets(z, 1.0) for z in z_KNC])
    mean_NC: Floats = np.einsum("k,knc->nc", share_K, said_KNC)
    return mean_NC
