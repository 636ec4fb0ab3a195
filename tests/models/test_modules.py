"""Torch modules of layers: dropout with a separate generator, batch normalisation."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest
import torch

from tsexplorer.data.base import ImageTask
from tsexplorer.models import build
from tsexplorer.models.layers import Layer
from tsexplorer.models.modules import (
    BatchNorm1dModule,
    BatchNorm2dModule,
    DropoutModule,
    build_module,
)
from tsexplorer.specs import ModelSpec


def dropout_with_seed(p: float, seed: int) -> DropoutModule:
    dropout = DropoutModule(p)
    dropout.generator = torch.Generator().manual_seed(seed)
    return dropout


def test_dropout_keeps_the_mean() -> None:
    y = dropout_with_seed(0.2, 0)(torch.ones(100_000))
    assert set(y.tolist()) == {0.0, 1.25}
    assert y.mean().item() == pytest.approx(1, abs=0.01)


def test_dropout_uses_only_its_generator() -> None:
    x = torch.ones(64)
    random_state = torch.get_rng_state()
    dropout = dropout_with_seed(0.5, 7)
    first, second = dropout(x), dropout(x)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not torch.equal(first, second)
    assert dropout.generator is not None
    dropout.generator.manual_seed(7)
    assert torch.equal(dropout(x), first)
    assert torch.equal(dropout(x), second)


def test_dropout_is_the_identity_in_evaluation() -> None:
    x = torch.randn(8)
    assert torch.equal(DropoutModule(0.5).eval()(x), x)


def test_dropped_inputs_have_no_gradient() -> None:
    x = torch.ones(32, requires_grad=True)
    y = dropout_with_seed(0.5, 0)(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_training_without_a_generator_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"set_dropout_generator\(\)"):
        build(ModelSpec(name="korn-mlp"), ImageTask(10), seed=0)(torch.zeros(1, 1, 28, 28))


def test_dropout_layers_of_a_net_share_a_generator() -> None:
    net = build(ModelSpec(name="hinton-teacher"), ImageTask(10), seed=0)
    generator = torch.Generator()
    net.set_dropout_generator(generator)
    layers = [module for module in net.modules() if isinstance(module, DropoutModule)]
    assert len(layers) == 3
    assert all(layer.generator is generator for layer in layers)


def test_a_net_with_a_generator_can_be_copied() -> None:
    net = build(ModelSpec(name="hinton-teacher"), ImageTask(10), seed=0)
    net.set_dropout_generator(torch.Generator())
    images = torch.rand(2, 1, 28, 28)
    twin = copy.deepcopy(net).eval()
    assert net.training
    assert torch.equal(twin(images), net.eval()(images))


def test_dropout_masks_are_equal_in_bf16_and_fp32() -> None:
    x = torch.ones(64)
    fp32, bf16 = dropout_with_seed(0.5, 1)(x), dropout_with_seed(0.5, 1)(x.bfloat16())
    assert torch.equal(fp32, bf16.float())


@pytest.mark.parametrize(
    ("norm", "shape"), [(BatchNorm1dModule(3), (1, 3)), (BatchNorm2dModule(3), (1, 3, 1, 1))]
)
def test_batch_norm_accepts_one_value_for_each_channel(
    norm: BatchNorm1dModule | BatchNorm2dModule, shape: tuple[int, ...]
) -> None:
    x = torch.randn(shape)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    y = norm(x)
    assert torch.equal(y, norm.eval()(x))
    assert all(torch.equal(before[name], value) for name, value in norm.state_dict().items())


def test_batch_norm_normalises_batches() -> None:
    x = 3 + 5 * torch.randn(64, 3)
    norm = BatchNorm1dModule(3)
    assert torch.allclose(norm(x).mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(norm.running_mean, 0.1 * x.mean(0), atol=1e-5)


def test_a_layer_without_a_module_is_an_error() -> None:
    @dataclass(frozen=True)
    class UnknownLayer(Layer):
        pass

    with pytest.raises(TypeError, match="UnknownLayer"):
        build_module(UnknownLayer())
