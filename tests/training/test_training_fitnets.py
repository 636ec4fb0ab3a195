"""FitNets in training: what learns from a hint, what waits, and a resumed hint's bits."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch

from tests.training.training_examples import (
    DROPPING,
    assert_same,
    made,
    run,
    run_until,
    taught,
)
from tsexplorer.specs import ModelSpec, NetConfig, ObjectiveSpec

HINTS = ObjectiveSpec(name="fitnets-hints", temperature=1, lam=1)
DEEP = ModelSpec(name="custom", net=NetConfig(dense=(12, 8, 6)))


@pytest.mark.parametrize("optimiser", ["adamw", "sgd", "adadelta"])
def test_only_layers_up_to_the_guided_one_learn(
    optimiser: Literal["adamw", "sgd", "adadelta"], tmp_path: Path
) -> None:
    changes = {"optimiser": optimiser, "weight_decay": 0.1, "averaging": 0.9}
    library, spec = taught(tmp_path, **changes)
    spec = spec.model_copy(update={"objective": HINTS, "model": DEEP})
    first = {name: one.clone() for name, one in made(spec, library).net.state_dict().items()}
    learnt = run(spec, tmp_path / "student", library=library)
    moved = {name for name, value in first.items() if not torch.equal(value, learnt[name])}
    assert moved == {f"body.dense{one}.{kind}" for one in (1, 2) for kind in ("weight", "bias")}


def test_resumed_hints_end_in_the_same_bits_and_the_student_goes_on_from_them(
    tmp_path: Path,
) -> None:
    library, spec = taught(tmp_path, epochs=3, optimiser="adamw")
    spec = spec.model_copy(update={"model": DROPPING})
    hint = spec.model_copy(update={"objective": HINTS})
    whole = run(hint, tmp_path / "whole", library=library)
    run_until(2, hint, tmp_path / "parts", library)
    assert_same(whole, run(hint, tmp_path / "parts", library=library))
    fitnets = ObjectiveSpec(name="fitnets", temperature=3)
    start = library.add(hint, whole)
    second = spec.model_copy(update={"objective": fitnets, "start_from": start})
    assert_same(whole, dict(made(second, library).net.state_dict()))
    trained = run(second, tmp_path / "second", library=library)
    assert not torch.equal(trained["logits.weight"], whole["logits.weight"])
