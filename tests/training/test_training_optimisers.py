"""The fused optimisers compute what torch's plain ones do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer

from tsexplorer.specs import TrainSpec
from tsexplorer.training.optimisation import bound_norms, make_optimiser, set_rate

RATE, DECAY, EPSILON, MOMENTUM = 0.02, 0.01, 1e-7, 0.8
Plain = Callable[[Iterable[nn.Parameter]], Optimizer]
SLOW = {"foreach": False, "fused": False}
PLAIN: dict[str, Plain] = {
    "adam": lambda p: Adam(p, RATE, eps=EPSILON, weight_decay=DECAY, **SLOW),
    "adamw": lambda p: AdamW(p, RATE, eps=EPSILON, weight_decay=DECAY, **SLOW),
    "sgd": lambda p: SGD(p, RATE, momentum=MOMENTUM, weight_decay=DECAY, **SLOW),
    "adadelta": lambda p: Adadelta(
        p, RATE, rho=0.95, eps=EPSILON, weight_decay=DECAY, foreach=False
    ),
}


def toy(layout: torch.memory_format) -> nn.Module:
    torch.manual_seed(4)
    net = nn.Sequential(
        nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Conv2d(5, 3, 3), nn.Flatten(), nn.Linear(12, 4)
    )
    return net.to(memory_format=layout)


def steps(net: nn.Module, optimiser: Optimizer, count: int = 6) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(8)
    for step in range(count):
        set_rate(optimiser, RATE / (step + 1))
        images = torch.randn(7, 2, 6, 6, generator=generator)
        labels = torch.randint(0, 4, (7,), generator=generator)
        optimiser.zero_grad()
        functional.cross_entropy(net(images), labels).backward()
        optimiser.step()
    return [parameter.detach() for parameter in net.parameters()]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", PLAIN)
def test_steps_are_those_of_plain_torch(name, layout):
    train = TrainSpec(
        optimiser=name,
        learning_rate=RATE,
        weight_decay=DECAY,
        epsilon=EPSILON,
        momentum=MOMENTUM,
    )
    plain = toy(torch.contiguous_format)
    start = [parameter.detach().clone() for parameter in plain.parameters()]
    net = toy(layout)
    found = steps(net, make_optimiser(train, net.parameters()))
    expected = steps(plain, PLAIN[name](plain.parameters()))
    for one, other, before in zip(found, expected, start, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)
        assert not torch.allclose(one, before, rtol=2e-4, atol=2e-6)


def test_rate_is_set_for_all_parameters():
    net = toy(torch.contiguous_format)
    optimiser = make_optimiser(TrainSpec(), net.parameters())
    set_rate(optimiser, 0.125)
    assert [group["lr"] for group in optimiser.param_groups] == [0.125]


def test_norms_are_bounded_unit_by_unit():
    layer = nn.Linear(3, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0, 0.0], [0.3, 0.4, 0.0], [0.0, 0.0, 0.0]]))
    bias = layer.bias.detach().clone()
    bound_norms(nn.Sequential(layer), 2.0)
    expected = torch.tensor([[1.2, 1.6, 0.0], [0.3, 0.4, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(layer.weight.detach(), expected)
    assert torch.equal(layer.bias, bias)


def test_convolutions_are_not_bounded():
    net = toy(torch.contiguous_format)
    before = copy.deepcopy(net[0].weight)
    bound_norms(net, 1e-3)
    assert torch.equal(net[0].weight, before)
    assert float(net[4].weight.detach().norm(dim=1).max()) == pytest.approx(1e-3)
