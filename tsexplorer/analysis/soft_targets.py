"""Soft targets: softmax of logits at a temperature, and their mean by true class.

Computed in float64 and as logarithms, because at a low T most soft targets are too small for
anything else. :func:`log_soft_targets` to :func:`divergence` work along the last axis, so they take
the C logits of one image as well as N×C.

Source: Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 2.

Shape suffixes: N images, K some of these images, C classes (rows: true class; columns: class that
gets the soft target).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Logits = NDArray[np.floating[Any]]


def log_soft_targets(z_NC: Logits, temperature: float) -> Floats:
    """Return the logarithm of softmax(z / T), N×C.

    Raises:
        ValueError: T is not a positive number.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"T must be a positive number, not {temperature}")
    # Column-major: sums over the few classes then run over contiguous memory.
    x_NC: Floats = np.divide(z_NC, temperature, dtype=np.float64, order="F")
    x_NC -= x_NC.max(-1, keepdims=True)
    x_NC -= np.log(np.exp(x_NC).sum(-1, keepdims=True))
    return x_NC


def soft_targets(z_NC: Logits, temperature: float) -> Floats:
    """Return softmax(z / T), N×C.

    >>> soft_targets(np.log([1.0, 3.0]), 1).round(9).tolist()
    [0.25, 0.75]

    Raises:
        ValueError: T is not a positive number.
    """
    p_NC: Floats = np.exp(log_soft_targets(z_NC, temperature))
    return p_NC


def entropy(log_p_NC: Floats) -> Floats:
    """Return the entropy N of each row in nats: from 0 (one class only) to ln C (all equal).

    Args:
        log_p_NC: logarithms of distributions.
    """
    h_N: Floats = -(np.exp(log_p_NC) * log_p_NC).sum(-1)
    return h_N


def divergence(log_p_NC: Floats, log_q_NC: Floats) -> Floats:
    """Return KL(p ‖ q) N of each row in nats, summed over the classes, without the factor T².

    Args:
        log_p_NC: logarithms of the teacher's soft targets.
        log_q_NC: logarithms of the student's, at the same T.
    """
    kl_N: Floats = (np.exp(log_p_NC) * (log_p_NC - log_q_NC)).sum(-1)
    return np.maximum(kl_N, 0.0)  # rounding can give -1e-17 for equal distributions


class MatrixCell(NamedTuple):
    """A cell of a class matrix: class numbers, independent of the order of rows on the screen."""

    row: int
    column: int


@dataclass(frozen=True, eq=False)
class ClassMatrix:
    """Mean soft targets by true class, or the difference of two such matrices.

    Attributes:
        values_CC: row r is the mean over the images of class r, as a share of 1; NaN in the row
            of a class without images, and on a hidden diagonal.
        counts_C: number of images of each class.
        temperature: T of the soft targets.
    """

    values_CC: Floats
    counts_C: Integers
    temperature: float


def class_matrix(z_NC: Logits, labels_N: Integers, temperature: float) -> ClassMatrix:
    """Return the mean soft targets at T by true class.

    Args:
        z_NC: a net's logits.
        labels_N: true classes, 0 to C - 1.
        temperature: T.
    """
    p_NC = soft_targets(z_NC, temperature)
    classes = p_NC.shape[1]
    member_CN = (labels_N == np.arange(classes)[:, None]).astype(np.float64)
    counts_C = np.bincount(labels_N, minlength=classes)
    values_CC = np.full((classes, classes), np.nan)
    np.divide(member_CN @ p_NC, counts_C[:, None], out=values_CC, where=counts_C[:, None] > 0)
    return ClassMatrix(values_CC, counts_C, temperature)


def without_diagonal(matrix: ClassMatrix) -> ClassMatrix:
    """Return the matrix with its diagonal hidden (NaN).

    The other values are *not* rescaled, so a cell means the same with and without the diagonal, and
    a row still shows how sure the net is of the class. To make the pattern visible, the colour
    scale should end at the largest remaining value.
    """
    values_CC = matrix.values_CC.copy()
    np.fill_diagonal(values_CC, np.nan)
    return replace(matrix, values_CC=values_CC)


def difference(matrix: ClassMatrix, other: ClassMatrix) -> ClassMatrix:
    """Return ``matrix`` minus ``other``, -1 to 1.

    For teacher minus student: positive where the teacher's soft target is larger.

    Raises:
        ValueError: the two matrices are not of the same images at the same T.
    """
    if matrix.temperature != other.temperature or not np.array_equal(
        matrix.counts_C, other.counts_C
    ):
        raise ValueError("only matrices of the same images at the same T can be compared")
    return replace(matrix, values_CC=matrix.values_CC - other.values_CC)


def similarity_order(matrix: ClassMatrix) -> tuple[int, ...]:
    """Return the class numbers in an order that puts similar classes next to each other.

    The similarity of two classes is the mean of the soft targets that each gives the other. Classes
    are clustered by average linkage, with optimal leaf ordering (Bar-Joseph et al. 2001). An order
    and its reverse are equivalent; the one that starts with the lower class is returned.

    Args:
        matrix: with or without its diagonal.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage

    classes = len(matrix.counts_C)
    if classes < 3:
        return tuple(range(classes))
    similarity_CC = np.nan_to_num(matrix.values_CC)
    similarity_CC = (similarity_CC + similarity_CC.T) / 2
    pairs = similarity_CC[np.triu_indices(classes, 1)]
    distances = 1 - pairs / max(pairs.max(), np.finfo(np.float64).tiny)
    order = leaves_list(linkage(distances, "average", optimal_ordering=True)).tolist()
    return tuple(order if order[0] < order[-1] else reversed(order))


def images_of_cell(
    z_NC: Logits, labels_N: Integers, cell: MatrixCell, temperature: float
) -> Integers:
    """Return the images K of a cell's true class, largest soft target for its column first.

    Returns:
        indices in the split; images with the same soft target keep their order.
    """
    images_K = np.flatnonzero(labels_N == cell.row)
    target_K = soft_targets(z_NC[images_K], temperature)[:, cell.column]
    return images_K[np.argsort(-target_K, kind="stable")]
