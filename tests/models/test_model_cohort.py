"""Nets side by side answer as each does alone, and are stacked where their layers allow it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tsexplorer.models import build, count
from tsexplorer.models.stacked import Looped, Stacked, cohort, dense
from tsexplorer.specs import ModelSpec, NetConfig

SEEDS = (3, 1, 4)


def custom(**config: object) -> ModelSpec:
    return ModelSpec(name="custom", net=NetConfig(**config))  # type: ignore[arg-type]


def pixels(size: int = 5) -> Tensor:
    return torch.rand(size, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_a_dense_layer_of_two_nets_worked_by_hand() -> None:
    weight_KOI = torch.tensor([[[1.0, 2.0]], [[3.0, -1.0]]])
    bias_KO = torch.tensor([[10.0], [20.0]])
    x_BI = torch.tensor([[1.0, 1.0], [0.0, 2.0], [5.0, 0.0]])
    expected = torch.tensor([[[13.0], [14.0], [15.0]], [[22.0], [18.0], [35.0]]])
    assert torch.equal(dense(x_BI, weight_KOI, bias_KO), expected)
    assert torch.equal(dense(x_BI.expand(2, 3, 2), weight_KOI, bias_KO), expected)
    less = expected - bias_KO.unsqueeze(1)
    assert torch.equal(dense(x_BI, weight_KOI, None), less)
    assert torch.equal(dense(x_BI.expand(2, 3, 2), weight_KOI, None), less)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "model",
    [
        custom(),
        custom(dense=(12,)),
        custom(dense=(9, 7), activation="gelu"),
        ModelSpec(name="mlp-64"),
        custom(conv=(4,), dense=(6,), batch_norm=True),
    ],
    ids=["no hidden layer", "one", "two", "preset", "convolutions"],
)
def test_each_net_answers_and_learns_as_it_would_alone(model: ModelSpec) -> None:
    together = cohort(model, 10, SEEDS)
    alone = [build(model, 10, seed) for seed in SEEDS]
    z_KBC = together(pixels())
    assert z_KBC.shape == (3, 5, 10)
    z_KBC.square().mean((1, 2)).sum().backward()
    slopes = [value.grad for value in together.parameters()]
    for place, net in enumerate(alone):
        z_BC = net(pixels())
        torch.testing.assert_close(z_KBC[place], z_BC, rtol=0, atol=1e-9)
        z_BC.square().mean().backward()
        expected = [value.grad for value in net.parameters()]
        if isinstance(together, Stacked):
            own = [slope[place] for slope in slopes if slope is not None]
        else:
            own = slopes[place * len(expected) :][: len(expected)]
        for slope, wanted in zip(own, expected, strict=True):
            torch.testing.assert_close(slope, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (custom(dense=(8,)), Stacked),
        (custom(dense=(8,), dropout=0.5), Looped),
        (custom(dense=(8,), batch_norm=True), Looped),
        (custom(conv=(4,), dense=(8,)), Looped),
        (ModelSpec(name="mlp-64"), Stacked),
        (ModelSpec(name="hinton-teacher"), Looped),
    ],
)
def test_dense_nets_without_dropout_are_stacked(model: ModelSpec, kind: type) -> None:
    made = cohort(model, 10, SEEDS)
    assert isinstance(made, kind)
    assert made.training
    assert made.macs == 3 * count(model, 10).macs
    assert sum(value.numel() for value in made.parameters()) == 3 * count(model, 10).parameters


@pytest.mark.usefixtures("float64")
def test_one_net_is_a_cohort_too() -> None:
    model = custom(dense=(8,))
    z_KBC = cohort(model, 10, (7,))(pixels())
    torch.testing.assert_close(z_KBC[0], build(model, 10, 7)(pixels()), rtol=0, atol=1e-9)
