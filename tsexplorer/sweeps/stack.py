"""Students of one dense net as one net: their weights side by side, a step of all at once.

Shape suffixes: S students in the stack, B batch, N images, C classes. What one student computes
touches no other's numbers, so each trains as it would alone, to the rounding of a matrix product
that is done in another order.

The way forward is that of :mod:`tsexplorer.models.stacked`. The loss is the objective's own, under
``torch.func.vmap``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.func import stack_module_state, vmap

from tsexplorer.models.net import Net
from tsexplorer.models.stacked import Layers, forward, named_layers
from tsexplorer.objectives import Loss, Objective
from tsexplorer.specs import StageSpec
from tsexplorer.sweeps.updates import Updates
from tsexplorer.training.files import Numbers, under
from tsexplorer.training.optimisers import bound_units

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
        self._options = objective.settings(specs[0].objective)
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

    def state(self) -> tuple[dict[str, Tensor], Numbers]:
        """All of it as tensors by name and JSON numbers."""
        tensors, runs = self._updates.state()
        tensors |= {f"net.{name}": value for name, value in self.weights.items()}
        for name, value in (self.average or {}).items():
            tensors[f"average.{name}"] = value
        return tensors, {"steps": self.steps, "runs": runs}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], numbers: Numbers) -> None:
        """Go on from what :meth:`state` gave.

        Raises:
            KeyError, ValueError, RuntimeError: it is the state of another stack.
        """
        _overwrite(self.weights, under("net.", tensors))
        _overwrite(self.average or {}, under("average.", tensors))
        self._updates.load(tensors, numbers["runs"])
        self.steps = numbers["steps"]

    def _losses(self, z_SBC: Tensor, z_t: Tensor | None, labels: Tensor, epoch: int) -> Tensor:
        def one(
            z_BC: Tensor, z_t_BC: Tensor | None, y_B: Tensor, temperature: Tensor, lam: Tensor
        ) -> Tensor:
            batch = Loss(z_BC, z_t_BC, y_B, temperature, lam, self._options, epoch, self._epochs)
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
def _forward_over(layers: Layers, weights: Weights, batches: Iterable[Tensor]) -> Tensor:
    return torch.cat([forward(layers, weights, images) for images in batches], 1)


def _overwrite(own: Weights, new: Weights) -> None:
    if own.keys() != new.keys():
        raise KeyError("the weights of another net")
    for name, value in own.items():
        if value.shape != new[name].shape:
            raise ValueError("the weights of another stack")
        value.copy_(new[name])
