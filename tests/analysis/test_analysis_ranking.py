"""Which images teach most: scores, filters, order and pages, worked by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.analysis.ranking import (
    DISAGREEMENTS,
    Page,
    Ranked,
    disagreements,
    page,
    ranked,
    right,
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
    found = teacher_entropy(TEACHER, T)
    assert found[1] == pytest.approx(1.5 * log(2))
    assert found[0] == pytest.approx(0.75 * log(4 / 3) + 0.25 * log(8))
    assert ranked(found).tolist() == [1, 2, 3, 0]  # 2 and 3 have the same: as they come


def test_divergence_is_from_the_teacher_to_the_student() -> None:
    found = teacher_divergence(TEACHER, STUDENT, T)
    # (1, 2, 1)/4 to (2, 1, 1)/4: 1/4 ln 1/2 + 1/2 ln 2; (4, 3, 1)/8 to (2, 2, 4)/8.
    expected = [0, 0.25 * log(2), 0, (4 * log(2) + 3 * log(1.5) - log(4)) / 8]
    assert found == pytest.approx(expected, abs=1e-15)
    assert teacher_divergence(STUDENT, TEACHER, T)[3] == pytest.approx(
        (2 * log(1 / 2) + 2 * log(2 / 3) + 4 * log(4)) / 8
    )


def test_second_choice_is_the_soft_target_of_the_other_class() -> None:
    found = second_choice(TEACHER, LABELS, T, other=0)
    np.testing.assert_allclose(found, [np.nan, 2 / 8, 1 / 8, 4 / 8])
    assert ranked(found).tolist() == [3, 1, 2]
    assert ranked(found, LABELS == 1).tolist() == [3, 1]


def test_second_choice_of_any_class_is_the_best_wrong_one() -> None:
    found = second_choice(TEACHER, LABELS, T)
    # Image 3 is a 1 that the teacher takes for a 0: its best wrong class is its first choice.
    np.testing.assert_allclose(found, [1 / 8, 2 / 8, 3 / 8, 4 / 8])


def test_right_is_the_largest_logit() -> None:
    assert right(TEACHER, LABELS).tolist() == [True, True, True, False]
    assert right(STUDENT, LABELS).tolist() == [True, False, True, False]


def test_disagreements_of_every_kind() -> None:
    sides = [(t, b, d) for t in (True, False) for b in (True, False) for d in (True, False)]
    teacher, baseline, distilled = (np.array(column) for column in zip(*sides, strict=True))
    found = disagreements({"teacher": teacher, "baseline": baseline, "distilled": distilled})
    places = {
        kind: [sides[place] for place in np.flatnonzero(mask)] for kind, mask in found.items()
    }
    assert places == {
        "missed": [(True, True, False), (True, False, False)],
        "both-wrong": [(False, True, False), (False, False, False)],
        "gained": [(True, False, True), (False, False, True)],
        "lost": [(True, True, False), (False, True, False)],
    }


def test_a_net_that_is_missing_leaves_its_kinds_out() -> None:
    flags = np.array([True])
    assert set(disagreements({"teacher": flags, "distilled": flags})) == {"missed", "both-wrong"}
    assert set(disagreements({"baseline": flags, "distilled": flags})) == {"gained", "lost"}
    assert disagreements({"teacher": flags, "baseline": flags}) == {}
    assert len(DISAGREEMENTS) == 4


def test_ranked_keeps_what_all_filters_keep() -> None:
    scores = np.array([0.1, 0.5, np.nan, 0.5, 0.9, 0.3])
    assert ranked(scores).tolist() == [4, 1, 3, 5, 0]
    one, other = np.array([1, 1, 1, 1, 0, 1], bool), np.array([1, 0, 1, 1, 1, 1], bool)
    assert ranked(scores, one).tolist() == [1, 3, 5, 0]
    assert ranked(scores, one, other).tolist() == [3, 5, 0]
    assert ranked(scores, ~one, ~other).tolist() == []


def test_images_with_the_same_score_stay_as_they_come() -> None:
    """So that the pages of a ranking are the same each time, and hold each image once."""
    scores = np.random.default_rng(0).integers(0, 3, 500).astype(float)
    expected = sorted(range(500), key=lambda place: (-scores[place], place))
    assert ranked(scores).tolist() == expected


def test_a_page_holds_places_and_their_scores() -> None:
    scores = np.array([0.1, 0.5, 0.2])
    assert page(ranked(scores), scores, 1, 2) == Page((Ranked(1, 0.5), Ranked(2, 0.2)), 1, 2, 3)
    assert page(ranked(scores), scores, 2, 2) == Page((Ranked(0, 0.1),), 2, 2, 3)


@pytest.mark.parametrize(("asked", "given_"), [(-3, 1), (0, 1), (3, 3), (4, 3), (999, 3)])
def test_a_page_that_is_not_there_is_the_nearest(asked: int, given_: int) -> None:
    """A link, or a page kept while the filter was changed."""
    scores = np.arange(5.0)
    assert page(ranked(scores), scores, asked, 2).number == given_


def test_no_images_are_one_empty_page() -> None:
    scores = np.array([np.nan])
    assert page(ranked(scores), scores, 7, 10) == Page((), 1, 1, 0)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 12))
def test_pages_hold_each_image_once_and_in_order(size: int, per_page: int) -> None:
    scores = np.random.default_rng(size).random(size)
    order = ranked(scores)
    first = page(order, scores, 1, per_page)
    all_pages = [page(order, scores, number + 1, per_page) for number in range(first.pages)]
    assert [one.place for shown in all_pages for one in shown.images] == order.tolist()
    assert all(len(shown.images) == per_page for shown in all_pages[:-1])
    assert {shown.total for shown in all_pages} == {size}
