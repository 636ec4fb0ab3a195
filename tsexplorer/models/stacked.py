"""Dense nets of one architecture as one: their weights side by side, one product a layer.

Shape suffixes: K nets, B batch, I and O inputs and outputs of a dense layer, C classes. What one
net computes touches no other's numbers, so each answers as it would alone, to the rounding of a
matrix product that is done in another order. Imports torch.

The way forward is written out rather than vmapped: where all nets look at the same batch, the
first layer is one product of (K·O)×I with I×B, which ``vmap`` over ``functional_call`` turns into K
smaller ones (measured: a tenth more time a step of 25 nets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tsexplorer.models.net import Net

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
