"""Pausing and cancelling within 0.2 s, also for nets such as ResNet-18 with batches of seconds.

For slow nets, evaluation uses smaller batches, and training checks for requests before each layer,
forward and backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pages estimate costs before torch is loaded
    from torch import Tensor, nn

MAX_EVALUATION_BATCH = 1000
"""Largest number of images per evaluation batch."""
MACS_PER_CHECK = 10**9
"""Multiply-accumulates of forward passes that take one CPU core about 0.1 s."""


def evaluation_batch_size(macs: int) -> int:
    """Number of images per evaluation batch.

    Rounding depends on the batch size, so the batch size is a function of the net alone.

    Args:
        macs: multiply-accumulates of the net for one image.
    """
    return max(1, min(MAX_EVALUATION_BATCH, MACS_PER_CHECK // max(macs, 1)))


def is_slow_batch(macs: int, batch_size: int) -> bool:
    """Whether one training batch may delay a pause or a cancel by more than 0.2 s.

    The backward pass takes about twice as long as the forward pass. Nets of many small layers,
    such as MobileNet, compute half as many multiply-accumulates per second as others.

    Args:
        macs: multiply-accumulates of the net for one image.
        batch_size: number of images per batch.
    """
    return 3 * macs * batch_size > MACS_PER_CHECK // 2


def add_cancel_hooks(net: nn.Module, check: Callable[[], object]) -> None:
    """Call ``check`` before each layer computes, forward and backward.

    Args:
        net: gets hooks, which do not change its results.
        check: may wait, or raise to stop.
    """

    def before_forward(_layer: nn.Module, _inputs: object) -> None:
        check()

    def after_forward(_layer: nn.Module, _inputs: object, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(before_backward)  # type: ignore[no-untyped-call]

    def before_backward(_gradient: Tensor) -> None:
        check()

    for layer in net.modules():
        if next(layer.children(), None) is None:
            layer.register_forward_pre_hook(before_forward)
            layer.register_forward_hook(after_forward)
