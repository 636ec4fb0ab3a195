"""The ONNX file answers as the net does, whatever the net is made of and however it is scaled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from tsexplorer.analysis.inference import MISFIT, MISSING
from tsexplorer.data.batches import scale
from tsexplorer.errors import UserError
from tsexplorer.export import __main__ as process
from tsexplorer.export.writer import Pixels, Request, onnx_of
from tsexplorer.models import build
from tsexplorer.specs import LABELS, DataSpec, ModelSpec, NetConfig, StageSpec, TrainSpec
from tsexplorer.training import checkpoints

CLASSES = 7
MEAN, DEVIATION = 0.2, 0.4
NETS = {
    "dense": ModelSpec(name="mlp-64"),
    "convolutions": ModelSpec(name="wu-cnn"),
    "tanh": ModelSpec(name="lenet-5"),
    "blocks": ModelSpec(name="mobilenet-v3-small"),
    "norms": ModelSpec(
        name="custom",
        net=NetConfig(
            conv=(4, 6), dense=(9,), activation="gelu", dropout=0.5, batch_norm=True, kernel=5
        ),
    ),
}


def stage_of(model: ModelSpec, scaling: str = "unit") -> StageSpec:
    return StageSpec(
        data=DataSpec.model_validate({"scaling": scaling}),
        model=model,
        objective=LABELS,
        train=TrainSpec(),
        seed=0,
    )


def trained(stage: StageSpec, folder: Path) -> tuple[torch.nn.Module, Path]:
    """A net whose norms have running figures of their own, and its weights file."""
    net = build(stage.model, CLASSES, seed=3)
    generator = torch.Generator().manual_seed(5)
    for name, buffer in net.named_buffers():
        if buffer.is_floating_point():
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5 * ("var" in name))
    path = folder / "weights.safetensors"
    checkpoints.write(path, net.state_dict(), {})
    return net.eval(), path


def request_of(stage: StageSpec, weights: Path, into: Path) -> Request:
    return Request(
        stage=stage, weights=weights, classes=CLASSES, mean=MEAN, deviation=DEVIATION, into=into
    )


@pytest.mark.parametrize(
    ("name", "scaling"),
    [*((name, "unit") for name in NETS), ("dense", "standard"), ("convolutions", "raw")],
)
def test_the_file_answers_as_the_net_does(name: str, scaling: str, tmp_path: Path) -> None:
    stage = stage_of(NETS[name], scaling)
    net, weights = trained(stage, tmp_path)
    into = tmp_path / "net.onnx"
    process.write(request_of(stage, weights, into))
    session = onnxruntime.InferenceSession(str(into))
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape) == ("images", "tensor(uint8)", ["N", 28, 28])
    assert (given.name, given.type, given.shape) == ("logits", "tensor(float)", ["N", CLASSES])
    for count in (1, 5):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        with torch.inference_mode():
            pixels = scale(torch.from_numpy(images.copy()), stage.data.scaling, MEAN, DEVIATION)
            expected_NC = net(pixels).numpy()
        (z_NC,) = session.run(["logits"], {"images": images})
        assert z_NC == pytest.approx(
            expected_NC, rel=1e-4, abs=1e-4 * float(np.abs(expected_NC).max())
        )


def test_a_file_that_answers_otherwise_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(NETS["dense"])
    _, weights = trained(stage, tmp_path)
    into = tmp_path / "net.onnx"
    monkeypatch.setattr(process, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="As ONNX the net answers otherwise"):
        process.write(request_of(stage, weights, into))
    assert not into.exists()


def test_what_is_wrong_with_the_weights_comes_through_as_a_sentence(tmp_path: Path) -> None:
    stage = stage_of(NETS["dense"])
    gone = tmp_path / "gone.safetensors"
    with pytest.raises(UserError, match="^" + MISSING.partition(";")[0]):
        onnx_of(stage, gone, CLASSES, Pixels(MEAN, DEVIATION))
    _, weights = trained(stage, tmp_path)
    with pytest.raises(UserError, match="^" + MISFIT.partition(";")[0]):
        onnx_of(stage_of(NETS["convolutions"]), weights, CLASSES, Pixels(MEAN, DEVIATION))


def test_a_process_that_dies_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsexplorer.export.writer.PATIENCE_SECONDS", 0.01)
    _, weights = trained(stage_of(NETS["dense"]), tmp_path)
    with pytest.raises(UserError, match="could not be written as ONNX"):
        onnx_of(stage_of(NETS["dense"]), weights, CLASSES, Pixels(MEAN, DEVIATION))
