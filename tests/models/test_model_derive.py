from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tsexplorer.models import build
from tsexplorer.models.registry import derive
from tsexplorer.specs import Activation, ModelSpec, NetConfig

FUNCTIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "gelu": functional.gelu}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "gelu"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_net_is_the_textbook_function(activation: Activation, batch_norm: bool) -> None:
    """Convolution, batch norm, activation, then the pooling: whatever order is run."""
    config = NetConfig(conv=(4, 6), dense=(5,), activation=activation, batch_norm=batch_norm)
    net = build(ModelSpec(name="custom", net=config), 3, seed=1)
    with torch.no_grad():
        for norm in (part for part in net.modules() if isinstance(part, nn.BatchNorm2d)):
            # A falling norm: the order of norm and pooling matters too.
            norm.weight.fill_(-1.5)
    images = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(net(images), textbook(net, images, activation), rtol=0, atol=1e-9)


def textbook(net: nn.Module, images: Tensor, activation: Activation) -> Tensor:
    x = images
    for layer in net.modules():
        if isinstance(layer, nn.Linear) and x.ndim == 4:
            x = x.flatten(1)
        if isinstance(layer, nn.Linear | nn.Conv2d):
            x = layer(x)
            if isinstance(layer, nn.Linear) and layer.out_features == 3:
                return x
            norms = {part.num_features: part for part in net.modules() if hasattr(part, "eps")}
            if norms:
                x = norms[x.shape[1]](x)
            x = FUNCTIONS[activation](x)
            if isinstance(layer, nn.Conv2d):
                x = functional.max_pool2d(x, 2)
    raise AssertionError("no last layer")


def test_dropout_stands_at_the_input_and_after_hidden_units() -> None:
    body = derive(NetConfig(dense=(8, 8), dropout=0.5, input_dropout=0.2)).body
    labels = [layer.label for layer in body]
    assert labels == [
        *("dropout", "flatten"),
        *("dense", "relu", "dropout"),
        *("dense", "relu", "dropout"),
    ]
