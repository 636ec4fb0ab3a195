"""Logits of new images: equal to those over a split, with nets loaded again when replaced."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tsexplorer.analysis import inference
from tsexplorer.analysis.inference import (
    CACHED_NETS,
    MISSING_WEIGHTS,
    NOT_FINITE,
    WRONG_WEIGHTS,
    NetCache,
    TrainedNet,
    compute_outputs,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.data.bundled_sample import load_sample
from tsexplorer.errors import UserError
from tsexplorer.models.network import Net
from tsexplorer.planning import plan
from tsexplorer.services import demo
from tsexplorer.specs import ExperimentSpec
from tsexplorer.training import checkpoints

SPLITS = load_sample("mnist")
assert SPLITS is not None
IMAGES = SPLITS.test.images[:50].numpy()


@pytest.fixture
def demo_nets(tmp_path: Path) -> dict[str, TrainedNet]:
    """Return copies of the demo's nets by role."""
    nets = {}
    for planned in plan(ExperimentSpec.model_validate(demo.shipped()[demo.NAME]["spec"])):
        name = f"{planned.spec.hash}.safetensors"
        weights = Path(shutil.copy(demo.DEMO / name, tmp_path / name))
        nets[planned.role] = TrainedNet(planned.spec, weights, tmp_path)
    return nets


@pytest.mark.parametrize("role", ["teacher", "baseline", "distilled"])
def test_logits_equal_those_over_the_split(demo_nets: dict[str, TrainedNet], role: str) -> None:
    logits = NetCache().logits(demo_nets[role], SPLITS, IMAGES)
    outputs = compute_outputs(demo_nets[role], SPLITS, SPLITS.test)
    assert logits.dtype == np.float32
    assert logits == pytest.approx(outputs["answers"]["logits"].numpy()[:50], abs=1e-4)
    assert (logits.argmax(1) == SPLITS.test.labels[:50].numpy()).mean() > 0.9


def test_read_only_pixels_are_accepted(demo_nets: dict[str, TrainedNet]) -> None:
    pixels = IMAGES.copy()
    pixels.flags.writeable = False
    assert NetCache().logits(demo_nets["baseline"], SPLITS, pixels).shape == (50, 10)


def test_changed_weights_are_loaded_again(demo_nets: dict[str, TrainedNet]) -> None:
    cache, net = NetCache(), demo_nets["baseline"]
    before = cache.logits(net, SPLITS, IMAGES)
    weights, header = checkpoints.read(net.weights)
    checkpoints.write(net.weights, {name: -tensor for name, tensor in weights.items()}, header)
    os.utime(net.weights, ns=(0, 0))
    assert not np.allclose(before, cache.logits(net, SPLITS, IMAGES))


def test_the_most_recently_used_nets_stay_in_memory(
    demo_nets: dict[str, TrainedNet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []
    load_net = inference.load_net

    def recorded_load_net(net: TrainedNet, task: ImageTask) -> Net:
        loaded.append(net.weights)
        return load_net(net, task)

    monkeypatch.setattr(inference, "load_net", recorded_load_net)
    cache, net = NetCache(), demo_nets["baseline"]
    copies = [
        net._replace(weights=Path(shutil.copy(net.weights, tmp_path / f"{number}.safetensors")))
        for number in range(CACHED_NETS + 1)
    ]
    for copy in (*copies, *copies[1:]):
        cache.logits(copy, SPLITS, IMAGES[:1])
    assert len(loaded) == CACHED_NETS + 1
    cache.logits(copies[0], SPLITS, IMAGES[:1])
    assert len(loaded) == CACHED_NETS + 2


def test_missing_and_wrong_weights_are_errors(demo_nets: dict[str, TrainedNet]) -> None:
    cache = NetCache()
    wrong = demo_nets["teacher"]._replace(weights=demo_nets["baseline"].weights)
    with pytest.raises(UserError, match=WRONG_WEIGHTS):
        cache.logits(wrong, SPLITS, IMAGES)
    demo_nets["baseline"].weights.unlink()
    with pytest.raises(UserError, match=MISSING_WEIGHTS):
        cache.logits(demo_nets["baseline"], SPLITS, IMAGES)


def test_logits_that_are_not_finite_are_an_error(demo_nets: dict[str, TrainedNet]) -> None:
    net = demo_nets["baseline"]
    weights, header = checkpoints.read(net.weights)
    nans = {name: torch.full_like(tensor, float("nan")) for name, tensor in weights.items()}
    checkpoints.write(net.weights, nans, header)
    with pytest.raises(UserError, match=NOT_FINITE):
        NetCache().logits(net, SPLITS, IMAGES)
