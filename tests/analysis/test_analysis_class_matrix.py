"""Mean soft targets by true class, their order, and the images behind a cell, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tsexplorer.analysis.soft_targets import (
    Cell,
    ClassMatrix,
    Floats,
    class_matrix,
    difference,
    images_behind,
    similarity_order,
    without_diagonal,
)

T = 2.0
# 2 ln (a, b, c) at T = 2 is proportional to (a, b, c).
SHARES = np.array([[6, 1, 1], [2, 5, 1], [4, 3, 1], [1, 6, 1.0]]) / 8
LOGITS = T * np.log(SHARES)
LABELS = np.array([0, 1, 0, 1])


def made(values: list[list[float]], temperature: float = T) -> ClassMatrix:
    array = np.array(values)
    return ClassMatrix(array, np.full(len(array), 10), temperature)


def test_rows_are_means_over_the_images_of_a_class() -> None:
    found = class_matrix(LOGITS, LABELS, T)
    # Class 0: (6, 1, 1) and (4, 3, 1); class 1: (2, 5, 1) and (1, 6, 1); no image of class 2.
    expected = np.array([[10, 4, 2], [3, 11, 2], [np.nan] * 3]) / 16
    np.testing.assert_allclose(found.values_CC, expected, atol=1e-15)
    assert found.counts_C.tolist() == [2, 2, 0]
    assert found.temperature == T


def test_temperature_flattens_rows() -> None:
    # At T = 1 the shares are squared before they are scaled: (36, 1, 1)/38 and (16, 9, 1)/26.
    found = class_matrix(LOGITS, LABELS, 1.0).values_CC[0]
    assert found[0] == pytest.approx((36 / 38 + 16 / 26) / 2)
    hot = class_matrix(LOGITS, LABELS, 1e6).values_CC[:2]
    np.testing.assert_allclose(hot, np.full((2, 3), 1 / 3), atol=1e-5)


def test_the_diagonal_is_hidden_and_the_rest_is_as_it_was() -> None:
    matrix = class_matrix(LOGITS, LABELS, T)
    hidden = without_diagonal(matrix).values_CC
    np.testing.assert_allclose(hidden[0], [np.nan, 4 / 16, 2 / 16])
    np.testing.assert_allclose(hidden[1], [3 / 16, np.nan, 2 / 16])
    assert matrix.values_CC[0, 0] == pytest.approx(10 / 16)


def test_difference_is_one_less_the_other() -> None:
    found = difference(made([[0.9, 0.1], [0.3, 0.7]]), made([[0.6, 0.4], [0.3, 0.7]]))
    np.testing.assert_allclose(found.values_CC, [[0.3, -0.3], [0, 0]], atol=1e-15)


def test_a_hidden_diagonal_stays_hidden_in_a_difference() -> None:
    one = without_diagonal(made([[0.9, 0.1], [0.3, 0.7]]))
    assert np.isnan(np.diag(difference(one, one).values_CC)).all()


def test_only_like_is_compared_with_like() -> None:
    one = made([[0.9, 0.1], [0.3, 0.7]])
    for other in (replace(one, temperature=4.0), replace(one, counts_C=np.array([10, 11]))):
        with pytest.raises(ValueError, match="same images at the same T"):
            difference(one, other)


# -- order ------------------------------------------------------------------------------------


def alike(classes: int, **pairs: float) -> Floats:
    """A matrix in which the first of each pair takes the images of the second, not vice versa."""
    values = np.full((classes, classes), 0.001)
    for name, value in pairs.items():
        values[int(name[1]), int(name[2])] = value
    return values


@pytest.mark.parametrize(
    ("values", "order"),
    [
        # 0 goes with 2, 1 with 3, and of all turns of the two pairs 2 beside 1 is the best.
        (alike(4, c02=0.4, c31=0.3, c12=0.1), (0, 2, 1, 3)),
        (alike(4, c02=0.4, c31=0.3, c03=0.1), (1, 3, 0, 2)),
        # The same from the other class's side.
        (alike(4, c20=0.4, c13=0.3, c21=0.1), (0, 2, 1, 3)),
    ],
)
def test_classes_that_look_alike_are_neighbours(values: Floats, order: tuple[int, ...]) -> None:
    assert similarity_order(ClassMatrix(values, np.full(len(values), 10), T)) == order


def test_what_a_class_gives_itself_does_not_count() -> None:
    values = alike(4, c02=0.4, c31=0.3, c12=0.1)
    matrix = ClassMatrix(values, np.full(4, 10), T)
    sure = ClassMatrix(values + np.diag([0.9, 0.1, 0.5, 0.7]), np.full(4, 10), T)
    orders = {similarity_order(one) for one in (matrix, sure, without_diagonal(sure))}
    assert orders == {(0, 2, 1, 3)}


@pytest.mark.parametrize("classes", [1, 2, 3, 5])
def test_every_class_has_a_place(classes: int) -> None:
    """Also where there is nothing to tell them apart, and where a class has no images."""
    for value in (0.0, 0.2, np.nan):
        matrix = ClassMatrix(np.full((classes, classes), value), np.zeros(classes, int), T)
        assert sorted(similarity_order(matrix)) == list(range(classes))


# -- images behind a cell ---------------------------------------------------------------------


def test_images_behind_a_cell_have_its_class_and_fall_in_its_soft_target() -> None:
    assert images_behind(LOGITS, LABELS, Cell(0, 1), T).tolist() == [2, 0]
    assert images_behind(LOGITS, LABELS, Cell(0, 0), T).tolist() == [0, 2]
    assert images_behind(LOGITS, LABELS, Cell(1, 0), T).tolist() == [1, 3]
    assert images_behind(LOGITS, LABELS, Cell(1, 2), T).tolist() == [1, 3]  # equal: as they come
    assert images_behind(LOGITS, LABELS, Cell(2, 0), T).tolist() == []


def test_images_with_the_same_soft_target_stay_as_they_come() -> None:
    z_NC = np.random.default_rng(0).integers(0, 2, (500, 1)) * np.array([[1.0, 0, 0]])
    found = images_behind(z_NC, np.zeros(500, int), Cell(0, 0), T)
    assert found.tolist() == sorted(range(500), key=lambda place: (-z_NC[place, 0], place))


def test_temperature_may_change_which_image_is_first() -> None:
    # For class 2, image 0 has half of it at T = 1, with one rival; image 1 has many small rivals,
    # which grow with T.
    z_NC = np.array([[5.0, -90, 5, -90, -90], [0, 0, 4, 0, 0]])
    labels = np.zeros(2, int)
    assert images_behind(z_NC, labels, Cell(0, 2), 1.0).tolist() == [1, 0]
    assert images_behind(z_NC, labels, Cell(0, 2), 10.0).tolist() == [0, 1]
