"""One net while it learns: everything that a checkpoint must hold, and nothing else."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tsexplorer.models.stacked import Cohort
from tsexplorer.specs import TrainSpec
from tsexplorer.training.checkpoints import Numbers, flatten_optimiser, under, unflatten_optimiser
from tsexplorer.training.evaluation import Figures
from tsexplorer.training.events import EpochEnded
from tsexplorer.training.optimisation import (
    PLATEAU_FACTOR,
    bound_norms,
    learning_rate,
    make_optimiser,
    set_rate,
)


@dataclass
class Record:
    """What validation has said so far.

    ``keep: best`` goes by accuracy, the loss deciding between equals; early stopping and the
    plateau schedule go by loss, which moves before accuracy does.
    """

    epoch: int = 0
    steps: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = math.inf
    lowest_loss: float = math.inf
    epochs_without_gain: int = 0
    plateau_wait: int = 0
    plateau: float = 1.0


@dataclass
class Learner:
    """A net, its optimiser, the running average of its weights, and its record.

    Attributes:
        net: what learns.
        train: how.
        total_steps: optimiser steps if no early stopping comes in.
        extra: the objective's own net, which takes the same steps and is not kept.
        record: what validation has said so far.
        history: the figures of all epochs done, so that a curve survives what happens to a store.
    """

    net: nn.Module
    train: TrainSpec
    total_steps: int
    extra: nn.Module | None = None
    record: Record = field(default_factory=Record)
    history: list[EpochEnded] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = [] if self.extra is None else list(self.extra.parameters())
        self.optimiser = make_optimiser(self.train, [*self.net.parameters(), *own])
        self.average = copy.deepcopy(self.net).eval() if self.train.averaging else None
        self.best: dict[str, Tensor] | None = None

    @property
    def judged(self) -> nn.Module:
        """The net whose weights are validated, tested and kept."""
        return self.net if self.average is None else self.average

    def step(self, loss: Tensor) -> None:
        """One optimiser step down ``loss``."""
        record = self.record
        rate = learning_rate(self.train, record.steps, self.total_steps, record.plateau)
        set_rate(self.optimiser, rate)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        if self.train.max_norm is not None:
            bound_norms(self.net, self.train.max_norm)
            if isinstance(self.extra, Cohort):  # peers learn as the student does
                bound_norms(self.extra, self.train.max_norm)
        record.steps += 1
        if self.average is not None:
            self._move_average(self.average)

    @property
    def rate(self) -> float:
        """Learning rate of the last step."""
        return float(self.optimiser.param_groups[0]["lr"])

    def judge(self, validation: Figures) -> None:
        """Take an epoch's validation into the record."""
        record = self.record
        record.epoch += 1
        better = (validation.accuracy, -validation.loss) > (record.best_accuracy, -record.best_loss)
        if better:
            record.best_epoch = record.epoch
            record.best_accuracy, record.best_loss = validation.accuracy, validation.loss
            if self.train.keep == "best":
                # A stacked net's weights are views: a deep copy would take all nets' along.
                self.best = {
                    name: value.detach().clone() for name, value in self.judged.state_dict().items()
                }
        if validation.loss < record.lowest_loss:
            record.lowest_loss = validation.loss
            record.epochs_without_gain = record.plateau_wait = 0
            return
        record.epochs_without_gain += 1
        record.plateau_wait += 1
        if record.plateau_wait >= self.train.plateau_patience:
            record.plateau *= PLATEAU_FACTOR
            record.plateau_wait = 0

    @property
    def finished(self) -> bool:
        """Whether all epochs are done or early stopping says so."""
        patience = self.train.early_stopping
        stopped = patience is not None and self.record.epochs_without_gain >= patience
        return stopped or self.record.epoch >= self.train.epochs

    def settle(self) -> int:
        """Load the weights that are kept into :attr:`judged`; returns their epoch."""
        if self.best is None:
            return self.record.epoch
        self.judged.load_state_dict(self.best)
        return self.record.best_epoch

    def state(self) -> tuple[dict[str, Tensor], Numbers]:
        """All of it as tensors by name and JSON numbers."""
        tensors, optimiser = flatten_optimiser(self.optimiser.state_dict())
        tensors |= {f"net.{name}": value for name, value in self.net.state_dict().items()}
        if self.extra is not None:
            tensors |= {f"extra.{name}": one for name, one in self.extra.state_dict().items()}
        if self.average is not None:
            average = self.average.state_dict()
            tensors |= {f"average.{name}": value for name, value in average.items()}
        if self.best is not None:
            tensors |= {f"best.{name}": value for name, value in self.best.items()}
        history = [asdict(row) for row in self.history]
        return tensors, {
            "record": asdict(self.record),
            "optimiser": optimiser,
            "history": history,
        }

    def load(self, tensors: dict[str, Tensor], numbers: Numbers) -> None:
        """Go on from what :meth:`state` gave.

        Raises:
            KeyError, ValueError, RuntimeError, TypeError: it is the state of another learner.
        """
        record = Record(**numbers["record"])
        history = [EpochEnded(**row) for row in numbers["history"]]
        self.net.load_state_dict(under("net.", tensors))
        if self.extra is not None:
            self.extra.load_state_dict(under("extra.", tensors))
        self.optimiser.load_state_dict(unflatten_optimiser(tensors, numbers["optimiser"]))
        _lay_out(self.optimiser.state)
        if self.average is not None:
            self.average.load_state_dict(under("average.", tensors))
        device = next(self.net.parameters()).device
        best = under("best.", tensors)
        self.best = {name: value.to(device) for name, value in best.items()} or None
        self.record, self.history = record, history

    @torch.no_grad()
    def _move_average(self, average: nn.Module) -> None:
        # A short memory at first, so that the random start is forgotten.
        decay = min(self.train.averaging, (1 + self.record.steps) / (10 + self.record.steps))
        torch._foreach_lerp_(list(average.parameters()), list(self.net.parameters()), 1 - decay)
        for own, new in zip(average.buffers(), self.net.buffers(), strict=True):
            own.copy_(new)


def _lay_out(state: Mapping[Tensor, dict[str, Any]]) -> None:
    """Give an optimiser's tensors the strides of their parameters.

    A file keeps no strides, and a fused optimiser walks through the memory of a parameter and of
    its state side by side: with weights channels last and a momentum that is not, it would pair
    each number with another's.
    """
    for parameter, entries in state.items():
        for name, value in entries.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                entries[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
