"""Optimisers, the max-norm constraint and schedules, compared with torch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from tests.training.training_examples import assert_equal_weights
from tsexplorer.specs import TrainSpec
from tsexplorer.training import checkpoints
from tsexplorer.training.optimisation import (
    bound_norms,
    flatten_state,
    learning_rate,
    make_optimiser,
    set_rate,
    unflatten_state,
)

RATE, DECAY, EPSILON, MOMENTUM = 0.02, 0.01, 1e-7, 0.8
OptimiserFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
UNFUSED = {"foreach": False, "fused": False}
TORCH_OPTIMISERS: dict[str, OptimiserFactory] = {
    "adam": lambda p: Adam(p, RATE, eps=EPSILON, weight_decay=DECAY, **UNFUSED),
    "adamw": lambda p: AdamW(p, RATE, eps=EPSILON, weight_decay=DECAY, **UNFUSED),
    "sgd": lambda p: SGD(p, RATE, momentum=MOMENTUM, weight_decay=DECAY, **UNFUSED),
    "adadelta": lambda p: Adadelta(
        p, RATE, rho=0.95, eps=EPSILON, weight_decay=DECAY, foreach=False
    ),
}


def toy_net(layout: torch.memory_format = torch.contiguous_format) -> nn.Module:
    torch.manual_seed(4)
    net = nn.Sequential(
        nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Conv2d(5, 3, 3), nn.Flatten(), nn.Linear(12, 4)
    )
    return net.to(memory_format=layout)


def train_net(net: nn.Module, optimiser: Optimizer, steps: int = 6) -> list[torch.Tensor]:
    """Train with falling rates; returns the parameters."""
    generator = torch.Generator().manual_seed(8)
    for step in range(steps):
        set_rate(optimiser, RATE / (step + 1))
        images = torch.randn(7, 2, 6, 6, generator=generator)
        labels = torch.randint(0, 4, (7,), generator=generator)
        optimiser.zero_grad()
        functional.cross_entropy(net(images), labels).backward()
        optimiser.step()
    return [parameter.detach() for parameter in net.parameters()]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", TORCH_OPTIMISERS)
def test_fused_optimisers_take_the_steps_of_plain_ones(name, layout):
    train = TrainSpec(
        optimiser=name,
        learning_rate=RATE,
        weight_decay=DECAY,
        epsilon=EPSILON,
        momentum=MOMENTUM,
    )
    plain, fused = toy_net(), toy_net(layout)
    initial = [parameter.detach().clone() for parameter in plain.parameters()]
    trained = train_net(fused, make_optimiser(train, fused.parameters()))
    expected = train_net(plain, TORCH_OPTIMISERS[name](plain.parameters()))
    for after, plain_after, before in zip(trained, expected, initial, strict=True):
        torch.testing.assert_close(after, plain_after, rtol=0, atol=1e-9)
        assert not torch.allclose(after, before, rtol=2e-4, atol=2e-6)


def test_rate_is_set_for_all_parameters():
    optimiser = make_optimiser(TrainSpec(), toy_net().parameters())
    set_rate(optimiser, 0.125)
    assert [group["lr"] for group in optimiser.param_groups] == [0.125]


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: Adam(parameters, 0.1, fused=True),
        lambda parameters: SGD(parameters, 0.1, momentum=0.9),
        lambda parameters: SGD(parameters, 0.1),
    ],
)
def test_optimiser_state_survives_a_file(tmp_path, make):
    def take_step(net: nn.Module, optimiser: Optimizer) -> None:
        optimiser.zero_grad()
        net(torch.ones(2, 3)).square().sum().backward()
        optimiser.step()

    torch.manual_seed(2)
    saved, loaded = nn.Linear(3, 2), nn.Linear(3, 2)
    saved_optimiser, loaded_optimiser = make(saved.parameters()), make(loaded.parameters())
    take_step(saved, saved_optimiser)
    tensors, metadata = flatten_state(saved_optimiser.state_dict())
    weights = {f"net.{name}": tensor for name, tensor in saved.state_dict().items()}
    path: Path = tmp_path / checkpoints.CHECKPOINT
    checkpoints.write(path, tensors | weights, metadata)
    tensors, metadata = checkpoints.read(path)
    loaded.load_state_dict(checkpoints.select_prefix("net.", tensors))
    loaded_optimiser.load_state_dict(unflatten_state(tensors, metadata))
    take_step(saved, saved_optimiser)
    take_step(loaded, loaded_optimiser)
    assert_equal_weights(saved.state_dict(), loaded.state_dict())


def test_norms_are_bounded_per_unit():
    layer = nn.Linear(3, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0, 0.0], [0.3, 0.4, 0.0], [0.0, 0.0, 0.0]]))
    bias = layer.bias.detach().clone()
    bound_norms(nn.Sequential(layer), 2.0)
    expected = torch.tensor([[1.2, 1.6, 0.0], [0.3, 0.4, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(layer.weight.detach(), expected)
    assert torch.equal(layer.bias, bias)


def test_norms_of_convolutions_are_not_bounded():
    net = toy_net()
    before = copy.deepcopy(net[0].weight)
    bound_norms(net, 1e-3)
    assert torch.equal(net[0].weight, before)
    assert float(net[4].weight.detach().norm(dim=1).max()) == pytest.approx(1e-3)


# -- schedules ----------------------------------------------------------------------------------


def rates(schedule: str, steps: int) -> list[float]:
    train = TrainSpec(schedule=schedule, learning_rate=RATE)
    return [learning_rate(train, step, steps) for step in range(steps)]


def torch_rates(steps: int, make: type, **settings: object) -> list[float]:
    optimiser = SGD([torch.zeros(1, requires_grad=True)], RATE)
    schedule = make(optimiser, **settings)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if len(rates) < steps:
            schedule.step()
    return rates


def test_constant_rate():
    assert set(rates("constant", 50)) == {RATE}


@pytest.mark.parametrize("steps", [2, 3, 4, 7, 10, 33, 100, 1000])
def test_one_cycle_equals_torch(steps):
    expected = torch_rates(steps, OneCycleLR, max_lr=RATE, total_steps=steps, cycle_momentum=False)
    assert rates("one-cycle", steps) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_one_cycle_at_start_peak_and_end():
    cycle = rates("one-cycle", 100)
    assert cycle[0] == pytest.approx(RATE / 25)
    assert cycle[29] == pytest.approx(RATE)
    assert max(cycle) == cycle[29]
    assert cycle[-1] == pytest.approx(RATE / 25 / 1e4)
    assert cycle[:30] == sorted(cycle[:30])
    assert cycle[29:] == sorted(cycle[29:], reverse=True)


def test_one_cycle_of_a_single_step():
    assert 0 < rates("one-cycle", 1)[0] <= RATE


@pytest.mark.parametrize("steps", [1, 2, 10, 100])
def test_cosine_equals_torch(steps):
    expected = torch_rates(steps, CosineAnnealingLR, T_max=steps)
    assert rates("cosine", steps) == pytest.approx(expected, rel=1e-9)


def test_cosine_at_start_middle_and_end():
    cosine = rates("cosine", 100)
    assert cosine[0] == RATE
    assert cosine[50] == pytest.approx(RATE / 2)
    assert cosine[-1] == pytest.approx(RATE * (1 + math.cos(math.pi * 0.99)) / 2)
    assert 0 < cosine[-1] < RATE / 1000


def test_plateau_multiplies_the_rate_by_its_factor():
    train = TrainSpec(schedule="plateau", learning_rate=RATE)
    assert learning_rate(train, 5, 10) == RATE
    assert learning_rate(train, 5, 10, plateau=0.01) == pytest.approx(RATE / 100)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one-cycle"])
def test_other_schedules_ignore_the_plateau_factor(schedule):
    train = TrainSpec(schedule=schedule, learning_rate=RATE)
    assert learning_rate(train, 5, 10, plateau=0.01) == learning_rate(train, 5, 10)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one-cycle", "plateau"])
def test_rate_does_not_depend_on_earlier_calls(schedule):
    train = TrainSpec(schedule=schedule, learning_rate=RATE)
    backwards = [learning_rate(train, step, 20) for step in reversed(range(20))]
    assert backwards[::-1] == [learning_rate(train, step, 20) for step in range(20)]
