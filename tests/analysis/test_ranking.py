"""Ranking of images: scores, filters, order and pages, worked by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.analysis.ranking import (
    DISAGREEMENTS,
    RankedImage,
    RankingPage,
    disagreements,
    is_correct,
    rank_images,
    ranking_page,
    second_choice,
    teacher_divergence,
    teacher_entropy,
)

T = 2.0
# 2 ln (a, b, c) at T = 2 is proportional to (a, b, c).
TEACHER = T * np.log(np.array([[6, 1, 1], [2, 4, 2], [1, 3, 4], [4, 3, 1.0]]))
STUDENT = T * np.log(np.array([[6, 1, 1], [4, 2, 2], [1, 3, 4], [2, 2, 4.0]]))
LABELS = np.array([0, 1, 2, 1])


def test_teacher_entropy_worked_by_hand() -> None:
    entropy_N = teacher_entropy(TEACHER, T)
    assert entropy_N[1] == pytest.approx(1.5 * log(2))
    assert entropy_N[0] == pytest.approx(0.75 * log(4 / 3) + 0.25 * log(8))
    assert rank_images(entropy_N).tolist() == [1, 2, 3, 0]  # images 2 and 3 have equal scores


def test_divergence_is_from_teacher_to_student() -> None:
    divergence_N = teacher_divergence(TEACHER, STUDENT, T)
    # (1, 2, 1)/4 to (2, 1, 1)/4: 1/4 ln 1/2 + 1/2 ln 2; (4, 3, 1)/8 to (2, 2, 4)/8.
    expected = [0, 0.25 * log(2), 0, (4 * log(2) + 3 * log(1.5) - log(4)) / 8]
    assert divergence_N == pytest.approx(expected, abs=1e-15)
    assert teacher_divergence(STUDENT, TEACHER, T)[3] == pytest.approx(
        (2 * log(1 / 2) + 2 * log(2 / 3) + 4 * log(4)) / 8
    )


def test_second_choice_of_a_class_is_its_soft_target() -> None:
    scores_N = second_choice(TEACHER, LABELS, T, other=0)
    np.testing.assert_allclose(scores_N, [np.nan, 2 / 8, 1 / 8, 4 / 8])
    assert rank_images(scores_N).tolist() == [3, 1, 2]
    assert rank_images(scores_N, LABELS == 1).tolist() == [3, 1]


def test_second_choice_of_any_class_is_the_best_wrong_class() -> None:
    scores_N = second_choice(TEACHER, LABELS, T)
    # The teacher predicts 0 for image 3, a 1: there the best wrong class is its first choice.
    np.testing.assert_allclose(scores_N, [1 / 8, 2 / 8, 3 / 8, 4 / 8])


def test_a_prediction_is_the_largest_logit() -> None:
    assert is_correct(TEACHER, LABELS).tolist() == [True, True, True, False]
    assert is_correct(STUDENT, LABELS).tolist() == [True, False, True, False]


def test_disagreements_of_every_kind() -> None:
    cases = [(t, b, d) for t in (True, False) for b in (True, False) for d in (True, False)]
    teacher, baseline, distilled = (np.array(column) for column in zip(*cases, strict=True))
    flags = disagreements({"teacher": teacher, "baseline": baseline, "distilled": distilled})
    cases_by_kind = {
        kind: [cases[index] for index in np.flatnonzero(flags_N)] for kind, flags_N in flags.items()
    }
    assert cases_by_kind == {
        "missed": [(True, True, False), (True, False, False)],
        "both-wrong": [(False, True, False), (False, False, False)],
        "gained": [(True, False, True), (False, False, True)],
        "lost": [(True, True, False), (False, True, False)],
    }


def test_kinds_that_need_a_missing_net_are_left_out() -> None:
    flags = np.array([True])
    assert set(disagreements({"teacher": flags, "distilled": flags})) == {"missed", "both-wrong"}
    assert set(disagreements({"baseline": flags, "distilled": flags})) == {"gained", "lost"}
    assert disagreements({"teacher": flags, "baseline": flags}) == {}
    assert len(DISAGREEMENTS) == 4


def test_ranked_images_pass_all_filters() -> None:
    scores = np.array([0.1, 0.5, np.nan, 0.5, 0.9, 0.3])
    assert rank_images(scores).tolist() == [4, 1, 3, 5, 0]
    first, second = np.array([1, 1, 1, 1, 0, 1], bool), np.array([1, 0, 1, 1, 1, 1], bool)
    assert rank_images(scores, first).tolist() == [1, 3, 5, 0]
    assert rank_images(scores, first, second).tolist() == [3, 5, 0]
    assert rank_images(scores, ~first, ~second).tolist() == []


def test_images_with_equal_scores_keep_their_order() -> None:
    """So the pages of a ranking are reproducible and contain each image once."""
    scores = np.random.default_rng(0).integers(0, 3, 500).astype(float)
    expected = sorted(range(500), key=lambda index: (-scores[index], index))
    assert rank_images(scores).tolist() == expected


def test_a_page_contains_indices_and_scores() -> None:
    scores = np.array([0.1, 0.5, 0.2])
    order = rank_images(scores)
    first = (RankedImage(1, 0.5), RankedImage(2, 0.2))
    assert ranking_page(order, scores, 1, 2) == RankingPage(first, 1, 2, 3)
    assert ranking_page(order, scores, 2, 2) == RankingPage((RankedImage(0, 0.1),), 2, 2, 3)


@pytest.mark.parametrize(("number", "shown"), [(-3, 1), (0, 1), (3, 3), (4, 3), (999, 3)])
def test_a_page_number_out_of_range_gives_the_nearest(number: int, shown: int) -> None:
    """A link or a change of the filter can lead to a page that does not exist."""
    scores = np.arange(5.0)
    assert ranking_page(rank_images(scores), scores, number, 2).number == shown


def test_without_images_there_is_one_empty_page() -> None:
    scores = np.array([np.nan])
    assert ranking_page(rank_images(scores), scores, 7, 10) == RankingPage((), 1, 1, 0)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 12))
def test_pages_contain_each_image_once_and_in_order(size: int, per_page: int) -> None:
    scores = np.random.default_rng(size).random(size)
    order = rank_images(scores)
    count = ranking_page(order, scores, 1, per_page).pages
    pages = [ranking_page(order, scores, number + 1, per_page) for number in range(count)]
    assert [image.position for page in pages for image in page.images] == order.tolist()
    assert all(len(page.images) == per_page for page in pages[:-1])
    assert {page.total for page in pages} == {size}
