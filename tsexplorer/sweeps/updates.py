"""Optimiser steps for a stack: the optimisers that train one net, over slices of the stack.

What an optimiser does to one number depends on that number, its gradient, its history and the
rate; so one optimiser can serve all students that have the rate in common, and the arithmetic is
that of :mod:`tsexplorer.training.optimisers`, fused kernels included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tsexplorer.specs import TrainSpec
from tsexplorer.training.files import Numbers, flatten_optimiser, under, unflatten_optimiser
from tsexplorer.training.optimisers import make_optimiser, set_rate


@dataclass
class _Run:
    """Neighbours in the stack that always have the same rate."""

    start: int
    stop: int
    optimiser: Optimizer

    @property
    def parameters(self) -> list[Tensor]:
        parameters: list[Tensor] = self.optimiser.param_groups[0]["params"]
        return parameters


class Updates:
    """The optimisers of a stack."""

    def __init__(self, trains: Sequence[TrainSpec], stacked: Sequence[Tensor]) -> None:
        """Begin without a history.

        Args:
            trains: how each student trains; they differ in the learning rate alone.
            stacked: parameters, S×... each; changed in place by :meth:`step`.
        """
        self._runs = [
            _Run(start, stop, make_optimiser(trains[start], _slices(stacked, start, stop)))
            for start, stop in _spans(trains)
        ]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: Callable[[int], float]) -> None:
        """One step.

        Args:
            gradients: in the order of the parameters, S×... each.
            rate: gives that of the student at a place; asked once for all who share it.
        """
        for run in self._runs:
            for parameter, gradient in zip(run.parameters, gradients, strict=True):
                # A fused optimiser walks through both memories side by side, whatever the strides.
                parameter.grad = gradient[run.start : run.stop].contiguous()
            set_rate(run.optimiser, rate(run.start))
            run.optimiser.step()

    def take_over(self, other: Updates, places: Sequence[int]) -> None:
        """Go on with the history of some students of another stack.

        Args:
            other: the stack that they were in.
            places: of the students of this stack in that one.
        """
        for run in self._runs:
            histories = [other._history(place) for place in places[run.start : run.stop]]
            for number, parameter in enumerate(run.parameters):
                state = run.optimiser.state[parameter]
                for name, value in histories[0][number].items():
                    state[name] = (
                        torch.cat([history[number][name] for history in histories])
                        if value.dim()
                        else value.clone()
                    )

    def state(self) -> tuple[dict[str, Tensor], list[Numbers]]:
        """Tensors by name, and JSON numbers of each run."""
        tensors: dict[str, Tensor] = {}
        numbers = []
        for place, run in enumerate(self._runs):
            own, rest = flatten_optimiser(run.optimiser.state_dict())
            tensors |= {f"run{place}.{name}": value for name, value in own.items()}
            numbers.append(rest)
        return tensors, numbers

    def load(self, tensors: dict[str, Tensor], numbers: list[Numbers]) -> None:
        """Go on from what :meth:`state` gave.

        Raises:
            KeyError, ValueError: it is the state of another stack.
        """
        for place, (run, rest) in enumerate(zip(self._runs, numbers, strict=True)):
            own = under(f"run{place}.", tensors)
            run.optimiser.load_state_dict(unflatten_optimiser(own, rest))

    def _history(self, place: int) -> list[dict[str, Tensor]]:
        """What is known of one student, by parameter: 1×... each, or a number for all."""
        run = next(run for run in self._runs if run.start <= place < run.stop)
        row = place - run.start
        return [
            {
                name: value[row : row + 1] if value.dim() else value
                for name, value in _tensors(run.optimiser.state[parameter]).items()
            }
            for parameter in run.parameters
        ]


def _spans(trains: Sequence[TrainSpec]) -> list[tuple[int, int]]:
    """Runs of students whose rates can never part: ``plateau`` earns each its own."""
    spans: list[tuple[int, int]] = []
    keys = (
        (train.learning_rate, place if train.schedule == "plateau" else -1)
        for place, train in enumerate(trains)
    )
    for _, neighbours in groupby(keys):
        start = spans[-1][1] if spans else 0
        spans.append((start, start + len(list(neighbours))))
    return spans


def _slices(stacked: Sequence[Tensor], start: int, stop: int) -> list[nn.Parameter]:
    """Parameters that share the stack's memory, and not its graph."""
    return [nn.Parameter(tensor.detach()[start:stop], requires_grad=False) for tensor in stacked]


def _tensors(state: dict[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}
