"""Classes that a student never saw, and what raising their biases brings to light.

A student that never saw a class has learnt to answer it seldom: its biases say so. Raising the
biases of those classes by one number b, after training, undoes that; what was learnt of their
shapes from the teacher's soft targets is then seen. Lowering the biases of all other classes by b
gives the same answers.

Source: Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 3. There b was chosen on the test
set; :func:`matching_bias` needs no labels at all.

Shape suffixes: N images, C classes, K biases.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from tsexplorer.analysis.quality import confusion
from tsexplorer.analysis.soft_targets import Floats, Integers, Logits

Rule = Literal["none", "label-free", "validation", "test"]
RULES: tuple[Rule, ...] = ("none", "label-free", "validation", "test")
"""How b may be chosen: not at all; by shares of answers on validation images without labels; by
errors on validation; by errors on test, which is no measurement but what the paper did."""


class Lean(NamedTuple):
    """How each image is answered as the bias moves.

    Attributes:
        needed_N: the b above which the answer is one of the raised classes.
        raised_N: the answer then, a class.
        rest_N: the answer otherwise, a class.
    """

    needed_N: Floats
    raised_N: Integers
    rest_N: Integers


class Outcome(NamedTuple):
    """What a net answers with a bias.

    Attributes:
        bias: b.
        errors: images answered wrongly.
        size: images.
        raised_right: share of the images of the raised classes answered rightly; NaN without any.
        recall_C: share of each class's images answered rightly; NaN for one without images.
        confusion_CC: images by true class (row) and answer (column).
    """

    bias: float
    errors: int
    size: int
    raised_right: float
    recall_C: Floats
    confusion_CC: Integers


@dataclass(frozen=True, eq=False)
class Study:
    """One student's test answers, and what each rule makes of them.

    Attributes:
        raised: the classes whose biases are raised, which it never saw.
        share: share of answers that these classes should get.
        biases: b by rule.
        z_NC: the student's logits over the test images.
        labels_N: their true classes.
    """

    raised: tuple[int, ...]
    share: float
    biases: dict[Rule, float]
    z_NC: Logits
    labels_N: Integers

    def at(self, bias: float) -> Outcome:
        """What it answers to the test images with a bias."""
        return outcome(self.z_NC, self.labels_N, self.raised, bias)


class Answered(NamedTuple):
    """A net's logits N×C over some images, and their true classes N."""

    z_NC: Logits
    labels_N: Integers


def study(
    validation: Answered, test: Answered, raised: Sequence[int], shares: Sequence[float]
) -> Study:
    """Choose the bias by each rule.

    Args:
        validation: a student's answers to the images that choices are made on.
        test: its answers to the images that it is judged on.
        raised: classes that it never saw.
        shares: how often each class occurs, by class, shares of 1.
    """
    share = float(sum(shares[label] for label in raised))
    biases: dict[Rule, float] = {
        "none": 0.0,
        "label-free": matching_bias(validation.z_NC, raised, share),
        "validation": best_bias(*validation, raised),
        "test": best_bias(*test, raised),
    }
    return Study(tuple(raised), share, biases, test.z_NC, test.labels_N)


def shifted(z_NC: Logits, raised: Collection[int], bias: float) -> Floats:
    """The logits with the biases of some classes raised; lowered where b is negative.

    >>> shifted(np.array([[1.0, 2.0]]), {0}, 3.5).tolist()
    [[4.5, 2.0]]
    """
    z = z_NC.astype(np.float64)
    z[:, sorted(raised)] += bias
    return z


def outcome(z_NC: Logits, labels_N: Integers, raised: Collection[int], bias: float) -> Outcome:
    """What a net answers with the biases of some classes raised by ``bias``."""
    counts_CC = confusion(shifted(z_NC, raised, bias), labels_N)
    right_C, size_C = counts_CC.diagonal(), counts_CC.sum(1)
    recall_C = np.full(len(size_C), np.nan)
    np.divide(right_C, size_C, out=recall_C, where=size_C > 0)
    own = sorted(raised)
    images = int(size_C[own].sum())
    return Outcome(
        bias=bias,
        errors=int(size_C.sum() - right_C.sum()),
        size=len(labels_N),
        raised_right=int(right_C[own].sum()) / images if images else float("nan"),
        recall_C=recall_C,
        confusion_CC=counts_CC,
    )


def lean(z_NC: Logits, raised: Collection[int]) -> Lean:
    """How each image is answered as the bias moves.

    Raises:
        ValueError: no class is raised, or every one.
    """
    own = np.array(sorted(raised), dtype=np.int64)
    others = np.setdiff1d(np.arange(z_NC.shape[1]), own)
    if not len(own) or not len(others):
        raise ValueError("some classes must be raised, and some not")
    z = z_NC.astype(np.float64)
    needed_N = z[:, others].max(1) - z[:, own].max(1)
    return Lean(needed_N, own[z[:, own].argmax(1)], others[z[:, others].argmax(1)])


def matching_bias(z_NC: Logits, raised: Collection[int], share: float) -> float:
    """The bias with which the raised classes get their share of the answers; no labels needed.

    Args:
        z_NC: logits over images in which classes occur as often as they usually do.
        raised: classes whose biases are raised.
        share: of 1, how often these classes occur.
    """
    needed_N = np.sort(lean(z_NC, raised).needed_N)
    return _between(needed_N, round(share * len(needed_N)))


def best_bias(z_NC: Logits, labels_N: Integers, raised: Collection[int]) -> float:
    """The bias with the fewest errors; of several, the middle of the stretch nearest to 0."""
    leans = lean(z_NC, raised)
    order = np.argsort(leans.needed_N, kind="stable")
    needed_N = leans.needed_N[order]
    gains_N = _changes(leans, labels_N)[order]
    errors_K = np.concatenate([[0], np.cumsum(gains_N)])  # less the errors before the first
    possible_K = np.concatenate([[True], np.diff(needed_N) > 0, [True]])
    best_K = np.flatnonzero(possible_K & (errors_K == errors_K[possible_K].min()))
    middles = [_between(needed_N, int(place)) for place in best_K]
    return min(middles, key=abs)


def errors_over(
    z_NC: Logits, labels_N: Integers, raised: Collection[int], biases_K: Floats
) -> Integers:
    """Images answered wrongly at each bias, K."""
    leans = lean(z_NC, raised)
    order = np.argsort(leans.needed_N, kind="stable")
    changed_K = np.concatenate([[0], np.cumsum(_changes(leans, labels_N)[order])])
    passed_K = np.searchsorted(leans.needed_N[order], biases_K, side="left")
    before = int((leans.rest_N != labels_N).sum())
    return np.asarray(before + changed_K[passed_K], dtype=np.int64)


def _changes(leans: Lean, labels_N: Integers) -> Integers:
    """Errors more (1) or fewer (-1) once an image is answered by a raised class."""
    after, before = leans.raised_N != labels_N, leans.rest_N != labels_N
    change_N: Integers = after.astype(np.int64) - before.astype(np.int64)
    return change_N


def _between(needed_N: Floats, count: int) -> float:
    """A bias that exactly ``count`` images pass: midway; one beyond the last, or before the first.

    >>> _between(np.array([1.0, 2.0, 5.0]), 2), _between(np.array([1.0, 2.0]), 0)
    (3.5, 0.0)
    """
    if count <= 0:
        return float(needed_N[0] - 1)
    if count >= len(needed_N):
        return float(needed_N[-1] + 1)
    return float((needed_N[count - 1] + needed_N[count]) / 2)
