"""The distillation loss of one image: its two terms and their gradients, over T and lambda.

In the convention ``hinton``: L = λ · CE + (1 - λ) · T² · KL(soft teacher ‖ soft student). With
p = softmax(z_t / T) and q = softmax(z_s / T), the gradients on the student's logits are

    labels:     softmax(z_s) - onehot(y)
    soft:       (q - p) / T           without T²; falls as 1/T² for large T
    soft · T²:  T · (q - p)           tends to (centred z_s - centred z_t) / C

Source: Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 2 and its equations 2 to 4.
Shape suffixes: C classes, K temperatures, L lambdas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tsexplorer.analysis.soft_targets import (
    Floats,
    Logits,
    divergence,
    log_soft_targets,
    soft_targets,
)

MIN_T, MAX_T = 0.5, 50.0


@dataclass(frozen=True, eq=False)
class ImageLogits:
    """Inputs of the loss of one image.

    Attributes:
        z_s_C: student's logits.
        z_t_C: teacher's logits.
        label: true class.
    """

    z_s_C: Logits
    z_t_C: Logits
    label: int


@dataclass(frozen=True, eq=False)
class LossSurface:
    """The terms of one image's loss, all in nats.

    Attributes:
        temperatures_K: T.
        lambdas_L: lambda.
        labels: CE(y, softmax(z_s)), the same at every T.
        soft_K: KL at T, without T².
        scaled_K: T² · KL.
        total_LK: λ · labels + (1 - λ) · T² · KL.
    """

    temperatures_K: Floats
    lambdas_L: Floats
    labels: float
    soft_K: Floats
    scaled_K: Floats
    total_LK: Floats


@dataclass(frozen=True, eq=False)
class Gradients:
    """Derivatives by the student's logits at one T and lambda; each sums to 0.

    Attributes:
        labels_C: of CE(y, softmax(z_s)).
        soft_C: of KL at T, without T².
        scaled_C: of T² · KL.
        total_C: of the loss.
    """

    labels_C: Floats
    soft_C: Floats
    scaled_C: Floats
    total_C: Floats


@dataclass(frozen=True, eq=False)
class GradientNorms:
    """Euclidean norm of the soft term's gradient on the student's logits.

    Attributes:
        temperatures_K: T.
        soft_K: without T².
        scaled_K: with T².
        limit: limit of ``scaled_K`` as T grows.
    """

    temperatures_K: Floats
    soft_K: Floats
    scaled_K: Floats
    limit: float


def temperature_grid(count: int = 60) -> Floats:
    """Return ``count`` values of T from 0.5 to 50, evenly spaced on a logarithmic axis."""
    return np.geomspace(MIN_T, MAX_T, count)


def loss_surface(image: ImageLogits, temperatures_K: Floats, lambdas_L: Floats) -> LossSurface:
    """Return the terms of one image's loss over a grid of T and lambda."""
    labels = -float(log_soft_targets(image.z_s_C, 1.0)[image.label])
    # All temperatures at once: one row per T, with logits divided by it.
    log_p_KC = log_soft_targets(image.z_t_C / temperatures_K[:, None], 1.0)
    log_q_KC = log_soft_targets(image.z_s_C / temperatures_K[:, None], 1.0)
    soft_K = divergence(log_p_KC, log_q_KC)
    scaled_K = temperatures_K**2 * soft_K
    lambda_L1 = lambdas_L[:, None]
    total_LK = lambda_L1 * labels + (1 - lambda_L1) * scaled_K
    return LossSurface(temperatures_K, lambdas_L, labels, soft_K, scaled_K, total_LK)


def gradients(image: ImageLogits, temperature: float, lam: float) -> Gradients:
    """Return the gradients of the loss and of its terms at one T and lambda."""
    labels_C = soft_targets(image.z_s_C, 1.0)
    labels_C[image.label] -= 1
    q_C, p_C = (soft_targets(z_C, temperature) for z_C in (image.z_s_C, image.z_t_C))
    scaled_C = temperature * (q_C - p_C)
    return Gradients(
        labels_C=labels_C,
        soft_C=scaled_C / temperature**2,
        scaled_C=scaled_C,
        total_C=lam * labels_C + (1 - lam) * scaled_C,
    )


def gradient_norms(image: ImageLogits, temperatures_K: Floats) -> GradientNorms:
    """Return the norm of the soft term's gradient over T, and its limit with T²."""
    T_K1 = temperatures_K[:, None]
    q_KC, p_KC = (soft_targets(z_C / T_K1, 1.0) for z_C in (image.z_s_C, image.z_t_C))
    scaled_K = np.linalg.norm(T_K1 * (q_KC - p_KC), axis=1)
    difference_C = np.asarray(image.z_s_C, dtype=np.float64) - image.z_t_C
    limit = float(np.linalg.norm(difference_C - difference_C.mean()) / len(difference_C))
    return GradientNorms(temperatures_K, scaled_K / temperatures_K**2, scaled_K, limit)
