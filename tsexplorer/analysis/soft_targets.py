"""Soft targets: what logits say at a temperature.

In float64 and in logarithms, since at a low T most soft targets are too small for anything else.
Shape suffixes: N images, C classes. All functions work along the last axis, so that one image's C
logits do as well as N×C.

Source: Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 2.

What the classes look like to a net: its mean soft targets by true class.

Shape suffixes: N images, C classes (rows: true class; columns: class that gets the soft target).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

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


Integers = NDArray[np.int64]


class Cell(NamedTuple):
    """A place in the matrix, as class numbers whatever the order of the rows on the screen."""

    row: int
    column: int


@dataclass(frozen=True, eq=False)
class ClassMatrix:
    """Mean soft targets by true class, or the difference of two such matrices.

    Attributes:
        values_CC: row r is the mean over the images of class r, as a share of 1; NaN in the row
            of a class without images, and on a diagonal that is hidden.
        counts_C: images of each class.
        temperature: T of the soft targets.
    """

    values_CC: Floats
    counts_C: Integers
    temperature: float


def class_matrix(z_NC: Logits, labels_N: Integers, temperature: float) -> ClassMatrix:
    """Mean soft targets at T by true class.

    Args:
        z_NC: a net's logits.
        labels_N: true classes, 0...C - 1.
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
    """The matrix with its diagonal hidden (NaN).

    The other values stay as they are: a row is *not* scaled up to sum to 1 again. So a cell says
    the same with the diagonal and without, and that a net is sure of a class can still be seen in
    its row. For the pattern to be seen, the colours should end at the largest value left.
    """
    values_CC = matrix.values_CC.copy()
    np.fill_diagonal(values_CC, np.nan)
    return replace(matrix, values_CC=values_CC)


def difference(one: ClassMatrix, other: ClassMatrix) -> ClassMatrix:
    """``one`` less ``other``, -1...1; teacher less student: positive where the teacher gives more.

    Raises:
        ValueError: the two are not of the same images at the same T.
    """
    if one.temperature != other.temperature or not np.array_equal(one.counts_C, other.counts_C):
        raise ValueError("only matrices of the same images at the same T can be compared")
    return replace(one, values_CC=one.values_CC - other.values_CC)


def similarity_order(matrix: ClassMatrix) -> tuple[int, ...]:
    """Class numbers in an order in which classes that the net takes for each other are neighbours.

    How alike two classes are is the mean of what each gives the other. They are clustered by
    average linkage, and the tree's branches are turned so that neighbours are as alike as they
    can be (optimal leaf ordering, Bar-Joseph et al. 2001). Of an order and its reverse, which say
    the same, the one with the lower class first is taken.

    Args:
        matrix: with its diagonal or without.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage

    classes = len(matrix.counts_C)
    if classes < 3:
        return tuple(range(classes))
    alike_CC = np.nan_to_num(matrix.values_CC)
    alike_CC = (alike_CC + alike_CC.T) / 2
    pairs = alike_CC[np.triu_indices(classes, 1)]
    distances = 1 - pairs / max(pairs.max(), np.finfo(np.float64).tiny)
    order = leaves_list(linkage(distances, "average", optimal_ordering=True)).tolist()
    return tuple(order if order[0] < order[-1] else reversed(order))


def images_behind(z_NC: Logits, labels_N: Integers, cell: Cell, temperature: float) -> Integers:
    """The images of a cell's true class, by their soft target for its other class, largest first.

    Returns:
        places in the split; images with the same soft target stay in their order.
    """
    own_K = np.flatnonzero(labels_N == cell.row)
    target_K = soft_targets(z_NC[own_K], temperature)[:, cell.column]
    return own_K[np.argsort(-target_K, kind="stable")]
