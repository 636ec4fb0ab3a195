"""Mean soft targets by true class, similarity order, and images of a cell, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tsexplorer.analysis.soft_targets import (
    ClassMatrix,
    Floats,
    MatrixCell,
    class_matrix,
    difference,
    images_of_cell,
    similarity_order,
    without_diagonal,
)

T = 2.0
# 2 ln (a, b, c) at T = 2 is proportional to (a, b, c).
SHARES = np.array([[6, 1, 1], [2, 5, 1], [4, 3, 1], [1, 6, 1.0]]) / 8
LOGITS = T * np.log(SHARES)
LABELS = np.array([0, 1, 0, 1])


def matrix_of(values: list[list[float]], temperature: float = T) -> ClassMatrix:
    """Return a matrix with these values and 10 images per class."""
    array = np.array(values)
    return ClassMatrix(array, np.full(len(array), 10), temperature)


def test_rows_are_means_over_the_images_of_a_class() -> None:
    matrix = class_matrix(LOGITS, LABELS, T)
    # Class 0: (6, 1, 1) and (4, 3, 1); class 1: (2, 5, 1) and (1, 6, 1); no image of class 2.
    expected = np.array([[10, 4, 2], [3, 11, 2], [np.nan] * 3]) / 16
    np.testing.assert_allclose(matrix.values_CC, expected, atol=1e-15)
    assert matrix.counts_C.tolist() == [2, 2, 0]
    assert matrix.temperature == T


def test_a_high_temperature_flattens_rows() -> None:
    # At T = 1 the shares are squared before normalisation: (36, 1, 1)/38 and (16, 9, 1)/26.
    row = class_matrix(LOGITS, LABELS, 1.0).values_CC[0]
    assert row[0] == pytest.approx((36 / 38 + 16 / 26) / 2)
    hot = class_matrix(LOGITS, LABELS, 1e6).values_CC[:2]
    np.testing.assert_allclose(hot, np.full((2, 3), 1 / 3), atol=1e-5)


def test_hiding_the_diagonal_keeps_the_other_values() -> None:
    matrix = class_matrix(LOGITS, LABELS, T)
    hidden = without_diagonal(matrix).values_CC
    np.testing.assert_allclose(hidden[0], [np.nan, 4 / 16, 2 / 16])
    np.testing.assert_allclose(hidden[1], [3 / 16, np.nan, 2 / 16])
    assert matrix.values_CC[0, 0] == pytest.approx(10 / 16)


def test_difference_of_two_matrices() -> None:
    result = difference(matrix_of([[0.9, 0.1], [0.3, 0.7]]), matrix_of([[0.6, 0.4], [0.3, 0.7]]))
    np.testing.assert_allclose(result.values_CC, [[0.3, -0.3], [0, 0]], atol=1e-15)


def test_a_hidden_diagonal_stays_hidden_in_a_difference() -> None:
    matrix = without_diagonal(matrix_of([[0.9, 0.1], [0.3, 0.7]]))
    assert np.isnan(np.diag(difference(matrix, matrix).values_CC)).all()


def test_a_difference_needs_the_same_images_and_temperature() -> None:
    matrix = matrix_of([[0.9, 0.1], [0.3, 0.7]])
    for other in (replace(matrix, temperature=4.0), replace(matrix, counts_C=np.array([10, 11]))):
        with pytest.raises(ValueError, match="same images at the same T"):
            difference(matrix, other)


# -- order ------------------------------------------------------------------------------------


def with_values(classes: int, **values: float) -> Floats:
    """Return a matrix of small values; ``c02=0.4`` sets the value in row 0 and column 2."""
    values_CC = np.full((classes, classes), 0.001)
    for name, value in values.items():
        values_CC[int(name[1]), int(name[2])] = value
    return values_CC


@pytest.mark.parametrize(
    ("values", "order"),
    [
        # Clusters {0, 2} and {1, 3}; of all leaf orders, 2 next to 1 is the best.
        (with_values(4, c02=0.4, c31=0.3, c12=0.1), (0, 2, 1, 3)),
        (with_values(4, c02=0.4, c31=0.3, c03=0.1), (1, 3, 0, 2)),
        # The first case, transposed.
        (with_values(4, c20=0.4, c13=0.3, c21=0.1), (0, 2, 1, 3)),
    ],
)
def test_similar_classes_are_neighbours(values: Floats, order: tuple[int, ...]) -> None:
    assert similarity_order(ClassMatrix(values, np.full(len(values), 10), T)) == order


def test_the_diagonal_does_not_change_the_order() -> None:
    values = with_values(4, c02=0.4, c31=0.3, c12=0.1)
    matrix = ClassMatrix(values, np.full(4, 10), T)
    confident = ClassMatrix(values + np.diag([0.9, 0.1, 0.5, 0.7]), np.full(4, 10), T)
    matrices = (matrix, confident, without_diagonal(confident))
    assert {similarity_order(matrix) for matrix in matrices} == {(0, 2, 1, 3)}


@pytest.mark.parametrize("classes", [1, 2, 3, 5])
def test_the_order_contains_every_class(classes: int) -> None:
    """Also if all values are equal, and if classes have no images."""
    for value in (0.0, 0.2, np.nan):
        matrix = ClassMatrix(np.full((classes, classes), value), np.zeros(classes, int), T)
        assert sorted(similarity_order(matrix)) == list(range(classes))


# -- images of a cell -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "column", "images"),
    [
        (0, 1, [2, 0]),
        (0, 0, [0, 2]),
        (1, 0, [1, 3]),
        (1, 2, [1, 3]),  # equal soft targets: in the order of the split
        (2, 0, []),
    ],
)
def test_images_of_a_cell(row: int, column: int, images: list[int]) -> None:
    assert images_of_cell(LOGITS, LABELS, MatrixCell(row, column), T).tolist() == images


def test_images_with_equal_soft_targets_keep_their_order() -> None:
    z_NC = np.random.default_rng(0).integers(0, 2, (500, 1)) * np.array([[1.0, 0, 0]])
    images = images_of_cell(z_NC, np.zeros(500, int), MatrixCell(0, 0), T)
    assert images.tolist() == sorted(range(500), key=lambda index: (-z_NC[index, 0], index))


def test_temperature_can_change_the_order_of_images() -> None:
    # Soft target of class 2: for image 0 it is one half, shared with one class; for image 1 the
    # other classes are small at T = 1 and grow with T.
    z_NC = np.array([[5.0, -90, 5, -90, -90], [0, 0, 4, 0, 0]])
    labels = np.zeros(2, int)
    assert images_of_cell(z_NC, labels, MatrixCell(0, 2), 1.0).tolist() == [1, 0]
    assert images_of_cell(z_NC, labels, MatrixCell(0, 2), 10.0).tolist() == [0, 1]
