"""Which images teach most: scores, filters, order and pages.

A score is one number an image; an image without one (NaN) is not ranked. Shape suffixes: N images
of a split, K of them that are ranked, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsexplorer.analysis.soft_targets import (
    Floats,
    Integers,
    Logits,
    divergence,
    entropy,
    log_soft_targets,
    soft_targets,
)
from tsexplorer.specs import Role

Flags = NDArray[np.bool_]
Disagreement = Literal["missed", "both-wrong", "gained", "lost"]
DISAGREEMENTS: dict[Disagreement, dict[Role, bool]] = {
    "missed": {"teacher": True, "distilled": False},
    "both-wrong": {"teacher": False, "distilled": False},
    "gained": {"baseline": False, "distilled": True},
    "lost": {"baseline": True, "distilled": False},
}
"""Who is right and who is wrong; a role that is not named may be either."""


class Ranked(NamedTuple):
    """An image's place in its split, and its score."""

    place: int
    score: float


class Page(NamedTuple):
    """Some of the ranked images.

    Attributes:
        images: at most as many as a page holds, largest score first.
        number: which page, from 1.
        pages: how many there are; 1 also where there is no image.
        total: images on all pages.
    """

    images: tuple[Ranked, ...]
    number: int
    pages: int
    total: int


def teacher_entropy(z_t_NC: Logits, temperature: float) -> Floats:
    """How undecided the teacher is: the entropy N of its soft targets at T, in nats."""
    return entropy(log_soft_targets(z_t_NC, temperature))


def teacher_divergence(z_t_NC: Logits, z_s_NC: Logits, temperature: float) -> Floats:
    """How far a student is from its teacher: KL(teacher ‖ student) N at T, in nats."""
    return divergence(log_soft_targets(z_t_NC, temperature), log_soft_targets(z_s_NC, temperature))


def second_choice(
    z_t_NC: Logits, labels_N: Integers, temperature: float, other: int | None = None
) -> Floats:
    """How much an image looks like another class to the teacher: the 2 that looks like a 3.

    Args:
        z_t_NC: teacher's logits.
        labels_N: true classes.
        temperature: T.
        other: which class; None takes for each image the wrong class that the teacher likes best.

    Returns:
        soft targets N of that class, shares of 1; NaN for images of ``other`` itself.
    """
    p_NC = soft_targets(z_t_NC, temperature)
    p_NC[np.arange(len(labels_N)), labels_N] = np.nan
    return np.nanmax(p_NC, axis=1) if other is None else p_NC[:, other]


def right(z_NC: Logits, labels_N: Integers) -> Flags:
    """For each image whether its largest logit is that of its label."""
    return np.asarray(z_NC.argmax(1) == labels_N)


def disagreements(verdicts: Mapping[Role, Flags]) -> dict[Disagreement, Flags]:
    """The images on which nets disagree in each way that the nets at hand can tell.

    Args:
        verdicts: what :func:`right` says, by role; roles may be missing.
    """
    return {
        kind: np.logical_and.reduce([verdicts[role] == value for role, value in roles.items()])
        for kind, roles in DISAGREEMENTS.items()
        if all(role in verdicts for role in roles)
    }


def ranked(scores_N: Floats, *kept: Flags) -> Integers:
    """Places K in the split of the images that all filters keep, largest score first.

    Args:
        scores_N: one number an image; NaN leaves it out.
        kept: filters N, such as one of :func:`disagreements` or ``labels == 3``.
    """
    left_K = np.flatnonzero(np.logical_and.reduce([~np.isnan(scores_N), *kept]))
    return left_K[np.argsort(-scores_N[left_K], kind="stable")]


def page(order_K: Integers, scores_N: Floats, number: int, per_page: int) -> Page:
    """One page of ranked images; a number beyond the last page gives the last one.

    Args:
        order_K: what :func:`ranked` gave.
        scores_N: the scores that it was given.
        number: from 1.
        per_page: images a page.
    """
    pages = max(1, math.ceil(len(order_K) / per_page))
    number = min(max(number, 1), pages)
    shown = order_K[(number - 1) * per_page : number * per_page]
    images = tuple(Ranked(int(place), float(scores_N[place])) for place in shown)
    return Page(images, number, pages, len(order_K))
