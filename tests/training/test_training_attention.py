"""Attention transfer in training: a resumed stage's bits, and a teacher that runs along."""

from __future__ import annotations

from pathlib import Path

from tests.training.training_examples import assert_same, run, run_until, taught
from tsexplorer.specs import ModelSpec, NetConfig, ObjectiveSpec

STUDENT = ModelSpec(name="custom", net=NetConfig(conv=(3, 4), padding="valid"))


def test_a_resumed_stage_ends_in_the_same_bits(tmp_path: Path) -> None:
    library, spec = taught(tmp_path, epochs=3, jitter=1)
    objective = ObjectiveSpec(name="attention")
    spec = spec.model_copy(update={"objective": objective, "model": STUDENT})
    whole = run(spec, tmp_path / "whole", library=library)
    run_until(2, spec, tmp_path / "parts", library)
    assert_same(whole, run(spec, tmp_path / "parts", library=library))
