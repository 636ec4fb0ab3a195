"""Cohorts: the outputs and gradients of single nets, and which nets are stacked.

Shape suffixes: K nets, B batch, I and O inputs and outputs, C classes.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tsexplorer.data.base import ImageTask
from tsexplorer.models import build, count
from tsexplorer.models.stacked import LoopedCohort, StackedCohort, build_cohort, dense
from tsexplorer.specs import ModelSpec, NetConfig

SEEDS = (3, 1, 4)


def custom(**config: object) -> ModelSpec:
    return ModelSpec(name="custom", net=NetConfig(**config))  # type: ignore[arg-type]


def random_images(size: int = 5) -> Tensor:
    return torch.rand(size, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_a_stack_of_two_dense_layers_by_hand() -> None:
    weight_KOI = torch.tensor([[[1.0, 2.0]], [[3.0, -1.0]]])
    bias_KO = torch.tensor([[10.0], [20.0]])
    x_BI = torch.tensor([[1.0, 1.0], [0.0, 2.0], [5.0, 0.0]])
    expected_KBO = torch.tensor([[[13.0], [14.0], [15.0]], [[22.0], [18.0], [35.0]]])
    assert torch.equal(dense(x_BI, weight_KOI, bias_KO), expected_KBO)
    assert torch.equal(dense(x_BI.expand(2, 3, 2), weight_KOI, bias_KO), expected_KBO)
    without_bias_KBO = expected_KBO - bias_KO.unsqueeze(1)
    assert torch.equal(dense(x_BI, weight_KOI, None), without_bias_KBO)
    assert torch.equal(dense(x_BI.expand(2, 3, 2), weight_KOI, None), without_bias_KBO)


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
def test_outputs_and_gradients_are_those_of_single_nets(model: ModelSpec) -> None:
    cohort = build_cohort(model, ImageTask(10), SEEDS)
    z_KBC = cohort(random_images())
    assert z_KBC.shape == (3, 5, 10)
    z_KBC.square().mean((1, 2)).sum().backward()
    gradients = [parameter.grad for parameter in cohort.parameters()]
    for index, seed in enumerate(SEEDS):
        net = build(model, ImageTask(10), seed)
        z_BC = net(random_images())
        torch.testing.assert_close(z_KBC[index], z_BC, rtol=0, atol=1e-5)
        z_BC.square().mean().backward()
        expected = [parameter.grad for parameter in net.parameters()]
        if isinstance(cohort, StackedCohort):
            actual = [gradient[index] for gradient in gradients if gradient is not None]
        else:
            actual = gradients[index * len(expected) :][: len(expected)]
        for gradient, expected_gradient in zip(actual, expected, strict=True):
            torch.testing.assert_close(gradient, expected_gradient, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (custom(dense=(8,)), StackedCohort),
        (custom(dense=(8,), dropout=0.5), LoopedCohort),
        (custom(dense=(8,), batch_norm=True), LoopedCohort),
        (custom(conv=(4,), dense=(8,)), LoopedCohort),
        (ModelSpec(name="mlp-64"), StackedCohort),
        (ModelSpec(name="hinton-teacher"), LoopedCohort),
    ],
)
def test_dense_nets_without_dropout_are_stacked(model: ModelSpec, kind: type) -> None:
    cohort = build_cohort(model, ImageTask(10), SEEDS)
    size = count(model, ImageTask(10))
    assert isinstance(cohort, kind)
    assert cohort.training
    assert cohort.macs == 3 * size.macs
    assert sum(parameter.numel() for parameter in cohort.parameters()) == 3 * size.parameters


def test_a_cohort_can_have_a_single_net() -> None:
    model = custom(dense=(8,))
    z_KBC = build_cohort(model, ImageTask(10), (7,))(random_images())
    z_BC = build(model, ImageTask(10), 7)(random_images())
    torch.testing.assert_close(z_KBC[0], z_BC, rtol=0, atol=1e-5)
