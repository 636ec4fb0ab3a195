"""Two-dimensional layouts of soft targets and features: PCA and t-SNE, computed in background.

Shape suffixes: N images, B images of a block, F features.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsexplorer.analysis.soft_targets import Floats, Integers, Logits

log = logging.getLogger(__name__)

Floats32 = NDArray[np.float32]

MIN_IMAGES, MAX_IMAGES = 10, 2000
BLOCK_ROWS = 100
"""Rows per block: small enough for the CPU cache, which makes a step twice as fast."""
BISECTION_STEPS = 50
EXAGGERATION = 12.0
EXAGGERATED_STEPS = 250
STEPS = 750
REPORT_INTERVAL = 10
INITIAL_MOMENTUM, FINAL_MOMENTUM = 0.5, 0.8
MIN_LEARNING_RATE = 50.0
TINY = 1e-300
"""Avoids a division by 0 if all features are equal."""


class LayoutStep(NamedTuple):
    """An intermediate or final layout.

    Attributes:
        share: completed share of the work, 0 to 1; 1 for the final layout.
        points_N2: coordinates; their unit, their orientation and the distances between far points
            have no meaning.
    """

    share: float
    points_N2: Floats32


def tsne(
    x_NF: Logits, seed: int = 0, perplexity: float = 30.0, steps: int = STEPS
) -> Iterator[LayoutStep]:
    """Lay out images by t-SNE, so that images with similar features are neighbours.

    A generator: the caller can stop it by not iterating further. It yields every few tens of
    milliseconds. The same features and seed give the same final layout.

    Source: van der Maaten and Hinton 2008, JMLR 9:2579-2605.

    Args:
        x_NF: features of 10 to 2,000 images.
        seed: of the small shifts that separate images with equal features.
        perplexity: effective number of neighbours of an image; reduced if there are few images.
        steps: of gradient descent.

    Raises:
        ValueError: there are too few or too many images.
    """
    size = len(x_NF)
    if not MIN_IMAGES <= size <= MAX_IMAGES:
        raise ValueError(f"t-SNE takes {MIN_IMAGES} to {MAX_IMAGES:,} images, not {size:,}")
    y_N2 = _initial_points(x_NF, seed)
    p_NN = np.empty((size, size), dtype=np.float32)
    blocks = list(range(0, size, BLOCK_ROWS))
    work = len(blocks) + steps / REPORT_INTERVAL
    distances_NN = squared_distances(np.asarray(x_NF, dtype=np.float64))
    for done, first in enumerate(blocks):
        yield LayoutStep(done / work, y_N2)
        p_NN[first : first + BLOCK_ROWS] = neighbour_probabilities(
            distances_NN[first : first + BLOCK_ROWS], first, min(perplexity, (size - 1) / 3)
        )
    p_NN += p_NN.T
    p_NN /= p_NN.sum()
    descent = TsneDescent(p_NN, y_N2)
    for step in range(1, steps + 1):
        descent.step(exaggerated=step <= EXAGGERATED_STEPS)
        if step % REPORT_INTERVAL == 0 and step < steps:
            share = (len(blocks) + step / REPORT_INTERVAL) / work
            yield LayoutStep(share, descent.y_N2.copy())
    yield LayoutStep(1.0, descent.y_N2)


def _initial_points(x_NF: Logits, seed: int) -> Floats32:
    """Return the principal components, scaled down so that all images are neighbours."""
    y_N2 = principal_components(x_NF).points_N2
    y_N2 /= max(float(y_N2[:, 0].std()), TINY)
    y_N2 += np.random.default_rng(seed).normal(scale=0.01, size=y_N2.shape)
    return (1e-4 * y_N2).astype(np.float32)


def squared_distances(x_NF: Floats) -> Floats:
    """Return the squared Euclidean distances N×N between rows."""
    x_NF = x_NF - x_NF.mean(0)
    squares_N = (x_NF**2).sum(1)
    d_NN = squares_N[:, None] + squares_N - 2 * x_NF @ x_NF.T
    return np.asarray(np.maximum(d_NN, 0.0))


def neighbour_probabilities(d_BN: Floats, first: int, perplexity: float) -> Floats:
    """Return p(j | i), B×N, for the images i = first, first + 1, ...

    Each row is a Gaussian with the given perplexity. The entropy of a row falls as its Gaussian
    gets narrower, so bisection finds the width, on a logarithmic scale around the row's mean
    distance.

    Args:
        d_BN: squared distances; overwritten.
        first: index of the first image of the block.
        perplexity: effective number of neighbours.
    """
    rows = np.arange(len(d_BN))
    d_BN[rows, first + rows] = np.inf
    others = d_BN.shape[1] - 1
    nearest_B1 = d_BN.min(1, keepdims=True)
    d_BN = d_BN - nearest_B1  # avoids underflow; the normalisation cancels it
    scale_B1 = np.where(np.isinf(d_BN), 0.0, d_BN).sum(1, keepdims=True) / others
    scale_B1 = np.maximum(scale_B1, np.finfo(np.float64).tiny)
    low_B1, high_B1 = np.full_like(scale_B1, -20.0), np.full_like(scale_B1, 20.0)
    d_BN /= scale_B1
    for _ in range(BISECTION_STEPS):
        middle_B1 = (low_B1 + high_B1) / 2
        p_BN = np.exp(-np.exp(middle_B1) * d_BN)
        p_BN /= p_BN.sum(1, keepdims=True)
        too_wide_B1 = _entropy(p_BN) > math.log(perplexity)
        low_B1 = np.where(too_wide_B1, middle_B1, low_B1)
        high_B1 = np.where(too_wide_B1, high_B1, middle_B1)
    return np.asarray(p_BN)


def _entropy(p_BN: Floats) -> Floats:
    logs_BN = np.log(p_BN, out=np.zeros_like(p_BN), where=p_BN > 0)
    return np.asarray(-(p_BN * logs_BN).sum(1, keepdims=True))


class TsneDescent:
    """Gradient descent of t-SNE, with momentum and a gain per coordinate.

    Attributes:
        y_N2: current coordinates.
    """

    def __init__(self, p_NN: Floats32, y_N2: Floats32) -> None:
        self.y_N2 = y_N2.copy()
        self._p_NN = p_NN
        self._velocity_N2 = np.zeros_like(y_N2)
        self._gains_N2 = np.ones_like(y_N2)
        self._learning_rate = max(len(y_N2) / EXAGGERATION / 4, MIN_LEARNING_RATE)
        self._kernel_BN = np.empty((BLOCK_ROWS, len(y_N2)), dtype=np.float32)
        self._attraction_BN = np.empty_like(self._kernel_BN)

    def step(self, *, exaggerated: bool) -> None:
        """Move all points by one step of gradient descent."""
        gradient_N2 = self.gradient(EXAGGERATION if exaggerated else 1.0)
        same_direction_N2 = gradient_N2 * self._velocity_N2 < 0
        self._gains_N2 = np.where(same_direction_N2, self._gains_N2 + 0.2, self._gains_N2 * 0.8)
        np.maximum(self._gains_N2, 0.01, out=self._gains_N2)
        self._velocity_N2 *= INITIAL_MOMENTUM if exaggerated else FINAL_MOMENTUM
        self._velocity_N2 -= self._learning_rate * self._gains_N2 * gradient_N2
        self.y_N2 += self._velocity_N2
        self.y_N2 -= self.y_N2.mean(0)  # keeps the squares in gradient() small and exact

    def gradient(self, exaggeration: float) -> Floats32:
        """Return the gradient N×2 of KL(p ‖ q).

        4 Σ_j (p_ij - k_ij / Z) k_ij (y_i - y_j) with k = 1 / (1 + distance²) and Z = Σ k. One pass
        over the rows is enough: both sums over j of a block come from one product with [y, 1], and
        the division by Z comes at the end.

        Args:
            exaggeration: factor of p.
        """
        y_N2, size = self.y_N2, len(self.y_N2)
        ones_N1 = np.ones((size, 1), dtype=np.float32)
        squares_N1 = (y_N2**2).sum(1, keepdims=True)
        left_N4 = np.hstack([-2 * y_N2, ones_N1, squares_N1 + 1])
        right_4N = np.ascontiguousarray(np.hstack([y_N2, squares_N1, ones_N1]).T)
        y1_N3 = np.hstack([y_N2, ones_N1])
        attraction_N3, repulsion_N3 = np.empty_like(y1_N3), np.empty_like(y1_N3)
        total = -float(size)  # the products contain k = 1 of each point with itself
        for first in range(0, size, BLOCK_ROWS):
            rows = slice(first, first + BLOCK_ROWS)
            kernel_BN = self._kernel_BN[: min(BLOCK_ROWS, size - first)]
            attraction_BN = self._attraction_BN[: len(kernel_BN)]
            np.matmul(left_N4[rows], right_4N, out=kernel_BN)
            np.reciprocal(kernel_BN, out=kernel_BN)
            total += float(kernel_BN.sum())
            np.multiply(self._p_NN[rows], kernel_BN, out=attraction_BN)
            np.matmul(attraction_BN, y1_N3, out=attraction_N3[rows])
            np.multiply(kernel_BN, kernel_BN, out=kernel_BN)
            np.matmul(kernel_BN, y1_N3, out=repulsion_N3[rows])
        force_N3 = exaggeration * attraction_N3 - repulsion_N3 / np.float32(total)
        return np.asarray(4 * (force_N3[:, 2:] * y_N2 - force_N3[:, :2]), dtype=np.float32)


class PrincipalComponents(NamedTuple):
    """Projection of features onto the two directions of largest variance.

    Attributes:
        points_N2: coordinates, in the features' own unit, centred.
        variance_shares: share of the features' variance, of 1, along each of the two axes.
    """

    points_N2: Floats
    variance_shares: tuple[float, float]


def principal_components(x_NF: Logits) -> PrincipalComponents:
    """Project features onto their first two principal components.

    The sign of an axis is arbitrary; it is chosen so that the largest loading is positive, and the
    same features always give the same points.

    Args:
        x_NF: features; with a single column, the second coordinate is 0.
    """
    x_NF = np.asarray(x_NF, dtype=np.float64)
    x_NF = x_NF - x_NF.mean(0)
    # The SVD of F×F is ten times as fast as that of N×F, and accurate enough for two components.
    axes_FF, variances_F, _ = np.linalg.svd(x_NF.T @ x_NF, hermitian=True)
    axes_F2 = np.zeros((x_NF.shape[1], 2))
    axes_F2[:, : axes_FF.shape[1]] = axes_FF[:, :2]
    largest = axes_F2[np.abs(axes_F2).argmax(0), [0, 1]]
    axes_F2 *= np.where(largest < 0, -1.0, 1.0)
    shares_F = variances_F / max(variances_F.sum(), TINY)
    second = float(shares_F[1]) if len(shares_F) > 1 else 0.0
    return PrincipalComponents(x_NF @ axes_F2, (float(shares_F[0]), second))


def sample_indices(size: int, count: int, seed: int) -> Integers:
    """Return the sorted indices of ``count`` images drawn from a split of ``size``.

    The same for every net, so that teacher and student show the same images. All indices if the
    split has at most ``count`` images.
    """
    if size <= count:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, count, replace=False))


Status = Literal["waiting", "running", "done", "cancelled", "failed"]
METHODS: dict[str, Callable[[Logits, int], Iterator[LayoutStep]]] = {"tsne": tsne}
"""Each takes features N×F and a seed; its last step is the final layout."""
KEPT_LAYOUTS = 16
"""Finished layouts in memory: 8 kB each for 1,000 images."""


class LayoutKey(NamedTuple):
    """Everything that a layout depends on.

    Attributes:
        answers: key of the net's answers: its stage, its weights, the images.
        method: key of :data:`METHODS`.
        sample: number of images.
        seed: of the sample and of the method.
    """

    answers: str
    method: str
    sample: int
    seed: int


@dataclass(frozen=True, eq=False)
class Layout:
    """State of a layout.

    Attributes:
        status: ``waiting`` for another layout, ``running``, or how it ended.
        share: completed share of the work, 0 to 1.
        points_N2: coordinates, once it is done.
        sentence: reason of a failure.
    """

    status: Status
    share: float = 0.0
    points_N2: Floats32 | None = None
    sentence: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("waiting", "running")


class LayoutRunner:
    """Computes layouts in background threads, one at a time. Thread-safe."""

    def __init__(self, kept: int = KEPT_LAYOUTS) -> None:
        self._kept = kept
        self._layouts: OrderedDict[LayoutKey, Layout] = OrderedDict()
        self._cancel_events: dict[LayoutKey, threading.Event] = {}
        self._lock = threading.Lock()
        self._running_lock = threading.Lock()

    def state(self, key: LayoutKey) -> Layout | None:
        """Return the state of a layout; None if it was never started or is no longer kept."""
        with self._lock:
            layout = self._layouts.get(key)
            if layout is not None:
                self._layouts.move_to_end(key)
            return layout

    def start(self, key: LayoutKey, x_NF: Logits) -> None:
        """Start a layout, unless it is done or active.

        Args:
            key: key of the layout.
            x_NF: the features that belong to the key.
        """
        with self._lock:
            layout = self._layouts.get(key)
            if layout is not None and (layout.is_active or layout.status == "done"):
                return
            cancel = self._cancel_events[key] = threading.Event()
            self._store(key, Layout("waiting"))
        threading.Thread(
            target=self._run, args=(key, x_NF, cancel), name=f"layout-{key.method}", daemon=True
        ).start()

    def cancel(self, key: LayoutKey) -> None:
        """Cancel a layout that is active; it can be started again at once."""
        with self._lock:
            layout = self._layouts.get(key)
            if layout is not None and layout.is_active:
                self._cancel_events.pop(key).set()
                self._store(key, Layout("cancelled"))

    def cancel_all(self) -> None:
        """Cancel all active layouts."""
        with self._lock:
            keys = list(self._cancel_events)
        for key in keys:
            self.cancel(key)

    def _run(self, key: LayoutKey, x_NF: Logits, cancel: threading.Event) -> None:
        try:
            with self._running_lock:
                layout = self._compute(key, x_NF, cancel)
        except Exception as error:
            log.exception("layout %s failed", key)
            name = type(error).__name__
            layout = Layout("failed", sentence=f"The layout met an unexpected error ({name}).")
        with self._lock:
            if not cancel.is_set():
                self._cancel_events.pop(key)
                self._store(key, layout)

    def _compute(self, key: LayoutKey, x_NF: Logits, cancel: threading.Event) -> Layout:
        points_N2 = None
        for share, points_N2 in METHODS[key.method](x_NF, key.seed):  # noqa: B007 - the last counts
            with self._lock:
                if cancel.is_set():
                    break
                self._store(key, Layout("running", share))
        return Layout("done", 1.0, points_N2)

    def _store(self, key: LayoutKey, layout: Layout) -> None:
        self._layouts[key] = layout
        self._layouts.move_to_end(key)
        ended = [key for key, layout in self._layouts.items() if not layout.is_active]
        for old in ended[: max(0, len(ended) - self._kept)]:
            del self._layouts[old]
