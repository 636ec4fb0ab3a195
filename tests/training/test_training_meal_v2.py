"""MEAL V2 in training: the discriminator learns, its weights are in the checkpoint, resume."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.training_examples import (
    DENSE,
    Heard,
    assert_same,
    run,
    run_until,
    stage,
    taught,
)
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import CHECKPOINT
from tsexplorer.training.events import EpochEnded


@pytest.mark.parametrize("mode", ["cooperative", "adversarial"])
def test_a_resumed_stage_ends_in_the_same_bits(mode: str, tmp_path: Path) -> None:
    library, spec = taught(tmp_path, epochs=3)
    second = stage(DENSE, seed=9)
    keys = (*spec.teachers, library.add(second, run(second, tmp_path / "second")))
    objective = ObjectiveSpec(name="meal-v2", options={"discriminator": mode})
    changes = {"objective": objective, "teachers": keys, "combine": "probabilities"}
    spec = spec.model_copy(update=changes)
    heard = Heard()
    whole = run(spec, tmp_path / "whole", library=library, listener=heard)
    run_until(2, spec, tmp_path / "parts", library)
    assert_same(whole, run(spec, tmp_path / "parts", library=library))
    tensors = [checkpoints.read(tmp_path / one / CHECKPOINT)[0] for one in ("whole", "parts")]
    discriminators = [checkpoints.select_prefix("extra.", one) for one in tensors]
    assert discriminators[0]["0.weight"].shape == (32, 10)
    assert_same(*discriminators)
    for row in heard.of(EpochEnded):
        assert set(row.terms) == {"soft", "discriminator", "discriminator accuracy"}
        assert 0 <= row.terms["discriminator accuracy"] <= 1
        assert row.train_loss == pytest.approx(row.terms["soft"] + row.terms["discriminator"])
