"""Logits over a split and the metrics computed from them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tsexplorer.errors import Cancelled
from tsexplorer.training.evaluation import compute_logits, compute_metrics


def test_evaluation_restores_the_mode_of_the_net():
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 3))
    images = [torch.zeros(2, 1, 28, 28)]
    for training in (True, False):
        net.train(training)
        assert compute_logits(net, images).shape == (2, 3)
        assert net.training is training


def test_a_stopped_evaluation_restores_the_mode_too():
    def stop() -> None:
        raise Cancelled

    net = nn.Flatten().train()
    with pytest.raises(Cancelled):
        compute_logits(net, [torch.zeros(2, 1, 28, 28)], stop)
    assert net.training


def test_metrics_of_an_example_computed_by_hand():
    z_NC = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 0.0]])
    metrics = compute_metrics(z_NC, torch.tensor([0, 0, 0, 0]))
    losses = [0.126928, 1.313262, 0.048587, 0.693147]
    assert (metrics.accuracy, metrics.errors, metrics.size) == (0.75, 1, 4)
    assert metrics.loss == pytest.approx(sum(losses) / 4, abs=1e-5)
