"""Students of one dense net as one net: their weights side by side, a step of all at once.

Shape suffixes: S students in the stack, B batch, N images, C classes. What one student computes
touches no other's numbers, so each trains as it would alone, to the rounding of a matrix product
that is done in another order.

The way forward is that of :mod:`tsexplorer.models.stacked`. The loss is the objective's own, under
``torch.func.vmap``.

Optimiser steps for a stack: the optimisers that train one net, over slices of the stack.

What an optimiser does to one number depends on that number, its gradient, its history and the
rate; so one optimiser can serve all students that have the rate in common, and the arithmetic is
that of :mod:`tsexplorer.training.optimisation`, fused kernels included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state, vmap
from torch.optim import Optimizer

from tsexplorer.models.network import Net
from tsexplorer.models.stacked import NamedLayers, forward, named_layers
from tsexplorer.objectives import LossInputs, Objective
from tsexplorer.specs import StageSpec, TrainSpec
from tsexplorer.training.checkpoints import Metadata, select_prefix
from tsexplorer.training.optimisation import (
    bound_units,
    flatten_state,
    make_optimiser,
    set_rate,
    unflatten_state,
)

Weights = Mapping[str, Tensor]


class Stack:
    """Students that train together.

    Attributes:
        weights: parameters by name, S×... each.
        average: their running averages; None where none are asked for.
        steps: optimiser steps taken, the same for all.
    """

    def __init__(
        self, nets: Sequence[Net], specs: Sequence[StageSpec], objective: Objective
    ) -> None:
        """Begin with the weights of some nets, which are copied.

        Args:
            nets: of one architecture, of dense layers and activations.
            specs: theirs; they differ in T, lambda, seed and learning rate alone.
            objective: theirs.
        """
        self._layers = named_layers(nets[0])
        self._objective = objective
        self._options = objective.option_values(specs[0].objective)
        self._epochs = specs[0].train.epochs
        weights, _ = stack_module_state(list(nets))
        self.steps = 0
        self._fill(dict(weights), specs)
        self.average: dict[str, Tensor] | None = None
        if specs[0].train.averaging:
            self.average = {name: value.detach().clone() for name, value in weights.items()}

    def _fill(self, weights: dict[str, Tensor], specs: Sequence[StageSpec]) -> None:
        self.weights, self._specs = weights, specs
        self._updates = Updates([spec.train for spec in specs], list(weights.values()))
        device = next(iter(weights.values())).device
        objectives = [spec.objective for spec in specs]
        self._temperature_S = torch.tensor([one.temperature for one in objectives], device=device)
        self._lam_S = torch.tensor([one.lam for one in objectives], device=device)

    @property
    def judged(self) -> dict[str, Tensor]:
        """The weights that are validated and kept."""
        return self.weights if self.average is None else self.average

    def student(self, place: int) -> dict[str, Tensor]:
        """The judged weights of one student, as views."""
        return {name: value.detach()[place] for name, value in self.judged.items()}

    def step(
        self,
        images: Tensor,
        z_t: Tensor | None,
        labels: Tensor,
        rate: Callable[[int], float],
        epoch: int = 1,
    ) -> Tensor:
        """One optimiser step of each student.

        Args:
            images: scaled, B×1×28×28 for all, or S×B×1×28×28.
            z_t: the teacher's logits, B×C for all, or S×B×C; None where there is no teacher.
            labels: B for all, or S×B.
            rate: gives the learning rate of the student at a place in the stack.
            epoch: the one under way, from 1.

        Returns:
            S losses before the step, nats.
        """
        z_SBC = forward(self._layers, self.weights, images)
        loss_S = self._losses(z_SBC, z_t, labels, epoch)
        # Each student's loss depends on its own weights alone: the sum's gradient is each one's.
        gradients = torch.autograd.grad(loss_S.sum(), list(self.weights.values()))
        self._updates.step(gradients, rate)
        self.steps += 1
        train = self._specs[0].train
        if train.max_norm is not None:
            self._bound_norms(train.max_norm)
        if self.average is not None:
            self._move_average(self.average, train.averaging)
        return loss_S.detach()

    def logits_over(self, batches: Iterable[Tensor]) -> Tensor:
        """Logits S×N×C of the judged weights; images come B×1×28×28 at a time."""
        return _forward_over(self._layers, self.judged, batches)

    def narrowed(self, places: Sequence[int]) -> None:
        """Go on with some of the students only, each with its history."""
        before = self._updates
        weights = {
            name: value.detach()[list(places)].requires_grad_()
            for name, value in self.weights.items()
        }
        self._fill(weights, [self._specs[place] for place in places])
        self._updates.take_over(before, places)
        if self.average is not None:
            self.average = {name: value[list(places)] for name, value in self.average.items()}

    def state(self) -> tuple[dict[str, Tensor], Metadata]:
        """All of it as tensors by name and JSON numbers."""
        tensors, runs = self._updates.state()
        tensors |= {f"net.{name}": value for name, value in self.weights.items()}
        for name, value in (self.average or {}).items():
            tensors[f"average.{name}"] = value
        return tensors, {"steps": self.steps, "runs": runs}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], numbers: Metadata) -> None:
        """Go on from what :meth:`state` gave.

        Raises:
            KeyError, ValueError, RuntimeError: it is the state of another stack.
        """
        _overwrite(self.weights, select_prefix("net.", tensors))
        _overwrite(self.average or {}, select_prefix("average.", tensors))
        self._updates.load(tensors, numbers["runs"])
        self.steps = numbers["steps"]

    def _losses(self, z_SBC: Tensor, z_t: Tensor | None, labels: Tensor, epoch: int) -> Tensor:
        def one(
            z_BC: Tensor, z_t_BC: Tensor | None, y_B: Tensor, temperature: Tensor, lam: Tensor
        ) -> Tensor:
            batch = LossInputs(
                z_BC, z_t_BC, y_B, temperature, lam, self._options, epoch, self._epochs
            )
            return self._objective.loss(batch).total

        taught = 0 if z_t is not None and z_t.dim() == 3 else None
        told = 0 if labels.dim() == 2 else None
        losses = vmap(one, in_dims=(0, taught, told, 0, 0))
        loss_S: Tensor = losses(z_SBC, z_t, labels, self._temperature_S, self._lam_S)
        return loss_S

    @torch.no_grad()
    def _bound_norms(self, bound: float) -> None:
        for weight in self.weights.values():
            if weight.dim() == 3:
                bound_units(weight, bound)

    @torch.no_grad()
    def _move_average(self, average: Weights, most: float) -> None:
        decay = min(most, (1 + self.steps) / (10 + self.steps))  # as a single student's
        torch._foreach_lerp_(list(average.values()), list(self.weights.values()), 1 - decay)


def stacked_logits(net: Net, students: Sequence[Weights], batches: Iterable[Tensor]) -> Tensor:
    """Logits S×N×C of some students' weights.

    Args:
        net: of their architecture; its own weights do not matter.
        students: weights by name.
        batches: scaled images, B×1×28×28 at a time.
    """
    stacked = {name: torch.stack([one[name] for one in students]) for name in students[0]}
    return _forward_over(named_layers(net), stacked, batches)


@torch.no_grad()
def _forward_over(layers: NamedLayers, weights: Weights, batches: Iterable[Tensor]) -> Tensor:
    return torch.cat([forward(layers, weights, images) for images in batches], 1)


def _overwrite(own: Weights, new: Weights) -> None:
    if own.keys() != new.keys():
        raise KeyError("the weights of another net")
    for name, value in own.items():
        if value.shape != new[name].shape:
            raise ValueError("the weights of another stack")
        value.copy_(new[name])


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

    def state(self) -> tuple[dict[str, Tensor], list[Metadata]]:
        """Tensors by name, and JSON numbers of each run."""
        tensors: dict[str, Tensor] = {}
        numbers = []
        for place, run in enumerate(self._runs):
            own, rest = flatten_state(run.optimiser.state_dict())
            tensors |= {f"run{place}.{name}": value for name, value in own.items()}
            numbers.append(rest)
        return tensors, numbers

    def load(self, tensors: dict[str, Tensor], numbers: list[Metadata]) -> None:
        """Go on from what :meth:`state` gave.

        Raises:
            KeyError, ValueError: it is the state of another stack.
        """
        for place, (run, rest) in enumerate(zip(self._runs, numbers, strict=True)):
            own = select_prefix(f"run{place}.", tensors)
            run.optimiser.load_state_dict(unflatten_state(own, rest))

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
