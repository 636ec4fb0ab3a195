"""Predictions: of one net for one image, and of an ensemble of teachers on a split.

Shape suffixes: K teachers, N images, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsexplorer.analysis.ranking import is_correct
from tsexplorer.analysis.soft_targets import (
    Floats,
    Integers,
    Logits,
    entropy,
    log_soft_targets,
    soft_targets,
)
from tsexplorer.specs import ROLES, Combine, Role

LOW_CONFIDENCE_QUANTILE = 0.01
"""Share of the validation images whose confidence is unusually low."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """One net's prediction for one image.

    Attributes:
        answer: predicted class: the one with the largest logit.
        confidence: its probability at T = 1.
        probabilities_C: softmax at T = 1.
        soft_targets_C: softmax at the experiment's T.
        entropy: of ``probabilities_C``, in nats.
    """

    answer: int
    confidence: float
    probabilities_C: Floats
    soft_targets_C: Floats
    entropy: float


def prediction_from_logits(z_C: Logits, temperature: float) -> Prediction:
    """Return the prediction for one image from its logits.

    >>> prediction = prediction_from_logits(np.log(np.array([1.0, 3.0])), 2.0)
    >>> prediction.answer, round(prediction.confidence, 6), round(prediction.entropy, 6)
    (1, 0.75, 0.562335)

    Raises:
        ValueError: T is not a positive number.
    """
    log_p_C = log_soft_targets(z_C, 1.0)
    answer = int(np.argmax(log_p_C))
    return Prediction(
        answer=answer,
        confidence=float(np.exp(log_p_C[answer])),
        probabilities_C=np.exp(log_p_C),
        soft_targets_C=np.exp(log_soft_targets(z_C, temperature)),
        entropy=float(entropy(log_p_C)),
    )


def all_agree(predictions: Mapping[Role, Prediction]) -> bool:
    """Return whether all nets predict the same class."""
    return len({prediction.answer for prediction in predictions.values()}) == 1


def low_confidence_threshold(z_NC: Logits) -> float:
    """Return the confidence at T = 1 that 99 % of the images exceed."""
    confidence_N = np.exp(log_soft_targets(z_NC, 1.0)).max(-1)
    return float(np.quantile(confidence_N, LOW_CONFIDENCE_QUANTILE))


def reference_role(predictions: Mapping[Role, Prediction]) -> Role:
    """Return the net whose confidence shows whether an image is like the data.

    The teacher, if it is present; otherwise the first of :data:`ROLES` that is.
    """
    return next(role for role in ROLES if role in predictions)


class EnsembleScores(NamedTuple):
    """Scores of several teachers and of their ensemble on a split.

    Attributes:
        accuracies_K: accuracy of each teacher, share of 1.
        agreement_KK: share of the images for which two teachers predict the same class.
        accuracy: accuracy of the ensemble, share of 1.
        size: number of images.
    """

    accuracies_K: Floats
    agreement_KK: Floats
    accuracy: float
    size: int


def score_ensemble(
    logits: Sequence[Logits], labels_N: Integers, weights: Sequence[float], combine: Combine
) -> EnsembleScores:
    """Return the scores of teachers alone, in pairs, and as an ensemble.

    Args:
        logits: N×C of each teacher.
        labels_N: true classes.
        weights: weight of each teacher; need not sum to 1.
        combine: whether logits or probabilities are averaged.
    """
    z_KNC = np.stack(logits)
    answers_KN = z_KNC.argmax(-1)
    ensemble_NC = combine_outputs(z_KNC, weights, combine)
    return EnsembleScores(
        accuracies_K=np.array([is_correct(z_NC, labels_N).mean() for z_NC in z_KNC]),
        agreement_KK=(answers_KN[:, None] == answers_KN[None]).mean(-1),
        accuracy=float(is_correct(ensemble_NC, labels_N).mean()),
        size=len(labels_N),
    )


def ensemble_logits(z_KNC: Logits, weights: Sequence[float], combine: Combine) -> Floats:
    """Return logits N×C of the ensemble, as its student learns from them.

    For averaged probabilities: their logarithms, shifted to the level of the teachers' own logits.
    The softmax at T = 1 is the mean of the teachers' softmaxes.

    >>> z_KNC = np.log([[[0.9, 0.1]], [[0.2, 0.8]]])
    >>> np.exp(ensemble_logits(z_KNC, [1, 1], "probabilities")).round(3).tolist()
    [[0.55, 0.45]]
    """
    from scipy.special import logsumexp

    if combine == "logits":
        return combine_outputs(z_KNC, weights, combine)
    share_K = np.asarray(weights, dtype=np.float64) / sum(weights)
    level_KN1 = logsumexp(z_KNC, axis=-1, keepdims=True)
    # Not the logarithm of the mean: a class that all teachers rule out would become -inf.
    log_mean_NC = logsumexp(z_KNC - level_KN1, axis=0, b=share_K[:, None, None])
    return np.asarray(log_mean_NC + np.einsum("k,kno->no", share_K, level_KN1))


def combine_outputs(z_KNC: Logits, weights: Sequence[float], combine: Combine) -> Floats:
    """Return the ensemble's mean logits, or its mean probabilities, N×C.

    >>> z_KNC = np.log([[[0.9, 0.1]], [[0.2, 0.8]]])
    >>> combine_outputs(z_KNC, [1, 1], "probabilities").round(3).tolist()
    [[0.55, 0.45]]
    """
    share_K = np.asarray(weights, dtype=np.float64) / sum(weights)
    outputs_KNC = z_KNC if combine == "logits" else np.stack([soft_targets(z, 1.0) for z in z_KNC])
    mean_NC: Floats = np.einsum("k,knc->nc", share_K, outputs_KNC)
    return mean_NC
