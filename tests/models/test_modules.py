from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest
import torch

from tsexplorer.models import build
from tsexplorer.models.layers import Layer
from tsexplorer.models.modules import BatchNorm1d, BatchNorm2d, Dropout, module
from tsexplorer.specs import ModelSpec


def dropout(p: float, seed: int) -> Dropout:
    layer = Dropout(p)
    layer.generator = torch.Generator().manual_seed(seed)
    return layer


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    dropped = dropout(0.2, 0)(torch.ones(100_000))
    assert set(dropped.tolist()) == {0.0, 1.25}
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)


def test_dropout_draws_from_its_generator_alone() -> None:
    x = torch.ones(64)
    before = torch.get_rng_state()
    layer = dropout(0.5, 7)
    first, second = layer(x), layer(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first, second)
    assert layer.generator is not None
    layer.generator.manual_seed(7)
    assert torch.equal(layer(x), first)
    assert torch.equal(layer(x), second)


def test_dropout_is_the_identity_in_evaluation() -> None:
    x = torch.randn(8)
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_dropout_drops_the_gradients_of_what_it_drops() -> None:
    x = torch.ones(32, requires_grad=True)
    dropped = dropout(0.5, 0)(x)
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, dropped.detach())


def test_training_without_a_generator_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"set_dropout_generator\(\)"):
        build(ModelSpec(name="korn-mlp"), 10, seed=0)(torch.zeros(1, 1, 28, 28))


def test_a_net_shares_one_generator_and_can_be_copied() -> None:
    net = build(ModelSpec(name="hinton-teacher"), 10, seed=0)
    generator = torch.Generator()
    net.set_dropout_generator(generator)
    layers = [part for part in net.modules() if isinstance(part, Dropout)]
    assert len(layers) == 3
    assert all(layer.generator is generator for layer in layers)
    images = torch.rand(2, 1, 28, 28)
    twin = copy.deepcopy(net).eval()
    assert net.training
    assert torch.equal(twin(images), net.eval()(images))


def test_masks_are_the_same_in_bf16() -> None:
    x = torch.ones(64)
    assert torch.equal(dropout(0.5, 1)(x), dropout(0.5, 1)(x.bfloat16()).float())


@pytest.mark.parametrize(
    ("norm", "shape"), [(BatchNorm1d(3), (1, 3)), (BatchNorm2d(3), (1, 3, 1, 1))]
)
def test_batch_norm_lets_a_batch_of_one_number_pass(
    norm: BatchNorm1d | BatchNorm2d, shape: tuple[int, ...]
) -> None:
    x = torch.randn(shape)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    answer = norm(x)
    assert torch.equal(answer, norm.eval()(x))
    assert all(torch.equal(before[name], value) for name, value in norm.state_dict().items())


def test_batch_norm_normalises_batches() -> None:
    x = 3 + 5 * torch.randn(64, 3)
    norm = BatchNorm1d(3)
    answer = norm(x)
    assert torch.allclose(answer.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(norm.running_mean, 0.1 * x.mean(0), atol=1e-5)


def test_a_layer_without_a_module_is_an_error() -> None:
    @dataclass(frozen=True)
    class Mystery(Layer):
        pass

    with pytest.raises(TypeError, match="Mystery"):
        module(Mystery())
