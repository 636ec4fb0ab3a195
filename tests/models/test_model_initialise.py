from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from tsexplorer.models import build
from tsexplorer.models.network import initialise
from tsexplorer.models.registry import Scheme
from tsexplorer.specs import ModelSpec


def is_uniform(values: Tensor, bound: float) -> bool:
    """Within the bound, reaching nearly to it, with a uniform's deviation."""
    close = math.isclose(values.std().item(), bound / math.sqrt(3), rel_tol=0.05)
    return close and 0.97 * bound < values.abs().max().item() <= bound


def filled(layer: nn.Module, scheme: Scheme) -> tuple[Tensor, Tensor]:
    initialise(layer, scheme, seed=0)
    weight, bias = layer.parameters()
    return weight.detach(), bias.detach()


def test_torch_scheme_is_torch_s_default() -> None:
    for layer, fan_in in ((nn.Linear(400, 900), 400), (nn.Conv2d(16, 900, 5), 400)):
        drawn = layer.weight.detach().clone(), layer.bias.detach().clone()
        for values, default in zip(filled(layer, "torch"), drawn, strict=True):
            assert is_uniform(values, 1 / math.sqrt(fan_in))
            assert is_uniform(default, 1 / math.sqrt(fan_in))
            assert not torch.equal(values, default)


def test_glorot_scheme_is_keras_default() -> None:
    weight, bias = filled(nn.Conv2d(32, 64, 3), "glorot")
    assert is_uniform(weight, math.sqrt(6 / (9 * 32 + 9 * 64)))
    assert not bias.any()
    weight, bias = filled(nn.Linear(784, 64), "glorot")
    assert is_uniform(weight, math.sqrt(6 / (784 + 64)))
    assert not bias.any()


def test_kaiming_scheme_goes_by_fan_out() -> None:
    weight, bias = filled(nn.Conv2d(32, 128, 3), "kaiming")
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 128)), rel=0.05)
    assert not bias.any()
    assert is_uniform(filled(nn.Linear(512, 512), "kaiming")[0], 1 / math.sqrt(512))


def test_presets_start_as_their_sources_do() -> None:
    keras = build(ModelSpec(name="wu-cnn"), 10, seed=0)
    assert not any(weight.any() for name, weight in keras.named_parameters() if "bias" in name)
    plain = build(ModelSpec(name="mlp-64"), 10, seed=0)
    assert all(weight.any() for name, weight in plain.named_parameters() if "bias" in name)


def test_batch_norm_starts_as_the_identity() -> None:
    weights = build(ModelSpec(name="resnet18"), 10, seed=0).state_dict()
    starts = {"running_mean": 0, "running_var": 1, "num_batches_tracked": 0}
    for ending, start in starts.items():
        found = [value for name, value in weights.items() if name.endswith(ending)]
        assert len(found) == 20
        assert all((value == start).all() for value in found)
    assert (weights["body.norm1.weight"] == 1).all()
    assert not weights["body.norm1.bias"].any()


def test_numbers_that_no_scheme_knows_are_an_error() -> None:
    with pytest.raises(TypeError, match="LayerNorm"):
        initialise(nn.LayerNorm(3), "torch", seed=0)
