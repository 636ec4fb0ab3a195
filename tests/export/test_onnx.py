"""The ONNX file has the logits of the net, for all kinds of layers and scalings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from tsexplorer.analysis.inference import MISSING_WEIGHTS, WRONG_WEIGHTS
from tsexplorer.data.base import ImageTask, Normalisation, PixelStatistics, array_shape
from tsexplorer.errors import UserError
from tsexplorer.export import __main__ as export_process
from tsexplorer.export.archive import OnnxRequest, export_onnx
from tsexplorer.models import build
from tsexplorer.specs import LABELS, DataSpec, ModelSpec, NetConfig, StageSpec, TrainSpec
from tsexplorer.training import checkpoints

GREY = ImageTask(7)
COLOUR = ImageTask(5, (3, 32, 24))
STATISTICS = {
    GREY: PixelStatistics((0.2,), (0.4,)),
    COLOUR: PixelStatistics((0.2, 0.4, 0.5), (0.4, 0.3, 0.2)),
}
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
    """Return a stage that trains a net on labels."""
    return StageSpec(
        data=DataSpec.model_validate({"scaling": scaling}),
        model=model,
        objective=LABELS,
        train=TrainSpec(),
        seed=0,
    )


def saved_net(
    stage: StageSpec, folder: Path, task: ImageTask = GREY
) -> tuple[torch.nn.Module, Path]:
    """Return a net with random running statistics of its norms, and its weights file."""
    net = build(stage.model, task, seed=3)
    generator = torch.Generator().manual_seed(5)
    for name, buffer in net.named_buffers():
        if buffer.is_floating_point():
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5 * ("var" in name))
    path = folder / "weights.safetensors"
    checkpoints.write(path, net.state_dict(), {})
    return net.eval(), path


def request_of(
    stage: StageSpec, weights: Path, output: Path, task: ImageTask = GREY
) -> OnnxRequest:
    """Return a request to write the ONNX file of a net."""
    return OnnxRequest(
        stage=stage, weights=weights, task=task, statistics=STATISTICS[task], output=output
    )


@pytest.mark.parametrize(
    ("name", "scaling", "task"),
    [
        *((name, "unit", GREY) for name in NETS),
        ("dense", "standard", GREY),
        ("convolutions", "raw", GREY),
        ("dense", "standard", COLOUR),
        ("norms", "standard", COLOUR),
    ],
)
def test_logits_equal_those_of_the_net(
    name: str, scaling: str, task: ImageTask, tmp_path: Path
) -> None:
    stage = stage_of(NETS[name], scaling)
    net, weights = saved_net(stage, tmp_path, task)
    output = tmp_path / "net.onnx"
    export_process.write(request_of(stage, weights, output, task))
    shape = array_shape(task.image_shape)
    session = onnxruntime.InferenceSession(str(output))
    (images_info,), (logits_info,) = session.get_inputs(), session.get_outputs()
    assert (images_info.name, images_info.type) == ("images", "tensor(uint8)")
    assert images_info.shape == ["N", *shape]
    assert (logits_info.name, logits_info.type) == ("logits", "tensor(float)")
    assert logits_info.shape == ["N", task.classes]
    for count in (1, 5):
        images = np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)
        with torch.inference_mode():
            normalise = Normalisation(stage.data.scaling, STATISTICS[task])
            expected_NC = net(normalise(torch.from_numpy(images.copy()))).numpy()
        (z_NC,) = session.run(["logits"], {"images": images})
        assert z_NC == pytest.approx(
            expected_NC, rel=1e-4, abs=1e-4 * float(np.abs(expected_NC).max())
        )


def test_a_file_with_other_logits_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(NETS["dense"])
    _, weights = saved_net(stage, tmp_path)
    output = tmp_path / "net.onnx"
    monkeypatch.setattr(export_process, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="the logits of its ONNX file differ by"):
        export_process.write(request_of(stage, weights, output))
    assert not output.exists()


def test_missing_weights_are_reported_by_the_process(tmp_path: Path) -> None:
    missing = tmp_path / "missing.safetensors"
    with pytest.raises(UserError, match=f"^{MISSING_WEIGHTS}$"):
        export_onnx(stage_of(NETS["dense"]), missing, GREY, STATISTICS[GREY])


def test_wrong_weights_are_reported_by_the_process(tmp_path: Path) -> None:
    _, weights = saved_net(stage_of(NETS["dense"]), tmp_path)
    with pytest.raises(UserError, match=f"^{WRONG_WEIGHTS}$"):
        export_onnx(stage_of(NETS["convolutions"]), weights, GREY, STATISTICS[GREY])


def test_a_timeout_is_a_user_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsexplorer.export.archive.TIMEOUT_SECONDS", 0.01)
    stage = stage_of(NETS["dense"])
    _, weights = saved_net(stage, tmp_path)
    with pytest.raises(UserError, match="could not be written as ONNX"):
        export_onnx(stage, weights, GREY, STATISTICS[GREY])
