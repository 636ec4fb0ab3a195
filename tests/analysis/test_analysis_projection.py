"""Principal components: worked by hand, against the whole SVD, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from tsexplorer.analysis.embedding import principal_components, sample
from tsexplorer.analysis.soft_targets import Floats


def features(seed: int = 0, size: int = 60, width: int = 7) -> Floats:
    random = np.random.default_rng(seed)
    return random.normal(size=(size, width)) @ random.normal(size=(width, width)) + 5


def test_points_on_two_lines_worked_by_hand() -> None:
    # Centre (1, 1, 1); ±5 along (3, 0, 4)/5, and ±1 along (0, 1, 0).
    x_NF = np.array([[4, 1, 5], [-2, 1, -3], [1, 2, 1], [1, 0, 1.0]])
    found = principal_components(x_NF)
    np.testing.assert_allclose(found.points_N2, [[5, 0], [-5, 0], [0, 1], [0, -1]], atol=1e-12)
    assert found.shares == pytest.approx((50 / 52, 2 / 52))


@pytest.mark.parametrize(("size", "width"), [(60, 7), (5, 20), (40, 2)])
def test_as_the_svd_of_the_features(size: int, width: int) -> None:
    x_NF = features(3, size, width)
    found = principal_components(x_NF.astype(np.float32))
    centred = x_NF - x_NF.mean(0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(
        np.abs(found.points_N2), np.abs(centred @ axes[:2].T), rtol=1e-3, atol=1e-3
    )
    assert found.shares == pytest.approx(singular[:2] ** 2 / (singular**2).sum(), rel=1e-4)


def test_axes_point_to_their_largest_loading() -> None:
    for seed in range(8):
        x_NF = features(seed)
        points = principal_components(x_NF).points_N2
        loadings = (x_NF - x_NF.mean(0)).T @ points
        assert (loadings[np.abs(loadings).argmax(0), [0, 1]] > 0).all()


def test_the_order_of_images_does_not_turn_the_picture() -> None:
    x_NF = features()
    order = np.random.default_rng(1).permutation(len(x_NF))
    one, other = principal_components(x_NF).points_N2, principal_components(x_NF[order]).points_N2
    np.testing.assert_allclose(one[order], other, atol=1e-9)


def test_features_that_tell_nothing_apart() -> None:
    found = principal_components(np.full((4, 3), 2.5))
    assert found.points_N2.tolist() == [[0, 0]] * 4
    assert found.shares == (0, 0)


def test_one_feature_leaves_the_second_axis_empty() -> None:
    found = principal_components(np.array([[1.0], [3.0]]))
    assert found.points_N2.tolist() == [[-1, 0], [1, 0]]
    assert found.shares == (1, 0)


def test_features_are_left_as_they_are() -> None:
    x_NF = features()
    principal_components(x_NF)
    assert np.array_equal(x_NF, features())


def test_a_sample_is_some_of_the_places_in_order_and_the_same_each_time() -> None:
    places = sample(1000, 50, seed=3)
    assert len(set(places.tolist())) == 50
    assert sorted(places.tolist()) == places.tolist()
    assert 0 <= places.min() < 100
    assert 900 <= places.max() < 1000
    assert np.array_equal(places, sample(1000, 50, seed=3))
    assert not np.array_equal(places, sample(1000, 50, seed=4))


def test_a_sample_of_few_is_all_of_them() -> None:
    assert sample(4, 4, seed=0).tolist() == sample(4, 9, seed=0).tolist() == [0, 1, 2, 3]
