"""Which nets train in a stack, with which reason, and how much memory they need."""

from __future__ import annotations

import pytest

from tests.students.student_examples import make_student
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import get_dataset
from tsexplorer.specs import ModelSpec, NetConfig, TrainSpec
from tsexplorer.students import stacking_rule
from tsexplorer.students.stacking_rule import (
    MemoryNeed,
    available_memory,
    decide_stacking,
    format_bytes,
    max_students_by_work,
    memory_needed,
)


def net(**config) -> ModelSpec:
    return ModelSpec(name="custom", net=NetConfig(**config))


@pytest.mark.parametrize("name", ["mlp-64", "wu-mlp", "hinton-narrow", "hinton-student"])
def test_dense_nets_stack(name):
    decision = decide_stacking(ModelSpec(name=name), TrainSpec(), ImageTask(10), "hinton")
    assert decision.stacks
    assert "train together" in decision.sentence


@pytest.mark.parametrize(
    ("model", "train", "reason"),
    [
        (ModelSpec(name="wu-cnn"), {}, "Convolutions are no faster"),
        (ModelSpec(name="resnet18"), {}, "Convolutions are no faster"),
        (net(dense=(8,), batch_norm=True), {}, "Batch norm needs"),
        (net(dense=(8,), dropout=0.5), {}, "Dropout needs"),
        (net(input_dropout=0.2), {}, "Dropout needs"),
        (net(dense=(8,)), {"precision": "bf16"}, "A stack computes in fp32"),
        (net(dense=(4000,)), {"batch_size": 512}, "A single step of this net keeps all cores busy"),
    ],
)
def test_other_nets_do_not_stack_for_a_reason(model, train, reason):
    decision = decide_stacking(model, TrainSpec(**train), ImageTask(10), "hinton")
    assert not decision.stacks
    assert decision.sentence.startswith(reason)
    assert decision.sentence.endswith(": its students train one after the other.")


def test_larger_batches_allow_smaller_stacks():
    model = ModelSpec(name="mlp-64")
    largest = max_students_by_work(model, TrainSpec(), ImageTask(10))
    assert largest == 10**9 // (3 * 50_816 * 64)
    assert max_students_by_work(model, TrainSpec(batch_size=128), ImageTask(10)) == largest // 2


def need(seeds: int = 1, **changes) -> MemoryNeed:
    return memory_needed(make_student(**changes), get_dataset("mnist-5k").info, seeds)


def test_memory_needed_depends_on_the_training():
    plain = need()
    assert need(averaging=0.9).student > plain.student
    assert need(keep="best").student > plain.student
    assert need(optimiser="sgd").student < plain.student
    large = {"batch_size": 4000}
    # Each seed has batches of its own, which count where they are larger than an evaluation.
    assert need(seeds=2, **large).student > need(**large).student
    assert need(jitter=2).shared > plain.shared  # logits of all shifts
    assert plain.total(3) - plain.total(2) == plain.student


def test_memory_needed_covers_all_copies_of_the_weights():
    # Weights and two tensors of Adam, twice because of the checkpoint; gradient; kept weights in
    # the student, in the last evaluation and in the result.
    parameters = 50_890 * 4 * (2 * 3 + 4)
    assert parameters < need(model=ModelSpec(name="mlp-64")).student < 2 * parameters


def test_some_memory_is_available():
    assert 10**6 < available_memory() < 2**50
    assert format_bytes(999) == "1 MB"


def test_memory_in_use_by_a_container_is_not_available(tmp_path, monkeypatch):
    monkeypatch.setattr(stacking_rule, "CGROUP_FOLDER", tmp_path)
    (tmp_path / "memory.max").write_text("1000000\n")
    assert available_memory() == 500_000  # older systems do not report the memory in use
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 600000\ninactive_file 100000\n")
    assert available_memory() == 200_000
    (tmp_path / "memory.current").write_text("2000000\n")
    assert available_memory() == 0
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() > 10**6
