"""Outputs of a net over a split: their values, the core they are computed on, and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.analysis.analysis_examples import (
    CLASSES,
    CONV,
    DENSE,
    LINEAR,
    initial_weights,
    random_dataset,
    saved_net,
    toy_stage,
)
from tsexplorer.analysis import inference
from tsexplorer.analysis.inference import AnswerCache, SplitName, TrainedNet
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.models import build
from tsexplorer.models.network import Net
from tsexplorer.specs import ModelSpec, Precision, Scaling, StageSpec
from tsexplorer.training import checkpoints
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train
from tsexplorer.training.task import prepare

# -- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", ["unit", "standard", "raw"])
def test_logits_of_a_linear_net_by_hand(tmp_path: Path, scaling: Scaling) -> None:
    splits = random_dataset()
    net = saved_net(tmp_path, toy_stage(LINEAR, scaling))
    answers = AnswerCache().answers(net, splits, "test")
    pixels = splits.test.images.numpy().reshape(9, -1).astype(np.float64)
    if scaling != "raw":
        pixels /= 255
    if scaling == "standard":
        pixels = (pixels - splits.statistics.mean[0]) / splits.statistics.deviation[0]
    weights = initial_weights(net.stage)
    expected = pixels @ weights["logits.weight"].numpy().T + weights["logits.bias"].numpy()
    np.testing.assert_allclose(answers.logits_NC, expected, rtol=1e-4, atol=1e-4 * pixels.max())
    assert (answers.logits_NC.dtype, answers.split) == (np.float32, "test")
    assert answers.labels_N.tolist() == splits.test.labels.tolist()
    features = AnswerCache().features(net, splits, "test")
    np.testing.assert_allclose(features, pixels, rtol=1e-5, atol=1e-5 * pixels.max())


@pytest.mark.parametrize("model", [DENSE, CONV])
def test_nets_run_in_evaluation_mode(tmp_path: Path, model: ModelSpec) -> None:
    """Dropout is off, and batch norm uses the running statistics."""
    splits, net = random_dataset(), saved_net(tmp_path, toy_stage(model))
    module = build(model, ImageTask(CLASSES), 0)
    module.load_state_dict(initial_weights(net.stage))
    module.eval()
    images = splits.normalisation("unit")(splits.validation.images)
    with torch.no_grad():
        expected_logits, expected_features = module(images).numpy(), module.features(images).numpy()
    answers = AnswerCache().answers(net, splits, "validation")
    np.testing.assert_allclose(answers.logits_NC, expected_logits, rtol=1e-5, atol=1e-5)
    features = AnswerCache().features(net, splits, "validation")
    np.testing.assert_allclose(features, expected_features, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 4, 9, 100])
def test_batches_are_concatenated_in_order(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "evaluation_batch_size", lambda _macs: size)
    splits, net = random_dataset(), saved_net(tmp_path, toy_stage(LINEAR))
    features = AnswerCache().features(net, splits, "test")
    expected = splits.test.images.reshape(9, -1).numpy() / 255
    np.testing.assert_allclose(features, expected, rtol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_accuracies_equal_those_after_training(tmp_path: Path, precision: Precision) -> None:
    splits = random_dataset(validation=50, test=50)
    stage = toy_stage(CONV, precision=precision)

    def no_teacher(key: str) -> tuple[StageSpec, dict[str, Tensor]]:
        raise AssertionError(key)

    task = prepare(stage, splits, torch.device("cpu"), no_teacher)
    result = train(task, tmp_path, lambda _event: None, Control())
    net = TrainedNet(stage, tmp_path / checkpoints.WEIGHTS, tmp_path)
    expected: dict[SplitName, float] = {
        "validation": result.validation_accuracy,
        "test": result.test_accuracy,
    }
    for split, accuracy in expected.items():
        answers = AnswerCache().answers(net, splits, split)
        correct_N = answers.logits_NC.argmax(1) == answers.labels_N
        assert correct_N.mean() == pytest.approx(accuracy)


def test_shared_arrays_are_read_only(tmp_path: Path) -> None:
    splits, cache = random_dataset(), AnswerCache()
    answers = cache.answers(saved_net(tmp_path), splits, "test")
    features = cache.features(saved_net(tmp_path), splits, "test")
    for array in (answers.logits_NC, answers.labels_N, features):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


# -- beside a training ------------------------------------------------------------------------


def test_a_net_runs_on_one_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    calls: list[tuple[int, bool]] = []
    features = Net.features

    def recorded_features(self: Net, images: Tensor) -> Tensor:
        calls.append((torch.get_num_threads(), torch.is_grad_enabled()))
        return features(self, images)

    monkeypatch.setattr(Net, "features", recorded_features)
    AnswerCache().answers(saved_net(tmp_path), random_dataset(), "test")
    assert calls == [(1, False)]
    assert torch.get_num_threads() == cores


def test_progress_is_reported_and_can_stop_the_computation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(inference, "evaluation_batch_size", lambda _macs: 3)
    splits, net, shares = random_dataset(), saved_net(tmp_path), list[float]()

    def stop_after_half(share: float) -> None:
        shares.append(share)
        if share > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        AnswerCache().answers(net, splits, "test", stop_after_half)
    assert shares == pytest.approx([0, 3 / 9, 6 / 9])
    assert torch.get_num_threads() == cores
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.WEIGHTS]
    AnswerCache().answers(net, splits, "test", shares.append)
    assert shares[3:] == pytest.approx([0, 3 / 9, 6 / 9])


# -- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cached", [True, False])
def test_missing_weights_are_an_error(tmp_path: Path, cached: bool) -> None:
    """Also if the outputs are cached: the net itself no longer exists."""
    net, cache = saved_net(tmp_path), AnswerCache()
    if cached:
        cache.answers(net, random_dataset(), "test")
    net.weights.unlink()
    with pytest.raises(UserError, match=r"^The weights of this net are missing; train .* again\.$"):
        cache.answers(net, random_dataset(), "test")


def test_damaged_weights_are_an_error(tmp_path: Path) -> None:
    net = saved_net(tmp_path)
    net.weights.write_bytes(net.weights.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"is damaged; delete the file and train"):
        AnswerCache().answers(net, random_dataset(), "test")


def test_weights_of_another_net_are_an_error(tmp_path: Path) -> None:
    net = saved_net(tmp_path, toy_stage(CONV))._replace(stage=toy_stage(DENSE))
    with pytest.raises(UserError, match=r"^The weights file belongs to another net; train"):
        AnswerCache().answers(net, random_dataset(), "test")


def test_outputs_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    net = saved_net(tmp_path)
    weights = {name: tensor * torch.nan for name, tensor in initial_weights(net.stage).items()}
    checkpoints.write(net.weights, weights, {})
    with pytest.raises(UserError, match=r"are not finite; train it with a lower learning rate"):
        AnswerCache().answers(net, random_dataset(), "test")
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.WEIGHTS]
