"""Nets of one architecture that answer the same images, each from first weights of its own.

Shape suffixes: K nets, B batch, C classes. Imports torch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tsexplorer.models.build import build
from tsexplorer.models.count import count
from tsexplorer.models.layers import STACKED
from tsexplorer.models.net import Net
from tsexplorer.models.registry import resolve
from tsexplorer.models.stacked import forward, named_layers
from tsexplorer.specs import ModelSpec


class Cohort(nn.Module):
    """Nets that answer together.

    Attributes:
        macs: multiply-accumulates of all of them for one image.
    """

    macs: int = 0

    def forward(self, images: Tensor) -> Tensor:
        """Logits K×B×C of scaled images B×1×28×28."""
        raise NotImplementedError


class Looped(Cohort):
    """One net after the other."""

    def __init__(self, nets: Sequence[Net]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, images: Tensor) -> Tensor:
        """Logits K×B×C of scaled images B×1×28×28."""
        return torch.stack([net(images) for net in self.nets])


class Stacked(Cohort):
    """Nets of dense layers and activations, whose weights lie side by side, K×... each."""

    def __init__(self, nets: Sequence[Net]) -> None:
        """Begin with the weights of some nets, which are copied."""
        super().__init__()
        states = [net.state_dict() for net in nets]
        self._names = tuple(states[0])
        self.weights = nn.ParameterList(
            torch.stack([state[name] for state in states]) for name in self._names
        )
        self._layers = named_layers(copy.deepcopy(nets[0]).to("meta"))
        # Known as parts, for whoever listens between layers.
        self.activations = nn.ModuleList(
            layer for _, layer in self._layers if not isinstance(layer, nn.Linear | nn.Flatten)
        )

    @property
    def dense_weights(self) -> tuple[Tensor, ...]:
        """K×units×inputs of each layer."""
        return tuple(weight for weight in self.weights if weight.dim() == 3)

    def forward(self, images: Tensor) -> Tensor:
        """Logits K×B×C of scaled images B×1×28×28."""
        return forward(self._layers, dict(zip(self._names, self.weights, strict=True)), images)


def cohort(model: ModelSpec, classes: int, seeds: Sequence[int]) -> Cohort:
    """Build nets on the CPU, in training mode, side by side where their layers allow it.

    Args:
        model: which net.
        classes: C, units of the last layer.
        seeds: of each net's first weights.

    Raises:
        NotFoundError: there is no such net.
        UserError: the net is impossible, or too large.
    """
    stacks = all(isinstance(layer, STACKED) for layer in resolve(model).body)
    nets = [build(model, classes, seed) for seed in seeds]
    made = Stacked(nets) if stacks else Looped(nets)
    made.macs = len(nets) * count(model, classes).macs
    return made
