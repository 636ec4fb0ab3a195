"""Nets as torch modules, and their initial weights. Imports torch.

Initial weights are drawn from a separate generator, by one of these schemes:

torch
    Weights and biases U(±1/√fan_in), the defaults of ``nn.Conv2d`` and ``nn.Linear``.
glorot
    Weights U(±√(6/(fan_in + fan_out))), biases 0, the defaults of Keras. Source: Glorot and Bengio
    2010, "Understanding the difficulty of training deep feedforward neural networks".
kaiming
    Convolutions N(0, 2/fan_out) with biases 0, dense layers as in ``torch``; used by torchvision's
    ResNets. Source: He et al. 2015, arXiv 1502.01852.

In all schemes batch normalisation starts as the identity.

Shape suffixes: B batch, F features, C classes.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn

from tsexplorer.data.base import ImageTask
from tsexplorer.models.modules import DropoutModule, build_module
from tsexplorer.models.registry import Architecture, InitialisationScheme
from tsexplorer.models.summary import LOGITS, trace_layers


class Net(nn.Module):
    """Named layers that map an image to features, and a dense layer that maps these to logits.

    The names of layers are those of :class:`tsexplorer.models.LayerRow`.
    """

    def __init__(self, body: OrderedDict[str, nn.Module], logits: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(body)
        self.logits = logits

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of all layers in order; the last one is ``logits``."""
        return (*(name for name, _ in self.body.named_children()), LOGITS)

    def features(self, images: Tensor) -> Tensor:
        """Inputs B×F of the last layer, for scaled images B×C×H×W."""
        features_BF: Tensor = self.body(images)
        return features_BF

    def forward(self, images: Tensor) -> Tensor:
        """Logits B×C of scaled images B×C×H×W."""
        z_BC: Tensor = self.logits(self.features(images))
        return z_BC

    def forward_with(
        self, images: Tensor, names: Collection[str]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits B×C, and the outputs B×C'×H×W or B×F' of the named layers, by name.

        Args:
            images: scaled images B×C×H×W.
            names: names of layers.

        Raises:
            ValueError: a layer does not exist.
        """
        unknown = sorted(set(names) - set(self.layer_names))
        if unknown:
            raise ValueError(f"no layer {unknown[0]!r}; there are {', '.join(self.layer_names)}")
        outputs: dict[str, Tensor] = {}
        x = images
        for name, layer in (*self.body.named_children(), (LOGITS, self.logits)):
            x = layer(x)
            if name in names:
                outputs[name] = x
        return x, outputs

    def set_dropout_generator(self, generator: torch.Generator | None) -> None:
        """Set the generator from which all dropout layers draw, in the order of the layers.

        Args:
            generator: a generator on the device of the net; the caller seeds it.
        """
        for module in self.modules():
            if isinstance(module, DropoutModule):
                module.generator = generator


def build_net(architecture: Architecture, task: ImageTask, seed: int) -> Net:
    """Build a net on the CPU with its initial weights; see :func:`tsexplorer.models.build`."""
    modules = OrderedDict(
        (name, build_module(layer)) for name, layer, _ in trace_layers(architecture, task)
    )
    logits = modules.pop(LOGITS)
    net = Net(modules, logits).to_empty(device="cpu")
    initialise(net, architecture.initialisation, seed)
    return net


Initialiser = Callable[[Tensor, Tensor | None, torch.Generator], object]
"""Sets a weight and a bias, if there is one."""


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


CONVOLUTION_INITIALISERS: dict[InitialisationScheme, Initialiser] = {
    "torch": _torch,
    "glorot": _glorot,
    "kaiming": _kaiming,
}
DENSE_INITIALISERS: dict[InitialisationScheme, Initialiser] = {
    "torch": _torch,
    "glorot": _glorot,
    "kaiming": _torch,
}


@torch.no_grad()
def initialise(net: nn.Module, scheme: InitialisationScheme, seed: int) -> None:
    """Set all parameters and buffers of a net on the CPU to their initial values.

    The values depend on the arguments only; the global generator of torch is not used.

    Raises:
        TypeError: a module with parameters has no initialiser.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            CONVOLUTION_INITIALISERS[scheme](module.weight, module.bias, generator)
        elif isinstance(module, nn.Linear):
            DENSE_INITIALISERS[scheme](module.weight, module.bias, generator)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()
        elif [*module.parameters(recurse=False), *module.buffers(recurse=False)]:
            raise TypeError(f"there is no initialiser for {type(module).__name__}")


def _fan_in(weight: Tensor) -> int:
    """Number of inputs of one output."""
    return weight[0].numel()


def _fan_out(weight: Tensor) -> int:
    """Number of outputs of one input; as in torch, groups are not considered."""
    return weight.numel() // weight.shape[1]
