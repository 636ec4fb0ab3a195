"""Principal components: worked by hand, compared with an SVD, and reproducible; samples."""

from __future__ import annotations

import numpy as np
import pytest

from tsexplorer.analysis.embedding import principal_components, sample_indices
from tsexplorer.analysis.soft_targets import Floats


def random_features(seed: int = 0, size: int = 60, width: int = 7) -> Floats:
    """Return correlated features N×F."""
    random = np.random.default_rng(seed)
    return random.normal(size=(size, width)) @ random.normal(size=(width, width)) + 5


def test_points_on_two_lines_worked_by_hand() -> None:
    # Centre (1, 1, 1); ±5 along (3, 0, 4)/5, and ±1 along (0, 1, 0).
    x_NF = np.array([[4, 1, 5], [-2, 1, -3], [1, 2, 1], [1, 0, 1.0]])
    result = principal_components(x_NF)
    np.testing.assert_allclose(result.points_N2, [[5, 0], [-5, 0], [0, 1], [0, -1]], atol=1e-12)
    assert result.variance_shares == pytest.approx((50 / 52, 2 / 52))


@pytest.mark.parametrize(("size", "width"), [(60, 7), (5, 20), (40, 2)])
def test_components_equal_those_of_an_svd(size: int, width: int) -> None:
    x_NF = random_features(3, size, width)
    result = principal_components(x_NF.astype(np.float32))
    centred = x_NF - x_NF.mean(0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(
        np.abs(result.points_N2), np.abs(centred @ axes[:2].T), rtol=1e-3, atol=1e-3
    )
    expected = singular[:2] ** 2 / (singular**2).sum()
    assert result.variance_shares == pytest.approx(expected, rel=1e-4)


def test_the_largest_loading_of_an_axis_is_positive() -> None:
    for seed in range(8):
        x_NF = random_features(seed)
        points = principal_components(x_NF).points_N2
        loadings = (x_NF - x_NF.mean(0)).T @ points
        assert (loadings[np.abs(loadings).argmax(0), [0, 1]] > 0).all()


def test_points_do_not_depend_on_the_order_of_images() -> None:
    x_NF = random_features()
    order = np.random.default_rng(1).permutation(len(x_NF))
    points = principal_components(x_NF).points_N2
    reordered = principal_components(x_NF[order]).points_N2
    np.testing.assert_allclose(points[order], reordered, atol=1e-9)


def test_equal_features_give_equal_points() -> None:
    result = principal_components(np.full((4, 3), 2.5))
    assert result.points_N2.tolist() == [[0, 0]] * 4
    assert result.variance_shares == (0, 0)


def test_with_one_feature_the_second_coordinate_is_zero() -> None:
    result = principal_components(np.array([[1.0], [3.0]]))
    assert result.points_N2.tolist() == [[-1, 0], [1, 0]]
    assert result.variance_shares == (1, 0)


def test_features_are_not_modified() -> None:
    x_NF = random_features()
    principal_components(x_NF)
    assert np.array_equal(x_NF, random_features())


def test_a_sample_is_sorted_unique_and_reproducible() -> None:
    indices = sample_indices(1000, 50, seed=3)
    assert len(set(indices.tolist())) == 50
    assert sorted(indices.tolist()) == indices.tolist()
    assert 0 <= indices.min() < 100
    assert 900 <= indices.max() < 1000
    assert np.array_equal(indices, sample_indices(1000, 50, seed=3))
    assert not np.array_equal(indices, sample_indices(1000, 50, seed=4))


@pytest.mark.parametrize("count", [4, 9])
def test_a_small_split_is_used_completely(count: int) -> None:
    assert sample_indices(4, count, seed=0).tolist() == [0, 1, 2, 3]
