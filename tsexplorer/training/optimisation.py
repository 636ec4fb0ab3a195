"""Optimisers by name, the max-norm constraint, and learning rate schedules.

The learning rate is a function of the step, so a resumed run needs no schedule state. Only
``plateau`` depends on the past: on a factor that :class:`~tsexplorer.training.learner.Learner`
lowers after epochs without a lower validation loss.

``one-cycle`` is the policy of Smith and Topin (arXiv 1708.07120) with the defaults of torch's
``OneCycleLR``, without cycling the momentum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer

from tsexplorer.models.stacked import StackedCohort
from tsexplorer.specs import TrainSpec
from tsexplorer.training.checkpoints import Metadata

WARM_UP_SHARE = 0.3
"""Share of the steps in which ``one-cycle`` raises the learning rate."""
START_DIVISOR = 25.0
END_DIVISOR = 1e4
PLATEAU_FACTOR = 0.1
"""Factor by which ``plateau`` lowers the learning rate."""


def make_optimiser(train: TrainSpec, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Make the optimiser that ``train`` names, fused where torch has a fused version.

    Call :func:`set_rate` before each step.
    """
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
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def flatten_state(state: dict[str, Any]) -> tuple[dict[str, Tensor], Metadata]:
    """Split an optimiser's state_dict into tensors by name and JSON metadata."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for index, entries in state["state"].items():
        for key, value in entries.items():
            name = f"optimiser.{index}.{key}"
            if isinstance(value, Tensor):
                tensors[name] = value
            else:
                numbers[name] = value
    return tensors, {"state": numbers, "groups": state["param_groups"]}


def unflatten_state(tensors: dict[str, Tensor], metadata: Metadata) -> dict[str, Any]:
    """Inverse of :func:`flatten_state`; ignores tensors of other names."""
    state: dict[int, dict[str, Any]] = {}
    entries = {name: value for name, value in tensors.items() if name.startswith("optimiser.")}
    for name, value in {**entries, **metadata["state"]}.items():
        _, index, key = name.split(".", 2)
        state.setdefault(int(index), {})[key] = value
    return {"state": state, "param_groups": metadata["groups"]}


@torch.no_grad()
def bound_norms(net: nn.Module, bound: float) -> None:
    """Scale down each dense unit whose incoming weights have a norm above ``bound``."""
    for module in net.modules():
        if isinstance(module, nn.Linear):
            bound_units(module.weight, bound)
        elif isinstance(module, StackedCohort):
            for weight in module.dense_weights:
                bound_units(weight, bound)


@torch.no_grad()
def bound_units(weight: Tensor, bound: float) -> None:
    """Scale down the rows of ...×units×inputs weights whose norm is above ``bound``."""
    norms = weight.norm(dim=-1, keepdim=True)
    weight.mul_((bound / norms.clamp_min(1e-12)).clamp_max(1.0))


def learning_rate(train: TrainSpec, step: int, steps: int, plateau: float = 1.0) -> float:
    """Learning rate of one optimiser step.

    Args:
        train: has the schedule and its peak rate.
        step: number of steps before this one, 0...steps - 1.
        steps: number of steps of the whole stage.
        plateau: current factor of the ``plateau`` schedule.
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
    peak_step = WARM_UP_SHARE * steps - 1
    last_step = steps - 1
    if step <= peak_step:
        return _cosine(start, peak, step / peak_step) if peak_step > 0 else peak
    if last_step <= peak_step:
        return end
    return _cosine(peak, end, (step - peak_step) / (last_step - peak_step))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
