"""Nets of one architecture that compute outputs for the same images. Imports torch.

Nets of dense layers and activations are stacked: their weights are concatenated along a new first
dimension, and each layer is one matrix product for all nets. The nets do not influence each other,
so that each has the outputs that it would have alone, except for rounding differences because the
products are computed in another order. All other nets are computed in a loop.

The forward pass is written explicitly instead of with ``torch.func.vmap``. If all nets have the
same input, the first layer is one product of (K·O)×I with I×B; ``vmap`` over ``functional_call``
computes K smaller products, which takes a tenth more time for a step of 25 nets.

Shape suffixes: K nets, B batch, I and O inputs and outputs of a dense layer, C classes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tsexplorer.data.base import ImageTask
from tsexplorer.models import build
from tsexplorer.models.layers import STACKABLE
from tsexplorer.models.network import Net
from tsexplorer.models.registry import resolve
from tsexplorer.models.summary import count
from tsexplorer.specs import ModelSpec

NamedLayers = Sequence[tuple[str, nn.Module]]
"""Modules of layers, with the prefix of their weight keys."""


def named_layers(net: Net) -> NamedLayers:
    """The layers of a net that consists of :data:`~tsexplorer.models.layers.STACKABLE` layers."""
    body = [(f"body.{name}", layer) for name, layer in net.body.named_children()]
    return [*body, ("logits", net.logits)]


def forward(layers: NamedLayers, weights: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """Logits K×B×C of a stack of nets.

    Args:
        layers: layers of the architecture; their weights are not used.
        weights: stacked weights K×... of all nets, by key.
        images: scaled images, B×C×H×W for all nets or K×B×C×H×W.
    """
    x = images.flatten(-3)
    for name, layer in layers:
        if isinstance(layer, nn.Linear):
            x = dense(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))
        elif not isinstance(layer, nn.Flatten):
            x = layer(x)
    return x


def dense(x: Tensor, weight_KOI: Tensor, bias_KO: Tensor | None) -> Tensor:
    """Outputs K×B×O of a stack of dense layers.

    Args:
        x: inputs, B×I for all nets or K×B×I.
        weight_KOI: weights.
        bias_KO: biases; None: no biases.
    """
    if x.dim() == 2:
        # The product weights · images is a third faster here than images · weights.
        weight_FI = weight_KOI.flatten(0, 1)
        if bias_KO is None:
            y = weight_FI @ x.mT
        else:
            y = torch.addmm(bias_KO.flatten().unsqueeze(1), weight_FI, x.mT)
        return y.view(*weight_KOI.shape[:2], len(x)).mT
    if bias_KO is None:
        return torch.bmm(x, weight_KOI.mT)
    return torch.baddbmm(bias_KO.unsqueeze(1), x, weight_KOI.mT)


class Cohort(nn.Module):
    """Nets that compute outputs for the same images.

    Attributes:
        macs: multiply-accumulates of all nets for one image.
    """

    macs: int = 0

    def forward(self, images: Tensor) -> Tensor:
        """Logits K×B×C of scaled images B×C×H×W."""
        raise NotImplementedError


class LoopedCohort(Cohort):
    """A cohort whose nets are computed one after the other."""

    def __init__(self, nets: Sequence[Net]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, images: Tensor) -> Tensor:
        """Logits K×B×C of scaled images B×C×H×W."""
        return torch.stack([net(images) for net in self.nets])


class StackedCohort(Cohort):
    """A cohort of nets of dense layers and activations, with stacked weights K×...."""

    def __init__(self, nets: Sequence[Net]) -> None:
        """Copy the weights of the given nets."""
        super().__init__()
        states = [net.state_dict() for net in nets]
        self._keys = tuple(states[0])
        self.weights = nn.ParameterList(
            torch.stack([state[key] for state in states]) for key in self._keys
        )
        self._layers = named_layers(copy.deepcopy(nets[0]).to("meta"))
        # Registered as submodules, so that hooks can be added to them.
        self.activations = nn.ModuleList(
            layer for _, layer in self._layers if not isinstance(layer, nn.Linear | nn.Flatten)
        )

    @property
    def dense_weights(self) -> tuple[Tensor, ...]:
        """Weights K×O×I of each dense layer."""
        return tuple(weight for weight in self.weights if weight.dim() == 3)

    def forward(self, images: Tensor) -> Tensor:
        """Logits K×B×C of scaled images B×C×H×W."""
        return forward(self._layers, dict(zip(self._keys, self.weights, strict=True)), images)


def build_cohort(model: ModelSpec, task: ImageTask, seeds: Sequence[int]) -> Cohort:
    """Build nets on the CPU, in training mode, stacked if their layers allow this.

    Args:
        model: the net.
        task: the images and the classes.
        seeds: seed of the initial weights of each net.

    Raises:
        NotFoundError: the net does not exist.
        UserError: the net is invalid or too large.
    """
    is_stackable = all(
        isinstance(layer, STACKABLE) for layer in resolve(model, task.image_shape).body
    )
    nets = [build(model, task, seed) for seed in seeds]
    cohort = StackedCohort(nets) if is_stackable else LoopedCohort(nets)
    cohort.macs = len(nets) * count(model, task).macs
    return cohort
