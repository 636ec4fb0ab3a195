"""Penultimate features in two dimensions: principal components, and whom to show.

t-SNE, which takes longer, is in :mod:`tsexplorer.analysis.tsne`. Shape suffixes: N images, F
features.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tsexplorer.analysis.class_matrix import Integers
from tsexplorer.analysis.soft_targets import Floats, Logits

TINY = 1e-300
"""Stands in for 0 where features that are all the same are divided by their spread."""


class Principal(NamedTuple):
    """The two directions in which features vary most.

    Attributes:
        points_N2: coordinates, in the features' own unit, centred.
        shares: of the features' variance, share of 1, that each of the two axes shows.
    """

    points_N2: Floats
    shares: tuple[float, float]


def principal_components(x_NF: Logits) -> Principal:
    """Project features onto their first two principal components.

    An axis may point either way. It is turned so that its largest loading is positive; the same
    features give the same picture each time.

    Args:
        x_NF: features; one column alone leaves the second axis at 0.
    """
    x_NF = np.asarray(x_NF, dtype=np.float64)
    x_NF = x_NF - x_NF.mean(0)
    # The SVD of F×F: ten times as fast as that of N×F, and two components do not need its last
    # digits.
    axes_FF, variances_F, _ = np.linalg.svd(x_NF.T @ x_NF, hermitian=True)
    axes_F2 = np.zeros((x_NF.shape[1], 2))
    axes_F2[:, : axes_FF.shape[1]] = axes_FF[:, :2]
    largest = axes_F2[np.abs(axes_F2).argmax(0), [0, 1]]
    axes_F2 *= np.where(largest < 0, -1.0, 1.0)
    shares_F = variances_F / max(variances_F.sum(), TINY)
    second = float(shares_F[1]) if len(shares_F) > 1 else 0.0
    return Principal(x_NF @ axes_F2, (float(shares_F[0]), second))


def sample(size: int, count: int, seed: int) -> Integers:
    """Places of ``count`` images drawn from a split of ``size``, in their order.

    The same for every net, so that teacher and student show the same images. All of them where
    there are no more.
    """
    if size <= count:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, count, replace=False))
