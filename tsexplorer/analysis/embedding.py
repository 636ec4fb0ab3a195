"""Two-dimensional layouts of soft targets and features: PCA and t-SNE."""

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

Singles = NDArray[np.float32]

FEWEST, MOST = 10, 2000
BLOCK = 100
"""Rows at a time: few enough for a core's cache, which makes a step twice as fast."""
HALVINGS = 50
EXAGGERATION = 12.0
EXAGGERATED_STEPS = 250
STEPS = 750
EVERY = 10
MOMENTUM_AT_FIRST, MOMENTUM = 0.5, 0.8
SMALLEST_STEP = 50.0


class Sight(NamedTuple):
    """What there is to see so far.

    Attributes:
        share: of the work that is done, 0...1; 1 with the last.
        points_N2: coordinates; their unit, their orientation and the distances between far points
            mean nothing.
    """

    share: float
    points_N2: Singles


def tsne(
    x_NF: Logits, seed: int = 0, perplexity: float = 30.0, steps: int = STEPS
) -> Iterator[Sight]:
    """Lay images out so that those with like features are neighbours.

    A generator: to give up, stop asking. Each sight comes some tens of milliseconds after the last.
    The same features and seed end in the same picture.

    Args:
        x_NF: features of 10 to 2,000 images.
        seed: of the tiny shifts that part images with the same features.
        perplexity: how many neighbours an image has, roughly; fewer where there are few images.
        steps: of the descent.

    Raises:
        ValueError: there are too few or too many images.
    """
    size = len(x_NF)
    if not FEWEST <= size <= MOST:
        raise ValueError(f"t-SNE takes {FEWEST} to {MOST:,} images, not {size:,}")
    y_N2 = _start(x_NF, seed)
    p_NN = np.empty((size, size), dtype=np.float32)
    blocks = list(range(0, size, BLOCK))
    work = len(blocks) + steps / EVERY
    squares_NN = _squared_distances(np.asarray(x_NF, dtype=np.float64))
    for done, first in enumerate(blocks):
        yield Sight(done / work, y_N2)
        p_NN[first : first + BLOCK] = _neighbours(
            squares_NN[first : first + BLOCK], first, min(perplexity, (size - 1) / 3)
        )
    p_NN += p_NN.T
    p_NN /= p_NN.sum()
    descent = _Descent(p_NN, y_N2)
    for step in range(1, steps + 1):
        descent.step(exaggerated=step <= EXAGGERATED_STEPS)
        if step % EVERY == 0 and step < steps:
            yield Sight((len(blocks) + step / EVERY) / work, descent.y_N2.copy())
    yield Sight(1.0, descent.y_N2)


def _start(x_NF: Logits, seed: int) -> Singles:
    """Principal components, shrunk until all images are each other's neighbours."""
    y_N2 = principal_components(x_NF).points_N2
    y_N2 /= max(float(y_N2[:, 0].std()), TINY)
    y_N2 += np.random.default_rng(seed).normal(scale=0.01, size=y_N2.shape)
    return (1e-4 * y_N2).astype(np.float32)


def _squared_distances(x_NF: NDArray[np.float64]) -> NDArray[np.float64]:
    x_NF = x_NF - x_NF.mean(0)
    squares_N = (x_NF**2).sum(1)
    d_NN = squares_N[:, None] + squares_N - 2 * x_NF @ x_NF.T
    return np.asarray(np.maximum(d_NN, 0.0))


def _neighbours(d_BN: NDArray[np.float64], first: int, perplexity: float) -> NDArray[np.float64]:
    """p(j | i) of the rows i = first, first + 1, ...: Gaussians, as wide as the perplexity asks.

    The entropy of a row falls as its Gaussian narrows, so the width is found by halving an
    interval, on a logarithmic scale around the row's mean distance.
    """
    rows = np.arange(len(d_BN))
    d_BN[rows, first + rows] = np.inf
    others = d_BN.shape[1] - 1
    nearest_B1 = d_BN.min(1, keepdims=True)
    d_BN = d_BN - nearest_B1  # a factor that each row is divided by anyway, and no underflow
    scale_B1 = np.where(np.isinf(d_BN), 0.0, d_BN).sum(1, keepdims=True) / others
    scale_B1 = np.maximum(scale_B1, np.finfo(np.float64).tiny)
    low_B1, high_B1 = np.full_like(scale_B1, -20.0), np.full_like(scale_B1, 20.0)
    d_BN /= scale_B1
    for _ in range(HALVINGS):
        middle_B1 = (low_B1 + high_B1) / 2
        p_BN = np.exp(-np.exp(middle_B1) * d_BN)
        p_BN /= p_BN.sum(1, keepdims=True)
        wide_B1 = _entropy(p_BN) > math.log(perplexity)
        low_B1 = np.where(wide_B1, middle_B1, low_B1)
        high_B1 = np.where(wide_B1, high_B1, middle_B1)
    return np.asarray(p_BN)


def _entropy(p_BN: NDArray[np.float64]) -> NDArray[np.float64]:
    logs_BN = np.log(p_BN, out=np.zeros_like(p_BN), where=p_BN > 0)
    return np.asarray(-(p_BN * logs_BN).sum(1, keepdims=True))


class _Descent:
    """Moves points until their neighbours are those that ``p_NN`` asks for."""

    def __init__(self, p_NN: Singles, y_N2: Singles) -> None:
        self.y_N2 = y_N2.copy()
        self._p_NN = p_NN
        self._speed_N2 = np.zeros_like(y_N2)
        self._gains_N2 = np.ones_like(y_N2)
        self._step = max(len(y_N2) / EXAGGERATION / 4, SMALLEST_STEP)
        self._near_BN = np.empty((BLOCK, len(y_N2)), dtype=np.float32)
        self._pull_BN = np.empty_like(self._near_BN)

    def step(self, *, exaggerated: bool) -> None:
        gradient_N2 = self.gradient(EXAGGERATION if exaggerated else 1.0)
        against_N2 = gradient_N2 * self._speed_N2 < 0
        self._gains_N2 = np.where(against_N2, self._gains_N2 + 0.2, self._gains_N2 * 0.8)
        np.maximum(self._gains_N2, 0.01, out=self._gains_N2)
        self._speed_N2 *= MOMENTUM_AT_FIRST if exaggerated else MOMENTUM
        self._speed_N2 -= self._step * self._gains_N2 * gradient_N2
        self.y_N2 += self._speed_N2
        self.y_N2 -= self.y_N2.mean(0)  # keeps the squares in gradient() small, and so exact

    def gradient(self, exaggeration: float) -> Singles:
        """Of KL(p ‖ q), N×2: 4 Σ_j (p_ij - k_ij / Z) k_ij (y_i - y_j), k = 1 / (1 + distance²).

        Both sums over j of a block come from one product with [y, 1], and Z, the sum of all k, is
        divided by at the end: so one pass over the rows does it.
        """
        y_N2, size = self.y_N2, len(self.y_N2)
        one_N1 = np.ones((size, 1), dtype=np.float32)
        squares_N1 = (y_N2**2).sum(1, keepdims=True)
        left_N4 = np.hstack([-2 * y_N2, one_N1, squares_N1 + 1])
        right_4N = np.ascontiguousarray(np.hstack([y_N2, squares_N1, one_N1]).T)
        y1_N3 = np.hstack([y_N2, one_N1])
        pull_N3, push_N3 = np.empty_like(y1_N3), np.empty_like(y1_N3)
        total = -float(size)  # each point is its own neighbour in the products, with k = 1
        for first in range(0, size, BLOCK):
            rows = slice(first, first + BLOCK)
            near_BN = self._near_BN[: min(BLOCK, size - first)]
            pull_BN = self._pull_BN[: len(near_BN)]
            np.matmul(left_N4[rows], right_4N, out=near_BN)
            np.reciprocal(near_BN, out=near_BN)
            total += float(near_BN.sum())
            np.multiply(self._p_NN[rows], near_BN, out=pull_BN)
            np.matmul(pull_BN, y1_N3, out=pull_N3[rows])
            np.multiply(near_BN, near_BN, out=near_BN)
            np.matmul(near_BN, y1_N3, out=push_N3[rows])
        force_N3 = exaggeration * pull_N3 - push_N3 / np.float32(total)
        return np.asarray(4 * (force_N3[:, 2:] * y_N2 - force_N3[:, :2]), dtype=np.float32)


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


Status = Literal["waiting", "running", "done", "cancelled", "failed"]
METHODS: dict[str, Callable[[Logits, int], Iterator[Sight]]] = {"tsne": tsne}
"""Each takes features N×F and a seed, and tells how far it is; the last sight is the layout."""
KEPT = 16
"""How many layouts that have come to an end are remembered: for 1,000 images 8 kB each."""


class LayoutKey(NamedTuple):
    """What decides a layout.

    Attributes:
        answers: key of the net's answers: its stage, its weights, the images.
        method: one of :data:`METHODS`.
        sample: how many of the images.
        seed: of the sample and of the method.
    """

    answers: str
    method: str
    sample: int
    seed: int


@dataclass(frozen=True, eq=False)
class Layout:
    """Where one layout stands.

    Attributes:
        status: ``waiting`` for its turn, ``running``, or how it ended.
        share: of the work that is done, 0...1.
        points_N2: coordinates, once it is done.
        sentence: why it failed.
    """

    status: Status
    share: float = 0.0
    points_N2: Singles | None = None
    sentence: str | None = None

    @property
    def under_way(self) -> bool:
        """Whether it may still come to be done."""
        return self.status in ("waiting", "running")


class Layouts:
    """The layouts of this process; safe to ask from any thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._states: OrderedDict[LayoutKey, Layout] = OrderedDict()
        self._cancels: dict[LayoutKey, threading.Event] = {}
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def state(self, key: LayoutKey) -> Layout | None:
        """Where a layout stands; None if it was never begun, or is forgotten."""
        with self._guard:
            found = self._states.get(key)
            if found is not None:
                self._states.move_to_end(key)
            return found

    def start(self, key: LayoutKey, x_NF: Logits) -> None:
        """Begin a layout, unless it is done or under way.

        Args:
            key: what decides it.
            x_NF: the features that the key stands for.
        """
        with self._guard:
            state = self._states.get(key)
            if state is not None and (state.under_way or state.status == "done"):
                return
            cancel = self._cancels[key] = threading.Event()
            self._put(key, Layout("waiting"))
        threading.Thread(
            target=self._work, args=(key, x_NF, cancel), name=f"layout-{key.method}", daemon=True
        ).start()

    def cancel(self, key: LayoutKey) -> None:
        """Give up a layout that is under way; it can be begun again at once."""
        with self._guard:
            state = self._states.get(key)
            if state is not None and state.under_way:
                self._cancels.pop(key).set()
                self._put(key, Layout("cancelled"))

    def cancel_all(self) -> None:
        """Give up all that is under way."""
        with self._guard:
            keys = list(self._cancels)
        for key in keys:
            self.cancel(key)

    def _work(self, key: LayoutKey, x_NF: Logits, cancel: threading.Event) -> None:
        try:
            with self._turn:
                state = self._lay_out(key, x_NF, cancel)
        except Exception as error:
            log.exception("laying out %s failed", key)
            kind = type(error).__name__
            state = Layout("failed", sentence=f"The layout met an unexpected error ({kind}).")
        with self._guard:
            if not cancel.is_set():
                self._cancels.pop(key)
                self._put(key, state)

    def _lay_out(self, key: LayoutKey, x_NF: Logits, cancel: threading.Event) -> Layout:
        points_N2 = None
        for share, points_N2 in METHODS[key.method](x_NF, key.seed):  # noqa: B007 - the last counts
            with self._guard:
                if cancel.is_set():
                    break
                self._put(key, Layout("running", share))
        return Layout("done", 1.0, points_N2)

    def _put(self, key: LayoutKey, state: Layout) -> None:
        self._states[key] = state
        self._states.move_to_end(key)
        ended = [key for key, state in self._states.items() if not state.under_way]
        for old in ended[: max(0, len(ended) - self._kept)]:
            del self._states[old]
