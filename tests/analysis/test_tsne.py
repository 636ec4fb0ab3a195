"""t-SNE: gradient compared with autograd, neighbour probabilities, progress and final layout."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest
import torch

from tsexplorer.analysis import embedding
from tsexplorer.analysis.embedding import (
    MAX_IMAGES,
    MIN_IMAGES,
    REPORT_INTERVAL,
    LayoutStep,
    TsneDescent,
    neighbour_probabilities,
    squared_distances,
    tsne,
)
from tsexplorer.analysis.soft_targets import Floats


def clusters(size: int = 25, count: int = 3, width: int = 6) -> tuple[Floats, np.ndarray]:
    """Return features and labels of images in distant clusters."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(count), size)
    return 8 * np.eye(width)[labels] + random.normal(size=(len(labels), width)), labels


def final_step(features: Floats, **options: int) -> LayoutStep:
    """Return the last step of t-SNE."""
    *_, step = tsne(features, **options)
    return step


def loss(p_NN: torch.Tensor, y_N2: torch.Tensor) -> torch.Tensor:
    """Return KL(p ‖ q) with q by Student's t, computed directly from the paper's formula."""
    distances = ((y_N2[:, None] - y_N2) ** 2).sum(-1)
    kernel = (1 / (1 + distances)).masked_fill(torch.eye(len(y_N2), dtype=torch.bool), 0.0)
    q_NN = kernel / kernel.sum()
    return torch.special.xlogy(p_NN, p_NN).sum() - torch.special.xlogy(p_NN, q_NN + 1e-300).sum()


@pytest.mark.parametrize("rows", [100, 7, 25])
def test_gradient_equals_that_of_autograd(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the last block has fewer rows."""
    monkeypatch.setattr(embedding, "BLOCK_ROWS", rows)
    random = np.random.default_rng(1)
    p_NN = random.random((25, 25)).astype(np.float32)
    p_NN += p_NN.T
    np.fill_diagonal(p_NN, 0)
    p_NN /= p_NN.sum()
    y_N2 = random.normal(size=(25, 2)).astype(np.float32)
    points = torch.from_numpy(y_N2).double().requires_grad_()
    loss(torch.from_numpy(p_NN).double(), points).backward()  # type: ignore[no-untyped-call]
    assert points.grad is not None
    gradient = TsneDescent(p_NN, y_N2).gradient(1.0)
    np.testing.assert_allclose(gradient, points.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_exaggeration_multiplies_the_attraction_only() -> None:
    p_NN = np.full((12, 12), 1 / 132, dtype=np.float32)
    np.fill_diagonal(p_NN, 0)
    descent = TsneDescent(p_NN, np.random.default_rng(2).normal(size=(12, 2)).astype("f4"))
    repulsion = descent.gradient(0.0)
    attraction = descent.gradient(1.0) - repulsion
    expected = 12 * attraction + repulsion
    np.testing.assert_allclose(descent.gradient(12.0), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("perplexity", [2.0, 5.0, 20.0])
def test_neighbour_probabilities_have_the_perplexity(perplexity: float) -> None:
    features, _ = clusters()
    distances = squared_distances(features)
    p_BN = neighbour_probabilities(distances[10:30].copy(), 10, perplexity)
    assert p_BN.sum(1) == pytest.approx(np.ones(20))
    assert p_BN[np.arange(20), np.arange(10, 30)].tolist() == [0] * 20  # not its own neighbour
    entropies = -(p_BN * np.log(np.where(p_BN > 0, p_BN, 1))).sum(1)
    assert np.exp(entropies) == pytest.approx(np.full(20, perplexity), rel=1e-6)
    nearest = np.argsort(distances[10])[1]
    assert p_BN[0].argmax() == nearest


def test_squared_distances_worked_by_hand() -> None:
    distances = squared_distances(np.array([[1e3, 0.0], [1e3 + 3, 4], [1e3, 1]]))
    np.testing.assert_allclose(distances, [[0, 25, 1], [25, 0, 18], [1, 18, 0]], atol=1e-9)


def test_clusters_of_features_are_clusters_of_points() -> None:
    features, labels = clusters()
    points = final_step(features).points_N2
    distances = ((points[:, None] - points) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).all()
    centres = np.stack([points[labels == label].mean(0) for label in range(3)])
    spread = max(points[labels == label].std() for label in range(3))
    gaps = [np.linalg.norm(first - second) for first, second in pairwise((*centres, centres[0]))]
    assert min(gaps) > 3 * spread


def test_gradient_descent_lowers_the_loss() -> None:
    features, _ = clusters()
    p_NN = neighbour_probabilities(squared_distances(features), 0, (len(features) - 1) / 3)
    p = torch.from_numpy((p_NN + p_NN.T) / (2 * len(features)))
    losses = [float(loss(p, torch.from_numpy(step.points_N2).double())) for step in tsne(features)]
    assert losses[-1] < 0.3 * losses[0]
    assert losses[-1] < 1.05 * min(losses)


def test_progress_increases_to_one() -> None:
    features, _ = clusters()
    steps = list(tsne(features, steps=60))
    shares = [step.share for step in steps]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert all(share < following for share, following in pairwise(shares))
    assert len(steps) == 1 + 60 / REPORT_INTERVAL
    assert all(step.points_N2.shape == (75, 2) for step in steps)


def test_points_of_a_step_do_not_change_later() -> None:
    features, _ = clusters()
    steps = [(step, step.points_N2.copy()) for step in tsne(features, steps=60)]
    assert all(np.array_equal(step.points_N2, copy) for step, copy in steps)
    assert not np.array_equal(steps[-1][1], steps[-2][1])


def test_closing_the_generator_stops_the_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    step = TsneDescent.step

    def recorded_step(self: TsneDescent, *, exaggerated: bool) -> None:
        calls.append(exaggerated)
        step(self, exaggerated=exaggerated)

    monkeypatch.setattr(TsneDescent, "step", recorded_step)
    features, _ = clusters()
    steps = tsne(features)
    assert len(list(islice(steps, 3))) == 3
    steps.close()  # type: ignore[attr-defined]
    assert len(calls) == 2 * REPORT_INTERVAL


def test_the_same_seed_gives_the_same_points() -> None:
    features, _ = clusters()
    first, again, other = (final_step(features, seed=seed, steps=80) for seed in (1, 1, 2))
    assert np.array_equal(first.points_N2, again.points_N2)
    assert not np.array_equal(first.points_N2, other.points_N2)


def test_equal_features_give_finite_points() -> None:
    points = final_step(np.ones((40, 5)), steps=300).points_N2
    assert np.isfinite(points).all()
    features, _ = clusters()
    repeated = np.repeat(features[:20], 4, axis=0)
    assert np.isfinite(final_step(repeated, steps=300).points_N2).all()


@pytest.mark.parametrize("size", [0, MIN_IMAGES - 1, MAX_IMAGES + 1])
def test_too_few_or_too_many_images_are_an_error(size: int) -> None:
    with pytest.raises(ValueError, match="t-SNE takes 10 to 2,000 images"):
        next(tsne(np.zeros((size, 2))))


def test_the_smallest_number_of_images_works() -> None:
    features, _ = clusters(size=5, count=2)
    assert np.isfinite(final_step(features, steps=300).points_N2).all()
