"""The weights of a stack of dense nets, and one optimiser step of all students at once.

The weights of the students are slices of one tensor for each parameter. The forward pass comes from
:mod:`tsexplorer.models.stacked`, the loss is the objective's own under ``torch.func.vmap``, and the
optimisers are those of :mod:`tsexplorer.training.optimisation`, for slices of the stack. The
students do not influence each other: each trains as it would alone, except for the rounding of
matrix products that are summed in another order.

Shape suffixes: S students in the stack, B batch, N images, C classes.
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
        average: their moving averages; None without averaging.
        steps: optimiser steps so far, the same for all students.
    """

    def __init__(
        self, nets: Sequence[Net], specs: Sequence[StageSpec], objective: Objective
    ) -> None:
        """Start with copies of the weights of some nets.

        Args:
            nets: of one architecture with dense layers and activations only.
            specs: their stages, which differ in T, lambda, seed and learning rate only.
            objective: their objective.
        """
        self._layers = named_layers(nets[0])
        self._objective = objective
        self._options = objective.option_values(specs[0].objective)
        self._epochs = specs[0].train.epochs
        weights, _ = stack_module_state(list(nets))
        self.steps = 0
        self._set_students(dict(weights), specs)
        self.average: dict[str, Tensor] | None = None
        if specs[0].train.averaging:
            self.average = {name: value.detach().clone() for name, value in weights.items()}

    def _set_students(self, weights: dict[str, Tensor], specs: Sequence[StageSpec]) -> None:
        self.weights, self._specs = weights, specs
        self._optimiser = StackOptimiser([spec.train for spec in specs], list(weights.values()))
        device = next(iter(weights.values())).device
        temperatures = [spec.objective.temperature for spec in specs]
        self._temperature_S = torch.tensor(temperatures, device=device)
        self._lam_S = torch.tensor([spec.objective.lam for spec in specs], device=device)

    @property
    def evaluated_weights(self) -> dict[str, Tensor]:
        """The weights that are validated and kept: the averages if there are any."""
        return self.weights if self.average is None else self.average

    def student_weights(self, index: int) -> dict[str, Tensor]:
        """Views of the evaluated weights of one student."""
        return {name: value.detach()[index] for name, value in self.evaluated_weights.items()}

    def step(
        self,
        images: Tensor,
        z_t: Tensor | None,
        labels: Tensor,
        rate: Callable[[int], float],
        epoch: int = 1,
        label_weights: Tensor | None = None,
    ) -> Tensor:
        """Take one optimiser step for each student.

        Args:
            images: scaled, B×C×H×W for all students, or S×B×C×H×W.
            z_t: teacher logits, B×C for all students, or S×B×C; None without a teacher.
            labels: B for all students, or S×B.
            rate: returns the learning rate of a student by its index in the stack.
            epoch: current epoch, from 1.
            label_weights: weights of the labels, in the shape of the labels; None: all are 1.

        Returns:
            S losses before the step, nats.
        """
        z_SBC = forward(self._layers, self.weights, images)
        loss_S = self._losses(z_SBC, z_t, labels, label_weights, epoch)
        # A loss depends on the weights of its own student only, so the gradient of the sum is the
        # gradient of each loss.
        gradients = torch.autograd.grad(loss_S.sum(), list(self.weights.values()))
        self._optimiser.step(gradients, rate)
        self.steps += 1
        train = self._specs[0].train
        if train.max_norm is not None:
            self._bound_norms(train.max_norm)
        if self.average is not None:
            self._update_average(self.average, train.averaging)
        return loss_S.detach()

    def compute_logits(self, batches: Iterable[Tensor]) -> Tensor:
        """Logits S×N×C of the evaluated weights for batches of images B×C×H×W."""
        return _logits_over(self._layers, self.evaluated_weights, batches)

    def keep_only(self, indices: Sequence[int]) -> None:
        """Remove all other students from the stack; these keep their optimiser state."""
        optimiser_before = self._optimiser
        weights = {
            name: value.detach()[list(indices)].requires_grad_()
            for name, value in self.weights.items()
        }
        self._set_students(weights, [self._specs[index] for index in indices])
        self._optimiser.copy_state(optimiser_before, indices)
        if self.average is not None:
            self.average = {name: value[list(indices)] for name, value in self.average.items()}

    def state(self) -> tuple[dict[str, Tensor], Metadata]:
        """State for a checkpoint: tensors by name, and values for JSON."""
        tensors, runs = self._optimiser.state()
        tensors |= {f"net.{name}": value for name, value in self.weights.items()}
        for name, value in (self.average or {}).items():
            tensors[f"average.{name}"] = value
        return tensors, {"steps": self.steps, "runs": runs}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], numbers: Metadata) -> None:
        """Restore a state that :meth:`state` returned.

        Raises:
            KeyError, ValueError, RuntimeError: it is the state of another stack.
        """
        _overwrite(self.weights, select_prefix("net.", tensors))
        _overwrite(self.average or {}, select_prefix("average.", tensors))
        self._optimiser.load(tensors, numbers["runs"])
        self.steps = numbers["steps"]

    def _losses(
        self,
        z_SBC: Tensor,
        z_t: Tensor | None,
        labels: Tensor,
        label_weights: Tensor | None,
        epoch: int,
    ) -> Tensor:
        def student_loss(
            z_BC: Tensor,
            z_t_BC: Tensor | None,
            y_B: Tensor,
            weights_B: Tensor | None,
            temperature: Tensor,
            lam: Tensor,
        ) -> Tensor:
            batch = LossInputs(
                z_BC,
                z_t_BC,
                y_B,
                temperature,
                lam,
                self._options,
                epoch,
                self._epochs,
                label_weights_B=weights_B,
            )
            return self._objective.loss(batch).total

        teacher_dim = 0 if z_t is not None and z_t.dim() == 3 else None
        label_dim = 0 if labels.dim() == 2 else None
        weight_dim = None if label_weights is None else label_dim
        losses = vmap(student_loss, in_dims=(0, teacher_dim, label_dim, weight_dim, 0, 0))
        loss_S: Tensor = losses(z_SBC, z_t, labels, label_weights, self._temperature_S, self._lam_S)
        return loss_S

    @torch.no_grad()
    def _bound_norms(self, bound: float) -> None:
        for weight in self.weights.values():
            if weight.dim() == 3:
                bound_units(weight, bound)

    @torch.no_grad()
    def _update_average(self, average: Weights, max_decay: float) -> None:
        # The same decay as for a student that trains alone.
        decay = min(max_decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(average.values()), list(self.weights.values()), 1 - decay)


def stacked_logits(net: Net, students: Sequence[Weights], batches: Iterable[Tensor]) -> Tensor:
    """Logits S×N×C of several sets of weights.

    Args:
        net: of their architecture; its own weights are not used.
        students: weights by name, one set for each student.
        batches: scaled images, B×C×H×W each.
    """
    stacked = {name: torch.stack([weights[name] for weights in students]) for name in students[0]}
    return _logits_over(named_layers(net), stacked, batches)


@torch.no_grad()
def _logits_over(layers: NamedLayers, weights: Weights, batches: Iterable[Tensor]) -> Tensor:
    return torch.cat([forward(layers, weights, images) for images in batches], 1)


def _overwrite(weights: Weights, new: Weights) -> None:
    """Copy ``new`` into ``weights``.

    Raises:
        KeyError, ValueError: names or shapes differ.
    """
    if weights.keys() != new.keys():
        raise KeyError("the weights of another net")
    for name, value in weights.items():
        if value.shape != new[name].shape:
            raise ValueError("the weights of another stack")
        value.copy_(new[name])


@dataclass
class _RateGroup:
    """Neighbouring students that always have the same learning rate, and their optimiser."""

    start: int
    stop: int
    optimiser: Optimizer

    @property
    def parameters(self) -> list[Tensor]:
        parameters: list[Tensor] = self.optimiser.param_groups[0]["params"]
        return parameters


class StackOptimiser:
    """Optimisers of a stack: one for each group of students with the same learning rate.

    An optimiser changes a number by that number, its gradient, its state and the learning rate, so
    one optimiser can serve all students with the same rate.
    """

    def __init__(self, trains: Sequence[TrainSpec], stacked: Sequence[Tensor]) -> None:
        """Start without state.

        Args:
            trains: training of each student; they differ in the learning rate only.
            stacked: parameters, S×... each; :meth:`step` changes them in place.
        """
        self._groups = [
            _RateGroup(start, stop, make_optimiser(trains[start], _slices(stacked, start, stop)))
            for start, stop in _equal_rate_ranges(trains)
        ]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: Callable[[int], float]) -> None:
        """Take one step.

        Args:
            gradients: in the order of the parameters, S×... each.
            rate: returns the learning rate of a student by its index; called once a group.
        """
        for group in self._groups:
            for parameter, gradient in zip(group.parameters, gradients, strict=True):
                # A fused optimiser reads both in memory order and ignores strides.
                parameter.grad = gradient[group.start : group.stop].contiguous()
            set_rate(group.optimiser, rate(group.start))
            group.optimiser.step()

    def copy_state(self, other: StackOptimiser, indices: Sequence[int]) -> None:
        """Copy the optimiser state of some students of another stack.

        Args:
            other: optimisers of the other stack.
            indices: of this stack's students in the other stack.
        """
        for group in self._groups:
            states = [other._student_state(index) for index in indices[group.start : group.stop]]
            for number, parameter in enumerate(group.parameters):
                state = group.optimiser.state[parameter]
                for name, value in states[0][number].items():
                    state[name] = (
                        torch.cat([student[number][name] for student in states])
                        if value.dim()
                        else value.clone()
                    )

    def state(self) -> tuple[dict[str, Tensor], list[Metadata]]:
        """State for a checkpoint: tensors by name, and values for JSON for each group."""
        tensors: dict[str, Tensor] = {}
        numbers = []
        for number, group in enumerate(self._groups):
            group_tensors, group_numbers = flatten_state(group.optimiser.state_dict())
            tensors |= {f"run{number}.{name}": value for name, value in group_tensors.items()}
            numbers.append(group_numbers)
        return tensors, numbers

    def load(self, tensors: dict[str, Tensor], numbers: list[Metadata]) -> None:
        """Restore a state that :meth:`state` returned.

        Raises:
            KeyError, ValueError: it is the state of another stack.
        """
        for number, (group, group_numbers) in enumerate(zip(self._groups, numbers, strict=True)):
            group_tensors = select_prefix(f"run{number}.", tensors)
            group.optimiser.load_state_dict(unflatten_state(group_tensors, group_numbers))

    def _student_state(self, index: int) -> list[dict[str, Tensor]]:
        """State of one student for each parameter: tensors 1×..., or scalars of its group."""
        group = next(group for group in self._groups if group.start <= index < group.stop)
        row = index - group.start
        return [
            {
                name: value[row : row + 1] if value.dim() else value
                for name, value in _tensors(group.optimiser.state[parameter]).items()
            }
            for parameter in group.parameters
        ]


def _equal_rate_ranges(trains: Sequence[TrainSpec]) -> list[tuple[int, int]]:
    """Ranges of students that always have the same rate; under ``plateau`` each is alone."""
    ranges: list[tuple[int, int]] = []
    keys = (
        (train.learning_rate, index if train.schedule == "plateau" else -1)
        for index, train in enumerate(trains)
    )
    for _, neighbours in groupby(keys):
        start = ranges[-1][1] if ranges else 0
        ranges.append((start, start + len(list(neighbours))))
    return ranges


def _slices(stacked: Sequence[Tensor], start: int, stop: int) -> list[nn.Parameter]:
    """Parameters that share the memory of the stack but not its autograd graph."""
    return [nn.Parameter(tensor.detach()[start:stop], requires_grad=False) for tensor in stacked]


def _tensors(state: dict[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}
