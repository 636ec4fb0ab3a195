from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tsexplorer.errors import UserError
from tsexplorer.models import build, count, model_names
from tsexplorer.specs import ModelSpec, NetConfig

EVERYTHING = NetConfig(conv=(4, 6), dense=(8,), dropout=0.5, input_dropout=0.2, batch_norm=True)


def pixels(size: int = 2) -> Tensor:
    return torch.rand(size, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def spec(name: str) -> ModelSpec:
    return ModelSpec(name=name, net=EVERYTHING if name == "custom" else None)


@pytest.mark.parametrize("name", [*model_names(), "custom"])
def test_built_nets_are_what_was_counted(name: str) -> None:
    counted = count(spec(name), 26)
    net = build(spec(name), 26, seed=0).eval()
    assert sum(weight.numel() for weight in net.parameters()) == counted.parameters
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        logits, seen = net.forward_with(pixels(1), net.layer_names)
    assert counter.get_total_flops() == 2 * counted.macs
    assert logits.shape == (1, 26)
    assert [(row.name, row.output) for row in counted.layers] == [
        (layer, "×".join(map(str, output.shape[1:]))) for layer, output in seen.items()
    ]


@pytest.mark.parametrize("name", [*model_names(), "custom"])
def test_features_lead_to_the_logits(name: str) -> None:
    net = build(spec(name), 10, seed=0).eval()
    with torch.no_grad():
        features = net.features(pixels())
        logits, seen = net.forward_with(pixels(), [net.layer_names[-2]])
        assert torch.equal(net.logits(features), net(pixels()))
    assert features.ndim == 2
    assert torch.equal(seen[net.layer_names[-2]], features)
    assert torch.equal(logits, net(pixels()))
    assert torch.isfinite(logits).all()


def test_an_unknown_layer_is_named() -> None:
    net = build(spec("mlp-64"), 10, seed=0)
    with pytest.raises(ValueError, match=r"no layer 'conv9'; there are flatten, dense1"):
        net.forward_with(pixels(), ["conv9"])


@pytest.mark.parametrize("name", [*model_names(), "custom"])
def test_weights_are_a_function_of_the_seed(name: str) -> None:
    before = torch.get_rng_state()
    first, again, other = (build(spec(name), 10, seed).state_dict() for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["logits.weight"], other["logits.weight"])


def test_threads_build_the_same_nets() -> None:
    names = ["wu-cnn", "mlp-64", "mobilenet-v3-small", "custom"] * 4
    alone = {name: build(spec(name), 10, 3).state_dict() for name in set(names)}
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda name: build(spec(name), 10, 3).state_dict(), names))
    for name, weights in zip(names, together, strict=True):
        assert all(torch.equal(weights[key], alone[name][key]) for key in weights)


def test_an_impossible_net_is_refused() -> None:
    with pytest.raises(UserError, match="at most 4 convolution blocks"):
        build(ModelSpec(name="custom", net=NetConfig(conv=(4,) * 5)), 10, seed=0)


def torchvision_resnet() -> nn.Module:
    net = torchvision.models.resnet18(num_classes=10)
    net.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    net.maxpool = nn.Identity()
    return net


def torchvision_mobilenet() -> nn.Module:
    net = torchvision.models.mobilenet_v3_small(num_classes=10)
    net.features[0][0] = nn.Conv2d(1, 16, 3, padding=1, bias=False)
    return net


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("name", "published"),
    [("resnet18", torchvision_resnet), ("mobilenet-v3-small", torchvision_mobilenet)],
)
def test_large_nets_compute_what_torchvision_s_do(name: str, published: type[nn.Module]) -> None:
    ours, theirs = build(spec(name), 10, seed=2), published()
    for part in ours.modules():
        if isinstance(part, nn.BatchNorm2d):  # small enough for epsilon to show
            part.running_var.fill_(0.05)
    weights = zip(theirs.state_dict(), ours.state_dict().values(), strict=True)
    theirs.load_state_dict(dict(weights))
    with torch.no_grad():
        assert torch.allclose(ours.eval()(pixels()), theirs.eval()(pixels()), rtol=0, atol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["wu-cnn", "korn-cnn", "mobilenet-v3-small", "custom"])
def test_channels_last_is_the_same_function(name: str) -> None:
    net = build(spec(name), 10, seed=0).eval()
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.no_grad():
        assert torch.allclose(last(pixels()), net(pixels()), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["wu-cnn", "mlp-64", "custom"])
def test_nets_learn_under_bf16_autocast(name: str) -> None:
    net = build(spec(name), 10, seed=0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    net.set_dropout_generator(torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(pixels())
    assert logits.dtype == torch.bfloat16
    logits.float().square().sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters())


@pytest.mark.usefixtures("float64")
def test_dense_nets_run_stacked() -> None:
    nets = [build(spec("mlp-64"), 10, seed) for seed in range(3)]
    parameters, buffers = torch.func.stack_module_state(nets)
    shell = copy.deepcopy(nets[0]).to("meta")

    def answer(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(shell, (parameters, buffers), (x,))

    stacked = torch.func.vmap(answer, in_dims=(0, 0, None))(parameters, buffers, pixels())
    apart = torch.stack([net(pixels()) for net in nets])
    assert torch.allclose(stacked, apart, rtol=0, atol=1e-9)
