"""Dense nets of one architecture as one: their weights side by side, one product a layer.

Shape suffixes: K nets, B batch, I and O inputs and outputs of a dense layer, C classes. What one
net computes touches no other's numbers, so each answers as it would alone, to the rounding of a
matrix product that is done in another order. Imports torch.

The way forward is written out rather than vmapped: where all nets look at the same batch, the
first layer is one product of (K·O)×I with I×B, which ``vmap`` over ``functional_call`` turns into K
smaller ones (measured: a tenth more time a step of 25 nets).

Nets of one architecture that answer the same images, each from first weights of its own.

Shape suffixes: K nets, B batch, C classes. Imports torch.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tsexplorer.models import build
from tsexplorer.models.layers import STACKED
from tsexplorer.models.network import Net
from tsexplorer.models.registry import resolve
from tsexplorer.models.summary import count
from tsexplorer.specs import ModelSpec

Layers = Sequence[tuple[str, nn.Module]]


def named_layers(net: Net) -> Layers:
    """The layers of a net of :data:`~tsexplorer.models.layers.STACKED` ones.

    Returns:
        each with the name that its parameters begin with.
    """
    body = [(f"body.{name}", layer) for name, layer in net.body.named_children()]
    return [*body, ("logits", net.logits)]


def forward(layers: Layers, weights: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """Logits K×B×C of images B×1×28×28 for all, or K×B×1×28×28.

    Args:
        layers: of the architecture; their own weights do not matter.
        weights: of all nets by name, K×... each.
        images: scaled.
    """
    x = images.flatten(-3)
    for name, layer in layers:
        if isinstance(layer, nn.Linear):
            x = dense(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))
        elif not isinstance(layer, nn.Flatten):
            x = layer(x)
    return x


def dense(x: Tensor, weight_KOI: Tensor, bias_KO: Tensor | None) -> Tensor:
    """K×B×O of inputs B×I for all, or K×B×I."""
    if x.dim() == 2:
        # Weights times images, not images times weights: a third faster at these sizes.
        flat_FI = weight_KOI.flatten(0, 1)
        if bias_KO is None:
            y = flat_FI @ x.mT
        else:
            y = torch.addmm(bias_KO.flatten().unsqueeze(1), flat_FI, x.mT)
        return y.view(*weight_KOI.shape[:2], len(x)).mT
    if bias_KO is None:
        return torch.bmm(x, weight_KOI.mT)
    return torch.baddbmm(bias_KO.unsqueeze(1), x, weight_KOI.mT)


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
