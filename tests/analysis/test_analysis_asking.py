"""Nets that are asked at once answer as they do over a split, and know when they were replaced."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tsexplorer.analysis.inference import KEPT_RESULTS, MISFIT, MISSING, Nets, Source, compute
from tsexplorer.data.bundled_sample import load_sample
from tsexplorer.errors import UserError
from tsexplorer.planning import plan
from tsexplorer.services import demo
from tsexplorer.specs import ExperimentSpec
from tsexplorer.training import checkpoints

SPLITS = load_sample("mnist")
assert SPLITS is not None
IMAGES = SPLITS.test.images[:50].numpy()


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Source]:
    """The demo's nets, in a folder of their own."""
    found = {}
    for planned in plan(ExperimentSpec.model_validate(demo.shipped()[demo.NAME]["spec"])):
        name = f"{planned.spec.hash}.safetensors"
        weights = Path(shutil.copy(demo.DEMO / name, tmp_path / name))
        found[planned.role] = Source(planned.spec, weights, tmp_path)
    return found


@pytest.mark.parametrize("role", ["teacher", "baseline", "distilled"])
def test_answers_are_those_over_the_split(sources: dict[str, Source], role: str) -> None:
    alone = Nets().logits(sources[role], SPLITS, IMAGES)
    together = compute(sources[role], SPLITS, SPLITS.test)["answers"]["logits"].numpy()
    assert alone.dtype == np.float32
    assert alone == pytest.approx(together[:50], abs=1e-4)
    assert (alone.argmax(1) == SPLITS.test.labels[:50].numpy()).mean() > 0.9


def test_read_only_pixels_are_taken(sources: dict[str, Source]) -> None:
    frozen = IMAGES.copy()
    frozen.flags.writeable = False
    assert Nets().logits(sources["baseline"], SPLITS, frozen).shape == (50, 10)


def test_weights_that_were_written_anew_are_read_anew(sources: dict[str, Source]) -> None:
    nets, source = Nets(), sources["baseline"]
    before = nets.logits(source, SPLITS, IMAGES)
    weights, header = checkpoints.read(source.weights)
    checkpoints.write(source.weights, {name: -one for name, one in weights.items()}, header)
    os.utime(source.weights, ns=(0, 0))
    assert not np.allclose(before, nets.logits(source, SPLITS, IMAGES))


def test_few_nets_are_kept(sources: dict[str, Source], tmp_path: Path) -> None:
    nets, source = Nets(), sources["baseline"]
    for number in range(KEPT_RESULTS + 3):
        copy = Path(shutil.copy(source.weights, tmp_path / f"{number}.safetensors"))
        nets.logits(source._replace(weights=copy), SPLITS, IMAGES[:1])
    assert len(nets._kept) == KEPT_RESULTS


def test_missing_and_foreign_weights_are_sentences(sources: dict[str, Source]) -> None:
    nets = Nets()
    foreign = sources["teacher"]._replace(weights=sources["baseline"].weights)
    with pytest.raises(UserError, match=MISFIT):
        nets.logits(foreign, SPLITS, IMAGES)
    sources["baseline"].weights.unlink()
    with pytest.raises(UserError, match=MISSING):
        nets.logits(sources["baseline"], SPLITS, IMAGES)


def test_a_net_without_numbers_is_a_sentence(sources: dict[str, Source]) -> None:
    source = sources["baseline"]
    weights, header = checkpoints.read(source.weights)
    nothing = {name: torch.full_like(one, float("nan")) for name, one in weights.items()}
    checkpoints.write(source.weights, nothing, header)
    with pytest.raises(UserError, match="something else than numbers"):
        Nets().logits(source, SPLITS, IMAGES)
