"""Soft targets: what logits say at a temperature.

In float64 and in logarithms, since at a low T most soft targets are too small for anything else.
Shape suffixes: N images, C classes. All functions work along the last axis, so that one image's C
logits do as well as N×C.

Source: Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Logits = NDArray[np.floating[Any]]


def log_soft_targets(z_NC: Logits, temperature: float) -> Floats:
    """The logarithm of softmax(z / T), N×C.

    Raises:
        ValueError: T is not a positive number.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"T must be a positive number, not {temperature}")
    # A class's images lie side by side in memory, so that sums over the few classes are fast.
    x_NC: Floats = np.divide(z_NC, temperature, dtype=np.float64, order="F")
    x_NC -= x_NC.max(-1, keepdims=True)
    x_NC -= np.log(np.exp(x_NC).sum(-1, keepdims=True))
    return x_NC


def soft_targets(z_NC: Logits, temperature: float) -> Floats:
    """softmax(z / T), N×C.

    >>> soft_targets(np.log([1.0, 3.0]), 1).round(9).tolist()
    [0.25, 0.75]

    Raises:
        ValueError: T is not a positive number.
    """
    p_NC: Floats = np.exp(log_soft_targets(z_NC, temperature))
    return p_NC


def entropy(log_p_NC: Floats) -> Floats:
    """Entropy N of each row in nats: 0 where one class has everything, ln C where all are equal.

    Args:
        log_p_NC: logarithms of distributions.
    """
    h_N: Floats = -(np.exp(log_p_NC) * log_p_NC).sum(-1)
    return h_N


def divergence(log_p_NC: Floats, log_q_NC: Floats) -> Floats:
    """KL(p ‖ q) N of each row in nats, summed over the classes; no T².

    Args:
        log_p_NC: logarithms of the teacher's soft targets.
        log_q_NC: logarithms of the student's, at the same T.
    """
    kl_N: Floats = (np.exp(log_p_NC) * (log_p_NC - log_q_NC)).sum(-1)
    return np.maximum(kl_N, 0.0)  # rounding may leave -1e-17 where the two agree
