"""Built nets: sizes, outputs, initial weights, and equality with reference implementations."""

from __future__ import annotations

import copy
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.models import build, count, model_names
from tsexplorer.models.network import initialise
from tsexplorer.models.registry import InitialisationScheme
from tsexplorer.specs import ConfigActivation, ModelSpec, NetConfig

CUSTOM = NetConfig(conv=(4, 6), dense=(8,), dropout=0.5, input_dropout=0.2, batch_norm=True)
ALL_NETS = [*model_names(), "custom"]


def spec_of(name: str) -> ModelSpec:
    return ModelSpec(name=name, net=CUSTOM if name == "custom" else None)


def random_images(size: int = 2) -> Tensor:
    return torch.rand(size, 1, 28, 28, generator=torch.Generator().manual_seed(0))


# -- size and outputs -------------------------------------------------------------------------


def check_counts(model: ModelSpec, task: ImageTask) -> None:
    """Compare counted parameters, arithmetic and shapes with those of the built net."""
    size = count(model, task)
    net = build(model, task, seed=0).eval()
    assert sum(parameter.numel() for parameter in net.parameters()) == size.parameters
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        logits, outputs = net.forward_with(torch.rand(1, *task.image_shape), net.layer_names)
    assert counter.get_total_flops() == 2 * size.macs
    assert logits.shape == (1, task.classes)
    assert [(row.name, row.output) for row in size.layers] == [
        (layer, "×".join(map(str, output.shape[1:]))) for layer, output in outputs.items()
    ]


@pytest.mark.parametrize("name", ALL_NETS)
def test_counted_size_is_that_of_the_built_net(name: str) -> None:
    check_counts(spec_of(name), ImageTask(26))


@pytest.mark.parametrize("name", [name for name in ALL_NETS if name != "korn-cnn"])
@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 40, 72)])
def test_counts_are_right_for_colour_images(name: str, shape: tuple[int, int, int]) -> None:
    check_counts(spec_of(name), ImageTask(7, shape))


@pytest.mark.parametrize("block", ["plain", "separable", "residual"])
@pytest.mark.parametrize("downsample", ["pool", "stride"])
@pytest.mark.parametrize("head", ["flatten", "average"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_counts_are_right_for_all_blocks(
    block: str, downsample: str, head: str, batch_norm: bool
) -> None:
    net = NetConfig(
        conv=(4, 6, 6),
        strides=(2, 1, 2),
        dense=(5,),
        block=block,
        downsample=downsample,
        head=head,
        batch_norm=batch_norm,
    )
    check_counts(ModelSpec(name="custom", net=net), ImageTask(3, (3, 20, 24)))


def test_residual_nets_have_the_published_sizes() -> None:
    colour = ImageTask(10, (3, 32, 32))
    assert count(ModelSpec(name="resnet20"), colour).parameters == 269_722
    assert count(ModelSpec(name="resnet18"), colour).parameters == 11_173_962
    assert count(ModelSpec(name="compact-cnn"), ImageTask(10)).parameters < 8_000


def test_strides_must_fit_the_blocks() -> None:
    net = NetConfig(conv=(4, 6), strides=(1,))
    with pytest.raises(UserError, match="2 convolution blocks and 1 strides"):
        build(ModelSpec(name="custom", net=net), ImageTask(10), seed=0)


@pytest.mark.parametrize("name", ALL_NETS)
def test_features_are_the_inputs_of_the_last_layer(name: str) -> None:
    net = build(spec_of(name), ImageTask(10), seed=0).eval()
    images = random_images()
    with torch.no_grad():
        features = net.features(images)
        logits, outputs = net.forward_with(images, [net.layer_names[-2]])
        assert torch.equal(net.logits(features), net(images))
    assert features.ndim == 2
    assert torch.equal(outputs[net.layer_names[-2]], features)
    assert torch.equal(logits, net(images))
    assert torch.isfinite(logits).all()


def test_an_unknown_layer_is_an_error() -> None:
    net = build(spec_of("mlp-64"), ImageTask(10), seed=0)
    with pytest.raises(ValueError, match=r"no layer 'conv9'; there are flatten, dense1"):
        net.forward_with(random_images(), ["conv9"])


def test_an_invalid_net_is_rejected() -> None:
    with pytest.raises(UserError, match="at most 4 convolution blocks"):
        build(ModelSpec(name="custom", net=NetConfig(conv=(4,) * 5)), ImageTask(10), seed=0)


@pytest.mark.parametrize("name", ["wu-cnn", "korn-cnn", "mobilenet-v3-small", "custom"])
def test_channels_last_gives_equal_outputs(name: str) -> None:
    net = build(spec_of(name), ImageTask(10), seed=0).eval()
    other = copy.deepcopy(net).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.no_grad():
        assert torch.allclose(other(random_images()), net(random_images()), atol=1e-5)


@pytest.mark.parametrize("name", ["wu-cnn", "mlp-64", "custom"])
def test_gradients_under_bf16_autocast_are_finite(name: str) -> None:
    net = build(spec_of(name), ImageTask(10), seed=0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    net.set_dropout_generator(torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(random_images())
    assert logits.dtype == torch.bfloat16
    logits.float().square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in net.parameters())


def test_dense_nets_run_under_vmap() -> None:
    nets = [build(spec_of("mlp-64"), ImageTask(10), seed) for seed in range(3)]
    parameters, buffers = torch.func.stack_module_state(nets)
    module = copy.deepcopy(nets[0]).to("meta")

    def call(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(module, (parameters, buffers), (x,))

    stacked = torch.func.vmap(call, in_dims=(0, 0, None))(parameters, buffers, random_images())
    single = torch.stack([net(random_images()) for net in nets])
    assert torch.allclose(stacked, single, atol=1e-6)


# -- reference implementations ----------------------------------------------------------------


def torchvision_resnet() -> nn.Module:
    net = torchvision.models.resnet18(num_classes=10)
    net.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    net.maxpool = nn.Identity()
    return net


def torchvision_mobilenet() -> nn.Module:
    net = torchvision.models.mobilenet_v3_small(num_classes=10)
    net.features[0][0] = nn.Conv2d(1, 16, 3, padding=1, bias=False)
    return net


@pytest.mark.parametrize(
    ("name", "build_reference"),
    [("resnet18", torchvision_resnet), ("mobilenet-v3-small", torchvision_mobilenet)],
)
def test_large_nets_have_the_outputs_of_torchvision(
    name: str, build_reference: type[nn.Module]
) -> None:
    net, reference = build(spec_of(name), ImageTask(10), seed=2), build_reference()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # small enough for epsilon to have an influence
            module.running_var.fill_(0.05)
    weights = zip(reference.state_dict(), net.state_dict().values(), strict=True)
    reference.load_state_dict(dict(weights))
    images = random_images()
    with torch.no_grad():
        assert torch.allclose(net.eval()(images), reference.eval()(images), rtol=1e-4)


ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "gelu": functional.gelu}


def reference_outputs(net: nn.Module, images: Tensor, activation: ConfigActivation) -> Tensor:
    """Outputs of a net with 3 classes, with the usual order of layers.

    The order is convolution, batch normalisation, activation, pooling.
    """
    norms = {norm.num_features: norm for norm in net.modules() if hasattr(norm, "num_features")}
    x = images
    for layer in net.modules():
        if isinstance(layer, nn.Linear) and x.ndim == 4:
            x = x.flatten(1)
        if isinstance(layer, nn.Linear | nn.Conv2d):
            x = layer(x)
            if isinstance(layer, nn.Linear) and layer.out_features == 3:
                return x
            if norms:
                x = norms[x.shape[1]](x)
            x = ACTIVATIONS[activation](x)
            if isinstance(layer, nn.Conv2d):
                x = functional.max_pool2d(x, 2)
    raise AssertionError("the net has no layer with 3 outputs")


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "gelu"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_order_of_pooling_does_not_change_outputs(
    activation: ConfigActivation, batch_norm: bool
) -> None:
    config = NetConfig(conv=(4, 6), dense=(5,), activation=activation, batch_norm=batch_norm)
    net = build(ModelSpec(name="custom", net=config), ImageTask(3), seed=1)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                # With a negative scale, normalisation and pooling do not commute.
                module.weight.fill_(-1.5)
    images = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = reference_outputs(net, images, activation)
        assert torch.allclose(net(images), expected, atol=1e-5)


# -- initial weights --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL_NETS)
def test_initial_weights_depend_on_the_seed_only(name: str) -> None:
    random_state = torch.get_rng_state()
    first, equal, other = (
        build(spec_of(name), ImageTask(10), seed).state_dict() for seed in (5, 5, 6)
    )
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(first[key], equal[key]) for key in first)
    assert not torch.equal(first["logits.weight"], other["logits.weight"])


def test_nets_can_be_built_in_several_threads() -> None:
    names = ["wu-cnn", "mlp-64", "mobilenet-v3-small", "custom"] * 4
    expected = {name: build(spec_of(name), ImageTask(10), 3).state_dict() for name in set(names)}
    with ThreadPoolExecutor(8) as pool:
        built = list(
            pool.map(lambda name: build(spec_of(name), ImageTask(10), 3).state_dict(), names)
        )
    for name, weights in zip(names, built, strict=True):
        assert all(torch.equal(weights[key], expected[name][key]) for key in weights)


def is_uniform(values: Tensor, bound: float) -> bool:
    """Whether the largest value and the standard deviation fit U(±bound)."""
    has_deviation = math.isclose(values.std().item(), bound / math.sqrt(3), rel_tol=0.05)
    return has_deviation and 0.97 * bound < values.abs().max().item() <= bound


def initial_values(layer: nn.Module, scheme: InitialisationScheme) -> tuple[Tensor, Tensor]:
    initialise(layer, scheme, seed=0)
    weight, bias = layer.parameters()
    return weight.detach(), bias.detach()


@pytest.mark.parametrize("layer", [nn.Linear(400, 900), nn.Conv2d(16, 900, 5)])
def test_the_torch_scheme_is_the_default_of_torch(layer: nn.Linear | nn.Conv2d) -> None:
    bound = 1 / math.sqrt(400)
    defaults = layer.weight.detach().clone(), layer.bias.detach().clone()
    for values, default in zip(initial_values(layer, "torch"), defaults, strict=True):
        assert is_uniform(values, bound)
        assert is_uniform(default, bound)
        assert not torch.equal(values, default)


@pytest.mark.parametrize(
    ("layer", "fans"), [(nn.Conv2d(32, 64, 3), 9 * 32 + 9 * 64), (nn.Linear(784, 64), 784 + 64)]
)
def test_the_glorot_scheme_is_the_default_of_keras(layer: nn.Module, fans: int) -> None:
    weight, bias = initial_values(layer, "glorot")
    assert is_uniform(weight, math.sqrt(6 / fans))
    assert not bias.any()


def test_the_kaiming_scheme_uses_fan_out_for_convolutions() -> None:
    weight, bias = initial_values(nn.Conv2d(32, 128, 3), "kaiming")
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 128)), rel=0.05)
    assert not bias.any()
    weight, _ = initial_values(nn.Linear(512, 512), "kaiming")
    assert is_uniform(weight, 1 / math.sqrt(512))


def test_presets_have_the_scheme_of_their_source() -> None:
    keras = build(ModelSpec(name="wu-cnn"), ImageTask(10), seed=0).named_parameters()
    assert not any(parameter.any() for name, parameter in keras if "bias" in name)
    torch_net = build(ModelSpec(name="mlp-64"), ImageTask(10), seed=0).named_parameters()
    assert all(parameter.any() for name, parameter in torch_net if "bias" in name)


def test_batch_norm_is_the_identity_at_first() -> None:
    state = build(ModelSpec(name="resnet18"), ImageTask(10), seed=0).state_dict()
    expected = {"running_mean": 0, "running_var": 1, "num_batches_tracked": 0}
    for ending, value in expected.items():
        buffers = [tensor for name, tensor in state.items() if name.endswith(ending)]
        assert len(buffers) == 20
        assert all((buffer == value).all() for buffer in buffers)
    assert (state["body.norm1.weight"] == 1).all()
    assert not state["body.norm1.bias"].any()


def test_parameters_without_an_initialiser_are_an_error() -> None:
    with pytest.raises(TypeError, match="LayerNorm"):
        initialise(nn.LayerNorm(3), "torch", seed=0)
