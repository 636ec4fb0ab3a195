"""Ranking of images by what they teach: scores, filters, order and pages.

A score is one number per image; an image without a score (NaN) is not ranked.

Shape suffixes: N images of a split, K ranked images, C classes.
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
"""Which nets are correct in each case; a role that is not named may be either."""


class RankedImage(NamedTuple):
    """Position of an image in its split, and its score."""

    position: int
    score: float


class RankingPage(NamedTuple):
    """One page of ranked images.

    Attributes:
        images: the images of this page, largest score first.
        number: number of this page, from 1.
        pages: number of pages; 1 if there are no images.
        total: number of images on all pages.
    """

    images: tuple[RankedImage, ...]
    number: int
    pages: int
    total: int


def teacher_entropy(z_t_NC: Logits, temperature: float) -> Floats:
    """Return the entropy N of the teacher's soft targets at T, in nats."""
    return entropy(log_soft_targets(z_t_NC, temperature))


def teacher_divergence(z_t_NC: Logits, z_s_NC: Logits, temperature: float) -> Floats:
    """Return KL(teacher ‖ student) N at T, in nats."""
    return divergence(log_soft_targets(z_t_NC, temperature), log_soft_targets(z_s_NC, temperature))


def second_choice(
    z_t_NC: Logits, labels_N: Integers, temperature: float, other: int | None = None
) -> Floats:
    """Return how much each image looks like another class to the teacher, such as a 2 like a 3.

    Args:
        z_t_NC: teacher's logits.
        labels_N: true classes.
        temperature: T.
        other: the other class; None takes the teacher's most probable wrong class of each image.

    Returns:
        soft targets N of that class, shares of 1; NaN for images of class ``other`` itself.
    """
    p_NC = soft_targets(z_t_NC, temperature)
    p_NC[np.arange(len(labels_N)), labels_N] = np.nan
    return np.nanmax(p_NC, axis=1) if other is None else p_NC[:, other]


def is_correct(z_NC: Logits, labels_N: Integers) -> Flags:
    """Return for each image whether its largest logit is that of its label."""
    return np.asarray(z_NC.argmax(1) == labels_N)


def disagreements(correct: Mapping[Role, Flags]) -> dict[Disagreement, Flags]:
    """Return the images of each kind of disagreement that the given nets can show.

    Args:
        correct: result of :func:`is_correct` by role; roles may be missing.
    """
    return {
        kind: np.logical_and.reduce([correct[role] == value for role, value in roles.items()])
        for kind, roles in DISAGREEMENTS.items()
        if all(role in correct for role in roles)
    }


def rank_images(scores_N: Floats, *filters: Flags) -> Integers:
    """Return the indices K of the images that pass all filters, largest score first.

    Args:
        scores_N: one number per image; an image with NaN is left out.
        filters: flags N, such as one of :func:`disagreements` or ``labels == 3``.
    """
    kept_K = np.flatnonzero(np.logical_and.reduce([~np.isnan(scores_N), *filters]))
    return kept_K[np.argsort(-scores_N[kept_K], kind="stable")]


def ranking_page(order_K: Integers, scores_N: Floats, number: int, per_page: int) -> RankingPage:
    """Return one page of ranked images; a number beyond the last page gives the last page.

    Args:
        order_K: result of :func:`rank_images`.
        scores_N: the scores by which the images were ranked.
        number: number of the page, from 1.
        per_page: images per page.
    """
    pages = max(1, math.ceil(len(order_K) / per_page))
    number = min(max(number, 1), pages)
    shown = order_K[(number - 1) * per_page : number * per_page]
    images = tuple(RankedImage(int(position), float(scores_N[position])) for position in shown)
    return RankingPage(images, number, pages, len(order_K))
