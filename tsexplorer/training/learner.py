"""Training state of one net: all that a checkpoint stores."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from tsexplorer.models.stacked import Cohort
from tsexplorer.specs import TrainSpec
from tsexplorer.training.checkpoints import Metadata, select_prefix
from tsexplorer.training.evaluation import SplitMetrics
from tsexplorer.training.events import EpochEnded
from tsexplorer.training.optimisation import (
    PLATEAU_FACTOR,
    bound_norms,
    flatten_state,
    learning_rate,
    make_optimiser,
    set_rate,
    unflatten_state,
)


@dataclass
class TrainingRecord:
    """Counters of the training, and the best validation metrics so far.

    ``keep: best`` compares accuracies, and losses between equal accuracies. Early stopping and the
    ``plateau`` schedule compare losses, which react earlier than accuracies.

    Checkpoints store the fields by name.

    Attributes:
        epoch: number of finished epochs.
        steps: number of optimiser steps.
        seconds: time spent, without pauses.
        best_epoch: epoch with the best accuracy.
        best_accuracy: its validation accuracy, a share of 1.
        best_loss: its validation loss, in nats.
        lowest_loss: lowest validation loss of all epochs.
        epochs_without_gain: number of epochs since the lowest loss, for early stopping.
        plateau_wait: the same since the last change of ``plateau``.
        plateau: factor on the learning rate under the ``plateau`` schedule.
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
    """A net in training: its optimiser, the moving average of its weights, and its record.

    Attributes:
        net: the net that is trained.
        train: training settings.
        total_steps: number of optimiser steps without early stopping.
        auxiliary_module: net of the objective, trained by the same optimiser and not kept.
        record: counters and best validation metrics.
        history: metrics of all finished epochs; a store that lost them gets them from here.
        optimiser: updates the weights of both nets.
        average: net with the moving average of the weights; None without averaging.
        best: weights of the best epoch under ``keep: best``; else None.
    """

    net: nn.Module
    train: TrainSpec
    total_steps: int
    auxiliary_module: nn.Module | None = None
    record: TrainingRecord = field(default_factory=TrainingRecord)
    history: list[EpochEnded] = field(default_factory=list)

    def __post_init__(self) -> None:
        parameters = list(self.net.parameters())
        if self.auxiliary_module is not None:
            parameters += self.auxiliary_module.parameters()
        self.optimiser = make_optimiser(self.train, parameters)
        self.average = copy.deepcopy(self.net).eval() if self.train.averaging else None
        self.best: dict[str, Tensor] | None = None

    @property
    def evaluated_net(self) -> nn.Module:
        """The net that is evaluated and kept: the moving average if there is one."""
        return self.net if self.average is None else self.average

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done, or early stopping ends the training."""
        patience = self.train.early_stopping
        stopped = patience is not None and self.record.epochs_without_gain >= patience
        return stopped or self.record.epoch >= self.train.epochs

    @property
    def last_rate(self) -> float:
        """Learning rate of the last step."""
        return float(self.optimiser.param_groups[0]["lr"])

    def step(self, loss: Tensor) -> None:
        """Backpropagate ``loss`` and take one optimiser step."""
        record = self.record
        rate = learning_rate(self.train, record.steps, self.total_steps, record.plateau)
        set_rate(self.optimiser, rate)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        if self.train.max_norm is not None:
            bound_norms(self.net, self.train.max_norm)
            if isinstance(self.auxiliary_module, Cohort):  # peers have the student's constraints
                bound_norms(self.auxiliary_module, self.train.max_norm)
        record.steps += 1
        if self.average is not None:
            self._update_average(self.average)

    def record_validation(self, validation: SplitMetrics) -> None:
        """Update the record and the best weights after an epoch."""
        record = self.record
        record.epoch += 1
        is_best = (validation.accuracy, -validation.loss) > (
            record.best_accuracy,
            -record.best_loss,
        )
        if is_best:
            record.best_epoch = record.epoch
            record.best_accuracy, record.best_loss = validation.accuracy, validation.loss
            if self.train.keep == "best":
                # Clones: in a stack of students, a deep copy would copy the memory of all of them.
                state = self.evaluated_net.state_dict()
                self.best = {name: value.detach().clone() for name, value in state.items()}
        if validation.loss < record.lowest_loss:
            record.lowest_loss = validation.loss
            record.epochs_without_gain = record.plateau_wait = 0
            return
        record.epochs_without_gain += 1
        record.plateau_wait += 1
        if record.plateau_wait >= self.train.plateau_patience:
            record.plateau *= PLATEAU_FACTOR
            record.plateau_wait = 0

    def load_kept_weights(self) -> int:
        """Load the weights to keep into :attr:`evaluated_net`; returns their epoch."""
        if self.best is None:
            return self.record.epoch
        self.evaluated_net.load_state_dict(self.best)
        return self.record.best_epoch

    def state(self) -> tuple[dict[str, Tensor], Metadata]:
        """The complete state as tensors by name and JSON metadata."""
        tensors, optimiser = flatten_state(self.optimiser.state_dict())
        tensors |= _add_prefix("net.", self.net.state_dict())
        if self.auxiliary_module is not None:
            # "extra." is the prefix that all released versions use.
            tensors |= _add_prefix("extra.", self.auxiliary_module.state_dict())
        if self.average is not None:
            tensors |= _add_prefix("average.", self.average.state_dict())
        if self.best is not None:
            tensors |= _add_prefix("best.", self.best)
        return tensors, {
            "record": asdict(self.record),
            "optimiser": optimiser,
            "history": [asdict(epoch) for epoch in self.history],
        }

    def load(self, tensors: dict[str, Tensor], metadata: Metadata) -> None:
        """Restore the state that :meth:`state` returned.

        Raises:
            KeyError, ValueError, RuntimeError, TypeError: it is the state of another net or of
                other settings.
        """
        record = TrainingRecord(**metadata["record"])
        history = [EpochEnded(**epoch) for epoch in metadata["history"]]
        self.net.load_state_dict(select_prefix("net.", tensors))
        if self.auxiliary_module is not None:
            self.auxiliary_module.load_state_dict(select_prefix("extra.", tensors))
        self.optimiser.load_state_dict(unflatten_state(tensors, metadata["optimiser"]))
        _restore_strides(self.optimiser.state)
        if self.average is not None:
            self.average.load_state_dict(select_prefix("average.", tensors))
        device = next(self.net.parameters()).device
        best = select_prefix("best.", tensors)
        self.best = {name: value.to(device) for name, value in best.items()} or None
        self.record, self.history = record, history

    @torch.no_grad()
    def _update_average(self, average: nn.Module) -> None:
        # The decay starts low, so that the random initial weights soon lose their influence.
        decay = min(self.train.averaging, (1 + self.record.steps) / (10 + self.record.steps))
        move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        move(list(average.parameters()), list(self.net.parameters()), self.record.steps)
        for averaged, buffer in zip(average.buffers(), self.net.buffers(), strict=True):
            averaged.copy_(buffer)


def _add_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _restore_strides(state: Mapping[Tensor, dict[str, Any]]) -> None:
    """Give the optimiser's tensors the strides of their parameters.

    Files do not store strides. A fused optimiser steps through the memory of a parameter and of
    its state in parallel: with channels_last weights and a contiguous momentum it would combine
    values of different weights.
    """
    for parameter, entries in state.items():
        for name, value in entries.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                entries[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
