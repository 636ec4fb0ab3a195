from __future__ import annotations

import pytest

from tsexplorer.models import describe
from tsexplorer.specs import ModelSpec, NetConfig


@pytest.mark.parametrize(
    ("name", "classes", "words"),
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
def test_presets_in_words(name: str, classes: int, words: str) -> None:
    assert describe(ModelSpec(name=name), classes) == words


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (NetConfig(), "784-10"),
        (NetConfig(dense=(32, 16), dropout=0.1), "784-32-16-10, ReLU, dropout 0.1"),
        (
            NetConfig(conv=(8, 16), kernel=5, activation="gelu", batch_norm=True),
            "conv 5×5 8-16, FC 10, GELU, batch norm",
        ),
    ],
)
def test_custom_nets_in_words(net: NetConfig, words: str) -> None:
    assert describe(ModelSpec(name="custom", net=net)) == words
