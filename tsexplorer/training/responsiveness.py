"""Wishes are heard in time also where a batch takes long: ResNet-18 needs seconds for one.

Pausing and cancelling take effect within 0.2 s. Most nets are through with a batch long before
that. For the others, evaluation takes fewer images at a time, and training looks up between the
layers, on its way forward and back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is asked before anything is trained comes without torch
    from torch import Tensor, nn

LARGEST_BATCH = 1000
PATIENT_MACS = 10**9
"""Multiply-accumulates of a forward pass that a processor core is through with in about 0.1 s."""


def evaluation_batch(macs: int) -> int:
    """Images to evaluate at a time.

    The size of a batch decides the last bits of its answers, so this is a function of the net
    alone.

    Args:
        macs: of the net, for one image.
    """
    return max(1, min(LARGEST_BATCH, PATIENT_MACS // max(macs, 1)))


def is_slow_batch(macs: int, batch_size: int) -> bool:
    """Whether one training batch may take longer than a wish may wait.

    The way back takes about twice as long as the way forward; and nets of many small layers, as
    MobileNet, get half as much done in the time as others.
    """
    return 3 * macs * batch_size > PATIENT_MACS // 2


def add_cancel_hooks(net: nn.Module, check: Callable[[], object]) -> None:
    """Call ``check`` before each layer of ``net`` works, forward and backward.

    Args:
        net: its numbers stay what they are.
        check: may wait, or raise to stop.
    """

    def before(_layer: nn.Module, _inputs: object) -> None:
        check()

    def after(_layer: nn.Module, _inputs: object, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(back)  # type: ignore[no-untyped-call]

    def back(_gradient: Tensor) -> None:
        check()

    for layer in net.modules():
        if next(layer.children(), None) is None:
            layer.register_forward_pre_hook(before)
            layer.register_forward_hook(after)
