"""The built net. Imports torch.

Shape suffixes: B batch, F features, C classes.

A net's first weights, drawn from a generator of their own. Imports torch.

torch
    U(±1/√fan_in), biases too: what ``nn.Conv2d`` and ``nn.Linear`` do by themselves.
glorot
    U(±√(6/(fan_in + fan_out))), zero biases: Keras' default; Glorot and Bengio 2010, "Understanding
    the difficulty of training deep feedforward neural networks".
kaiming
    Convolutions N(0, 2/fan_out) with zero biases, dense layers as in ``torch``: He et al. 2015,
    arXiv 1502.01852, as torchvision's ResNets do.

Batch norm starts as the identity in all of them.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn

from tsexplorer.models.modules import Dropout, module
from tsexplorer.models.registry import Architecture, Scheme
from tsexplorer.models.summary import LAST, trace


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


Fill = Callable[[Tensor, Tensor | None, torch.Generator], object]


def _torch(weight: Tensor, bias: Tensor | None, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(_fan_in(weight))
    weight.uniform_(-bound, bound, generator=generator)
    if bias is not None:
        bias.uniform_(-bound, bound, generator=generator)


def _glorot(weight: Tensor, bias: Tensor | None, generator: torch.Generator) -> None:
    bound = math.sqrt(6 / (_fan_in(weight) + _fan_out(weight)))
    weight.uniform_(-bound, bound, generator=generator)
    if bias is not None:
        bias.zero_()


def _kaiming(weight: Tensor, bias: Tensor | None, generator: torch.Generator) -> None:
    weight.normal_(0, math.sqrt(2 / _fan_out(weight)), generator=generator)
    if bias is not None:
        bias.zero_()


CONVOLUTION: dict[Scheme, Fill] = {"torch": _torch, "glorot": _glorot, "kaiming": _kaiming}
DENSE: dict[Scheme, Fill] = {"torch": _torch, "glorot": _glorot, "kaiming": _torch}


@torch.no_grad()
def initialise(net: nn.Module, scheme: Scheme, seed: int) -> None:
    """Fill every parameter and buffer of a net on the CPU.

    The same net, scheme and seed give the same bits; torch's global generator is not touched.

    Raises:
        TypeError: the net has a module with numbers that no scheme knows how to start.
    """
    generator = torch.Generator().manual_seed(seed)
    for part in net.modules():
        if isinstance(part, nn.Conv2d):
            CONVOLUTION[scheme](part.weight, part.bias, generator)
        elif isinstance(part, nn.Linear):
            DENSE[scheme](part.weight, part.bias, generator)
        elif isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.reset_parameters()
        elif [*part.parameters(recurse=False), *part.buffers(recurse=False)]:
            raise TypeError(f"no scheme says how {type(part).__name__} starts")


def _fan_in(weight: Tensor) -> int:
    """Weights that one output is summed over."""
    return weight[0].numel()


def _fan_out(weight: Tensor) -> int:
    """Weights that one input goes through, groups not considered (torch counts so too)."""
    return weight.numel() // weight.shape[1]
