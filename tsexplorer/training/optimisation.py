"""Optimisers by name, in their fastest form that computes the same.

Learning rates as pure functions of the step, so that a resumed run needs no memory of them.

``one-cycle`` is the policy of Smith and Topin (arXiv 1708.07120) as torch's ``OneCycleLR``
draws it with its defaults, without the cycling of momentum. ``plateau`` alone has a memory:
the factor that validation has earned so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer

from tsexplorer.models.stacked import StackedCohort
from tsexplorer.specs import TrainSpec


def make_optimiser(train: TrainSpec, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The optimiser that ``train`` names; its rate is set before each step."""
    rate, decay = train.learning_rate, train.weight_decay
    match train.optimiser:
        case "adam":
            return Adam(parameters, rate, eps=train.epsilon, weight_decay=decay, fused=True)
        case "adamw":
            return AdamW(parameters, rate, eps=train.epsilon, weight_decay=decay, fused=True)
        case "sgd":
            return SGD(parameters, rate, momentum=train.momentum, weight_decay=decay, fused=True)
        case "adadelta":
            return Adadelta(parameters, rate, rho=0.95, eps=train.epsilon, weight_decay=decay)


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Give all parameters the same learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


@torch.no_grad()
def bound_norms(net: nn.Module, bound: float) -> None:
    """Scale down each dense unit whose incoming weights are longer than ``bound``."""
    for module in net.modules():
        if isinstance(module, nn.Linear):
            bound_units(module.weight, bound)
        elif isinstance(module, StackedCohort):
            for weight in module.dense_weights:
                bound_units(weight, bound)


@torch.no_grad()
def bound_units(weight: Tensor, bound: float) -> None:
    """Scale down the rows of ...×units×inputs weights that are longer than ``bound``."""
    norms = weight.norm(dim=-1, keepdim=True)
    weight.mul_((bound / norms.clamp_min(1e-12)).clamp_max(1.0))


WARM_UP = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 1e4
PLATEAU_FACTOR = 0.1


def learning_rate(train: TrainSpec, step: int, steps: int, plateau: float = 1.0) -> float:
    """The rate of one optimiser step.

    Args:
        train: gives the schedule and its peak rate.
        step: steps done before this one, 0...steps - 1.
        steps: steps of the whole stage.
        plateau: factor in force under ``plateau``.
    """
    peak = train.learning_rate
    match train.schedule:
        case "constant":
            return peak
        case "cosine":
            return peak * (1 + math.cos(math.pi * step / steps)) / 2
        case "one-cycle":
            return one_cycle(peak, step, steps)
        case "plateau":
            return peak * plateau


def one_cycle(peak: float, step: int, steps: int) -> float:
    """Cosine from peak / 25 up to the peak over the first 30 %, then down to peak / 250,000."""
    start, end = peak / START_DIVISOR, peak / START_DIVISOR / END_DIVISOR
    turn = WARM_UP * steps - 1
    last = steps - 1
    if step <= turn:
        return _cosine(start, peak, step / turn) if turn > 0 else peak
    return _cosine(peak, end, (step - turn) / (last - turn)) if last > turn else end


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
