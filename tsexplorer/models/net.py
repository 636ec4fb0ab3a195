"""The built net. Imports torch.

Shape suffixes: B batch, F features, C classes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

import torch
from torch import Tensor, nn

from tsexplorer.models.base import Architecture
from tsexplorer.models.count import LAST, trace
from tsexplorer.models.initialise import initialise
from tsexplorer.models.modules import Dropout, module


class Net(nn.Module):
    """Named layers from an image to features, and a last dense layer from there to logits.

    Names of layers are those of :class:`tsexplorer.models.LayerRow`.
    """

    def __init__(self, body: OrderedDict[str, nn.Module], logits: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(body)
        self.logits = logits

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of all layers in their order; the last is ``logits``."""
        return (*(name for name, _ in self.body.named_children()), LAST)

    def features(self, images: Tensor) -> Tensor:
        """Activations B×F before the last layer, of scaled images B×1×28×28."""
        features_BF: Tensor = self.body(images)
        return features_BF

    def forward(self, images: Tensor) -> Tensor:
        """Logits B×C of scaled images B×1×28×28."""
        z_BC: Tensor = self.logits(self.features(images))
        return z_BC

    def forward_with(
        self, images: Tensor, names: Collection[str]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits B×C, and the outputs of the layers named, B×C'×H×W or B×F', by name.

        Raises:
            ValueError: there is no layer of such a name.
        """
        unknown = sorted(set(names) - set(self.layer_names))
        if unknown:
            raise ValueError(f"no layer {unknown[0]!r}; there are {', '.join(self.layer_names)}")
        seen: dict[str, Tensor] = {}
        x = images
        for name, layer in (*self.body.named_children(), (LAST, self.logits)):
            x = layer(x)
            if name in names:
                seen[name] = x
        return x, seen

    def set_dropout_generator(self, generator: torch.Generator | None) -> None:
        """Let all dropout of this net draw from ``generator``, in the order of the layers.

        Args:
            generator: lives on the net's device; its owner reseeds it.
        """
        for part in self.modules():
            if isinstance(part, Dropout):
                part.generator = generator


def assemble(architecture: Architecture, classes: int, seed: int) -> Net:
    """Build a net on the CPU and give it its first weights; see ``build``."""
    modules = OrderedDict((name, module(layer)) for name, layer, _ in trace(architecture, classes))
    logits = modules.pop(LAST)
    net = Net(modules, logits).to_empty(device="cpu")
    initialise(net, architecture.initialisation, seed)
    return net
