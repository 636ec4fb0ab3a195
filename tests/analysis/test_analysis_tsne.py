"""t-SNE: its gradient against autograd, its neighbourhoods, and what comes out of it."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest
import torch

from tsexplorer.analysis import embedding as module
from tsexplorer.analysis.embedding import FEWEST, MOST, Sight, tsne
from tsexplorer.analysis.soft_targets import Floats


def heaps(each: int = 25, count: int = 3, width: int = 6) -> tuple[Floats, np.ndarray]:
    """Heaps of images that lie far from each other."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(count), each)
    return 8 * np.eye(width)[labels] + random.normal(size=(len(labels), width)), labels


def last(features: Floats, **options: int) -> Sight:
    *_, sight = tsne(features, **options)
    return sight


def cost(p_NN: torch.Tensor, y_N2: torch.Tensor) -> torch.Tensor:
    """KL(p ‖ q) with q by Student's t, as the paper has it, without any of the short cuts."""
    distances = ((y_N2[:, None] - y_N2) ** 2).sum(-1)
    near = (1 / (1 + distances)).masked_fill(torch.eye(len(y_N2), dtype=torch.bool), 0.0)
    q_NN = near / near.sum()
    return torch.special.xlogy(p_NN, p_NN).sum() - torch.special.xlogy(p_NN, q_NN + 1e-300).sum()


@pytest.mark.parametrize("block", [100, 7, 25])
def test_gradient_is_autograds(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the last block is shorter than the others."""
    monkeypatch.setattr(module, "BLOCK", block)
    random = np.random.default_rng(1)
    p_NN = random.random((25, 25)).astype(np.float32)
    p_NN += p_NN.T
    np.fill_diagonal(p_NN, 0)
    p_NN /= p_NN.sum()
    y_N2 = random.normal(size=(25, 2)).astype(np.float32)
    points = torch.from_numpy(y_N2).double().requires_grad_()
    cost(torch.from_numpy(p_NN).double(), points).backward()  # type: ignore[no-untyped-call]
    assert points.grad is not None
    found = module._Descent(p_NN, y_N2).gradient(1.0)
    np.testing.assert_allclose(found, points.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_exaggeration_multiplies_the_pull_alone() -> None:
    p_NN = np.full((12, 12), 1 / 132, dtype=np.float32)
    np.fill_diagonal(p_NN, 0)
    descent = module._Descent(p_NN, np.random.default_rng(2).normal(size=(12, 2)).astype("f4"))
    push = descent.gradient(0.0)
    pull = descent.gradient(1.0) - push
    np.testing.assert_allclose(descent.gradient(12.0), 12 * pull + push, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("perplexity", [2.0, 5.0, 20.0])
def test_neighbourhoods_have_the_perplexity_asked_for(perplexity: float) -> None:
    features, _ = heaps()
    squares = module._squared_distances(features)
    p_BN = module._neighbours(squares[10:30].copy(), 10, perplexity)
    assert p_BN.sum(1) == pytest.approx(np.ones(20))
    assert p_BN[np.arange(20), np.arange(10, 30)].tolist() == [0] * 20  # none is its own neighbour
    entropies = -(p_BN * np.log(np.where(p_BN > 0, p_BN, 1))).sum(1)
    assert np.exp(entropies) == pytest.approx(np.full(20, perplexity), rel=1e-6)
    nearest = np.argsort(squares[10])[1]
    assert p_BN[0].argmax() == nearest


def test_squared_distances_worked_by_hand() -> None:
    found = module._squared_distances(np.array([[1e3, 0.0], [1e3 + 3, 4], [1e3, 1]]))
    np.testing.assert_allclose(found, [[0, 25, 1], [25, 0, 18], [1, 18, 0]], atol=1e-9)


def test_heaps_are_laid_out_as_heaps() -> None:
    features, labels = heaps()
    points = last(features).points_N2
    distances = ((points[:, None] - points) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).all()
    middles = np.stack([points[labels == label].mean(0) for label in range(3)])
    spread = max(points[labels == label].std() for label in range(3))
    gaps = [np.linalg.norm(one - other) for one, other in pairwise((*middles, middles[0]))]
    assert min(gaps) > 3 * spread


def test_the_descent_goes_down() -> None:
    features, _ = heaps()
    squares = module._squared_distances(features)
    p_NN = module._neighbours(squares, 0, (len(features) - 1) / 3)
    p = torch.from_numpy((p_NN + p_NN.T) / (2 * len(features)))
    costs = [float(cost(p, torch.from_numpy(s.points_N2).double())) for s in tsne(features)]
    assert costs[-1] < 0.3 * costs[0]
    assert costs[-1] < 1.05 * min(costs)


def test_progress_rises_to_one() -> None:
    features, _ = heaps()
    sights = list(tsne(features, steps=60))
    shares = [sight.share for sight in sights]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert all(one < other for one, other in pairwise(shares))
    assert len(sights) == 1 + 60 / module.EVERY
    assert all(sight.points_N2.shape == (75, 2) for sight in sights)


def test_a_sight_once_seen_stays_as_it_was() -> None:
    features, _ = heaps()
    sights = [(sight, sight.points_N2.copy()) for sight in tsne(features, steps=60)]
    assert all(np.array_equal(sight.points_N2, copy) for sight, copy in sights)
    assert not np.array_equal(sights[-1][1], sights[-2][1])


def test_giving_up_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    step = module._Descent.step

    def counted(self: module._Descent, *, exaggerated: bool) -> None:
        done.append(1)
        step(self, exaggerated=exaggerated)

    monkeypatch.setattr(module._Descent, "step", counted)
    features, _ = heaps()
    steps = tsne(features)
    assert len(list(islice(steps, 3))) == 3
    steps.close()  # type: ignore[attr-defined]
    assert len(done) == 2 * module.EVERY


def test_the_same_seed_gives_the_same_picture() -> None:
    features, _ = heaps()
    one, again, other = (last(features, seed=s, steps=80).points_N2 for s in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_images_with_the_same_features_are_no_trouble() -> None:
    points = last(np.ones((40, 5)), steps=300).points_N2
    assert np.isfinite(points).all()
    features, _ = heaps()
    assert np.isfinite(last(np.repeat(features[:20], 4, axis=0), steps=300).points_N2).all()


@pytest.mark.parametrize("size", [0, FEWEST - 1, MOST + 1])
def test_too_few_and_too_many_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="t-SNE takes 10 to 2,000 images"):
        next(tsne(np.zeros((size, 2))))


def test_the_fewest_are_enough() -> None:
    features, _ = heaps(each=5, count=2)
    assert np.isfinite(last(features, steps=300).points_N2).all()
