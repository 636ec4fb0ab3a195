"""Sizes of nets, invalid nets, and short descriptions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.models import MAX_PARAMETERS, check, count, describe
from tsexplorer.specs import ModelSpec, NetConfig


def custom(**fields: object) -> ModelSpec:
    return ModelSpec(name="custom", net=NetConfig(**fields))  # type: ignore[arg-type]


# -- size -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "classes", "parameters"),
    [
        ("wu-cnn", 10, 61_514),
        ("wu-mlp", 10, 50_890),
        ("mlp-64", 10, 50_890),
        ("korn-cnn", 26, 3_378_970),
        ("korn-mlp", 26, 415_258),
        ("hinton-teacher", 10, 2_395_210),
        ("hinton-student", 10, 1_276_810),
        ("hinton-narrow", 10, 24_790),
        ("lenet-5", 10, 61_706),
        ("resnet18", 10, 11_172_810),
        ("mobilenet-v3-small", 10, 1_527_818),
    ],
)
def test_parameters_are_as_published(name: str, classes: int, parameters: int) -> None:
    assert count(ModelSpec(name=name), ImageTask(classes)).parameters == parameters


def test_layers_of_the_wu_teacher() -> None:
    size = count(ModelSpec(name="wu-cnn"), ImageTask(10))
    rows = {row.name: row for row in size.layers}
    assert [row.name for row in size.layers] == [
        *("conv1", "maxpool1", "relu1"),
        *("conv2", "maxpool2", "relu2"),
        *("conv3", "maxpool3", "relu3"),
        *("flatten", "logits"),
    ]
    assert (rows["conv1"].output, rows["conv1"].parameters) == ("32×28×28", 320)
    assert rows["conv2"].output == "64×14×14"
    assert rows["conv2"].macs == 9 * 32 * 64 * 14 * 14
    assert rows["maxpool3"].output == "64×3×3"
    assert (rows["flatten"].output, rows["logits"].output) == ("576", "10")
    assert size.parameters == sum(row.parameters for row in size.layers)
    assert size.macs == sum(row.macs for row in size.layers)
    assert size.bytes == 4 * 61_514


def test_batch_norm_replaces_biases() -> None:
    without_norm = count(custom(conv=(8,), dense=(16,)), ImageTask(10)).parameters
    with_norm = count(custom(conv=(8,), dense=(16,), batch_norm=True), ImageTask(10)).parameters
    # A scale and a shift for each channel, and no bias.
    assert with_norm == without_norm + 8 + 16


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="no net called 'vgg'"):
        count(ModelSpec(name="vgg"), ImageTask(10))


def test_sizes_and_descriptions_do_not_import_torch() -> None:
    program = (
        "import sys; from tsexplorer.models import count, describe, model_names\n"
        "from tsexplorer.data.base import ImageTask\n"
        "from tsexplorer.specs import ModelSpec\n"
        "for name in model_names():\n"
        "    count(ModelSpec(name=name), ImageTask(10)), describe(ModelSpec(name=name))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# -- invalid nets -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (
            {"conv": (8,) * 5},
            "5 poolings shrink 28 px below 1 pixel; use at most 4 convolution blocks.",
        ),
        (
            {"conv": (8,) * 6, "activation": "gelu", "batch_norm": True},
            "6 poolings shrink 28 px below 1 pixel; use at most 4 convolution blocks.",
        ),
        (
            {"conv": (8,) * 4, "padding": "valid"},
            "After 3 convolution blocks the image is 1×1 px, too small for a 3×3 convolution "
            "without padding; use at most 3 convolution blocks, or padding 'same'.",
        ),
        (
            {"conv": (8,) * 3, "kernel": 5, "padding": "valid"},
            "After 2 convolution blocks the image is 4×4 px, too small for a 5×5 convolution "
            "without padding; use at most 2 convolution blocks, or padding 'same'.",
        ),
    ],
)
def test_too_many_convolution_blocks_are_rejected(net: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        check(custom(**net), ImageTask(10))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "net",
    [
        {"conv": (8,) * 4},
        {"conv": (8,) * 3, "padding": "valid"},
        {"conv": (8,) * 2, "kernel": 5, "padding": "valid"},
    ],
)
def test_the_suggested_number_of_blocks_is_valid(net: dict[str, object]) -> None:
    check(custom(**net), ImageTask(10))


def test_a_net_above_the_size_limit_is_rejected() -> None:
    check(custom(dense=(4096, 4096)), ImageTask(10))
    sentence = r"has 140,746,762 parameters, and the limit is 50,000,000; use .* narrower layers"
    with pytest.raises(UserError, match=sentence):
        check(custom(dense=(8192, 8192, 8192)), ImageTask(10))
    assert MAX_PARAMETERS == 50_000_000


def test_a_single_class_is_rejected() -> None:
    with pytest.raises(UserError, match="at least 2 classes"):
        check(ModelSpec(name="mlp-64"), ImageTask(1))


# -- descriptions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "classes", "description"),
    [
        ("mlp-64", 10, "784-64-10, ReLU"),
        ("wu-mlp", 10, "784-64-10, sigmoid"),
        ("wu-cnn", 10, "conv 32-64-64, FC 10"),
        ("korn-cnn", 26, "conv 64-128 unpadded, FC 1024-26, dropout 0.25 and 0.5"),
        ("hinton-teacher", 10, "784-1200-1200-10, ReLU, dropout 0.2 and 0.5"),
        ("lenet-5", 10, "conv 5×5 6-16, FC 120-84-10"),
        ("resnet18", 10, "conv 64, 8 residual blocks 64-128-256-512, FC 10"),
    ],
)
def test_descriptions_of_presets(name: str, classes: int, description: str) -> None:
    assert describe(ModelSpec(name=name), ImageTask(classes)) == description


@pytest.mark.parametrize(
    ("net", "description"),
    [
        (NetConfig(), "784-10"),
        (NetConfig(dense=(32, 16), dropout=0.1), "784-32-16-10, ReLU, dropout 0.1"),
        (
            NetConfig(conv=(8, 16), kernel=5, activation="gelu", batch_norm=True),
            "conv 5×5 8-16, FC 10, GELU, batch norm",
        ),
    ],
)
def test_descriptions_of_custom_nets(net: NetConfig, description: str) -> None:
    assert describe(ModelSpec(name="custom", net=net)) == description
