"""A net's answers over a split, and the two figures read off them.

Evaluation is done in fp32 whatever the net was trained in: these are the figures of the net that
is taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Figures(NamedTuple):
    """What a net scores on a split."""

    accuracy: float
    loss: float
    errors: int
    size: int


@torch.no_grad()
def logits_over(
    net: nn.Module, batches: Iterable[Tensor], check: Callable[[], object] = lambda: None
) -> Tensor:
    """Logits N×C of all images, in their order, computed in evaluation mode; K×N×C of a cohort.

    Args:
        net: left in the mode it came in.
        batches: scaled images, B×1×28×28 each.
        check: called before each batch; may raise to stop.
    """
    training = net.training
    net.eval()
    try:
        answers = []
        for images in batches:
            check()
            answers.append(net(images).to(torch.get_default_dtype()))
    finally:
        net.train(training)
    return torch.cat(answers, -2)


def figures(z_NC: Tensor, y_N: Tensor) -> Figures:
    """Accuracy (share of 1) and cross-entropy (nats, mean) of logits against labels."""
    errors = int((z_NC.argmax(1) != y_N).sum())
    loss = float(functional.cross_entropy(z_NC, y_N))
    return Figures(1 - errors / len(y_N), loss, errors, len(y_N))
