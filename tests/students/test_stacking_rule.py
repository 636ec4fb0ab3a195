"""Which nets stack, and the sentence that says why."""

from __future__ import annotations

import pytest

from tsexplorer.specs import ModelSpec, NetConfig, TrainSpec
from tsexplorer.students.stacking_rule import largest_by_work, verdict


def net(**config) -> ModelSpec:
    return ModelSpec(name="custom", net=NetConfig(**config))


@pytest.mark.parametrize("name", ["mlp-64", "wu-mlp", "hinton-narrow", "hinton-student"])
def test_dense_nets_stack(name):
    judged = verdict(ModelSpec(name=name), TrainSpec(), 10, "hinton")
    assert judged.stacks
    assert "train together" in judged.sentence


@pytest.mark.parametrize(
    ("model", "train", "reason"),
    [
        (ModelSpec(name="wu-cnn"), {}, "Convolutions are no faster"),
        (ModelSpec(name="resnet18"), {}, "Convolutions are no faster"),
        (net(dense=(8,), batch_norm=True), {}, "Batch norm keeps"),
        (net(dense=(8,), dropout=0.5), {}, "Dropout draws"),
        (net(input_dropout=0.2), {}, "Dropout draws"),
        (net(dense=(8,)), {"precision": "bf16"}, "A stack computes in fp32"),
        (net(dense=(4000,)), {"batch_size": 512}, "One step of this net keeps the cores busy"),
    ],
)
def test_what_does_not_stack_says_why(model, train, reason):
    judged = verdict(model, TrainSpec(**train), 10, "hinton")
    assert not judged.stacks
    assert judged.sentence.startswith(reason)
    assert judged.sentence.endswith(": its students train one after the other.")


def test_larger_steps_make_smaller_stacks():
    small = largest_by_work(ModelSpec(name="mlp-64"), TrainSpec(), 10)
    assert small == 10**9 // (3 * 50_816 * 64)
    assert largest_by_work(ModelSpec(name="mlp-64"), TrainSpec(batch_size=128), 10) == small // 2
