"""Logits of a net over a split, and the metrics computed from them.

Evaluation runs in fp32, also for a net that was trained in bf16: exported nets run in fp32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class SplitMetrics(NamedTuple):
    """Metrics of a net on a split.

    Attributes:
        accuracy: share of correct answers, 0...1.
        loss: mean cross-entropy in nats.
        errors: number of wrong answers.
        size: number of images.
    """

    accuracy: float
    loss: float
    errors: int
    size: int


@torch.no_grad()
def compute_logits(
    net: nn.Module, batches: Iterable[Tensor], check: Callable[[], object] = lambda: None
) -> Tensor:
    """Compute the logits of all images in evaluation mode.

    Args:
        net: a net, or a cohort of K nets; afterwards it is in the mode it was in before.
        batches: scaled images, B×C×H×W each.
        check: called before each batch; may raise to stop.

    Returns:
        Logits N×C in the order of the images; K×N×C for a cohort.
    """
    training = net.training
    net.eval()
    try:
        logits = []
        for images in batches:
            check()
            logits.append(net(images).to(torch.get_default_dtype()))
    finally:
        net.train(training)
    return torch.cat(logits, -2)


def compute_metrics(z_NC: Tensor, y_N: Tensor) -> SplitMetrics:
    """Compare logits with labels."""
    errors = int((z_NC.argmax(1) != y_N).sum())
    loss = float(functional.cross_entropy(z_NC, y_N))
    return SplitMetrics(1 - errors / len(y_N), loss, errors, len(y_N))
