"""A net's first weights, drawn from a generator of their own. Imports torch.

torch
    U(±1/√fan_in), biases too: what ``nn.Conv2d`` and ``nn.Linear`` do by themselves.
glorot
    U(±√(6/(fan_in + fan_out))), zero biases: Keras' default; Glorot and Bengio 2010, "Understanding
    the difficulty of training deep feedforward neural networks".
kaiming
    Convolutions N(0, 2/fan_out) with zero biases, dense layers as in ``torch``: He et al. 2015,
    arXiv 1502.01852, as torchvision's ResNets do.

Batch norm starts as the identity in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tsexplorer.models.base import Scheme

Fill = Callable[[Tensor, Tensor | None, torch.Generator], object]


def _torch(weight: Tensor, bias: Tensor | None, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(_fan_in(weight))
    weight.uniform_(-bound, bound, generator=generator)
    if bias is not None:
        bias.uniform_(-bound, bound, generator=generator)


def _glorot(weight: Tensor, bias: Tensor | None, generator: torch.Generator) -> None:
    bound = math.sqrt(6 / (_fan_in(weight) + _fan_out(weight)))
    weight.uniform_(-bound, bound, generator=generator)
    if bias is not None:
        bias.zero_()


def _kaiming(weight: Tensor, bias: Tensor | None, generator: torch.Generator) -> None:
    weight.normal_(0, math.sqrt(2 / _fan_out(weight)), generator=generator)
    if bias is not None:
        bias.zero_()


CONVOLUTION: dict[Scheme, Fill] = {"torch": _torch, "glorot": _glorot, "kaiming": _kaiming}
DENSE: dict[Scheme, Fill] = {"torch": _torch, "glorot": _glorot, "kaiming": _torch}


@torch.no_grad()
def initialise(net: nn.Module, scheme: Scheme, seed: int) -> None:
    """Fill every parameter and buffer of a net on the CPU.

    The same net, scheme and seed give the same bits; torch's global generator is not touched.

    Raises:
        TypeError: the net has a module with numbers that no scheme knows how to start.
    """
    generator = torch.Generator().manual_seed(seed)
    for part in net.modules():
        if isinstance(part, nn.Conv2d):
            CONVOLUTION[scheme](part.weight, part.bias, generator)
        elif isinstance(part, nn.Linear):
            DENSE[scheme](part.weight, part.bias, generator)
        elif isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.reset_parameters()
        elif [*part.parameters(recurse=False), *part.buffers(recurse=False)]:
            raise TypeError(f"no scheme says how {type(part).__name__} starts")


def _fan_in(weight: Tensor) -> int:
    """Weights that one output is summed over."""
    return weight[0].numel()


def _fan_out(weight: Tensor) -> int:
    """Weights that one input goes through, groups not considered (torch counts so too)."""
    return weight.numel() // weight.shape[1]
