"""Optimisers by name, in their fastest form that computes the same."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer

from tsexplorer.models.cohort import Stacked
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
        elif isinstance(module, Stacked):
            for weight in module.dense_weights:
                bound_units(weight, bound)


@torch.no_grad()
def bound_units(weight: Tensor, bound: float) -> None:
    """Scale down the rows of ...×units×inputs weights that are longer than ``bound``."""
    norms = weight.norm(dim=-1, keepdim=True)
    weight.mul_((bound / norms.clamp_min(1e-12)).clamp_max(1.0))
