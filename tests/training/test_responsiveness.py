"""Cancelling within a long batch, a long evaluation and a long computation of teacher logits."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.training.training_examples import (
    CONV,
    DENSE,
    EventRecorder,
    TrainedStages,
    assert_equal_weights,
    make_stage,
    make_task,
    small_splits,
    train_stage,
    untrained_teacher,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import Cancelled
from tsexplorer.models import build, count
from tsexplorer.specs import ModelSpec, ObjectiveSpec, StageSpec
from tsexplorer.training import events, responsiveness
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train
from tsexplorer.training.responsiveness import (
    add_cancel_hooks,
    evaluation_batch_size,
    is_slow_batch,
)


def macs(name: str) -> int:
    return count(ModelSpec(name=name), ImageTask(10)).macs


def count_layers(net: nn.Module) -> int:
    return sum(1 for layer in net.modules() if not list(layer.children()))


def test_slow_nets_are_evaluated_in_small_batches():
    assert evaluation_batch_size(macs("mlp-64")) == 1000
    assert evaluation_batch_size(macs("wu-cnn")) == 10**9 // macs("wu-cnn") < 200
    assert evaluation_batch_size(macs("resnet18")) == 2
    assert evaluation_batch_size(10**12) == 1
    assert evaluation_batch_size(0) == 1000


def test_which_training_batches_are_slow():
    assert not is_slow_batch(macs("mlp-64"), 1000)
    assert not is_slow_batch(macs("hinton-teacher"), 64)
    assert is_slow_batch(macs("mobilenet-v3-small"), 64)
    assert is_slow_batch(macs("resnet18"), 1)
    assert is_slow_batch(macs("hinton-teacher"), 10_000)


class TwoLayers(nn.Module):
    """Records when its layers compute, forward and backward."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)
        self.log = log

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        self.log.append("first")
        x.register_hook(lambda _: self.log.append("first backward"))
        x = self.second(x)
        self.log.append("second")
        return x


def test_each_layer_is_checked_forward_and_backward():
    log: list[str] = []
    net = TwoLayers(log)
    add_cancel_hooks(net, lambda: log.append("check"))
    net(torch.ones(3, 4)).sum().backward()
    assert log == ["check", "first", "check", "second", "check", "check", "first backward"]


@pytest.mark.parametrize(
    ("checks", "expected"),
    [(0, []), (1, ["first"]), (2, ["first", "second"]), (3, ["first", "second"])],
)
def test_a_check_that_raises_ends_the_batch(checks, expected):
    log: list[str] = []

    def check() -> None:
        if log.count("check") == checks:
            raise Cancelled
        log.append("check")

    net = TwoLayers(log)
    add_cancel_hooks(net, check)
    with pytest.raises(Cancelled):
        net(torch.ones(3, 4)).sum().backward()
    assert [entry for entry in log if entry != "check"] == expected


def test_evaluation_without_gradients_is_checked_too():
    checks: list[int] = []
    net = build(DENSE, ImageTask(10), 0)
    add_cancel_hooks(net, lambda: checks.append(1))
    with torch.no_grad():
        net(small_splits().test.images[:3].float().unsqueeze(1))
    assert len(checks) == count_layers(net)


@pytest.fixture
def all_nets_are_slow(monkeypatch):
    monkeypatch.setattr(responsiveness, "MACS_PER_CHECK", 1)


def test_hooks_do_not_change_the_weights(tmp_path, monkeypatch):
    spec = make_stage(CONV, averaging=0.5, jitter=1)
    without_hooks = train_stage(spec, tmp_path / "without")
    monkeypatch.setattr("tsexplorer.training.task.is_slow_batch", lambda *_: True)
    assert_equal_weights(train_stage(spec, tmp_path / "with"), without_hooks)


def cancel_at(
    check_number: int, spec: StageSpec, folder, stages: TrainedStages | None = None
) -> list[events.Event]:
    """Events of a run that is cancelled at its n-th check."""
    control, recorder = Control(), EventRecorder()
    checks = iter(range(1, 10**6))

    def check() -> float:
        if next(checks) == check_number:
            control.cancel()
        return Control.check(control)

    control.check = check
    with pytest.raises(Cancelled):
        train(make_task(spec, stages), folder, recorder, control)
    return recorder.all


def count_checks(spec: StageSpec, folder) -> int:
    control, checks = Control(), []
    control.check = lambda: checks.append(1) or 0.0
    train(make_task(spec), folder, EventRecorder(), control)
    return len(checks)


def test_a_run_of_a_slow_net_can_stop_at_any_check(tmp_path, all_nets_are_slow):
    """Within a batch, the validation or the test; a resume gives the same weights."""
    spec = make_stage(DENSE, epochs=1, batch_size=45)
    whole = train_stage(spec, tmp_path / "whole")
    checks = count_checks(spec, tmp_path / "counted")
    layers = count_layers(make_task(spec).net)
    # Two training batches: one check for the batch, one per layer forward, and backward one per
    # layer but Flatten, whose output needs no gradient. Then each image is evaluated by itself.
    assert checks == 2 * (1 + layers + layers - 1) + (40 + 40 + 30) * (1 + layers)
    for number in range(1, checks + 1, 37):
        folder = tmp_path / str(number)
        recorded = cancel_at(number, spec, folder)
        assert not any(isinstance(event, events.StageEnded) for event in recorded)
        assert_equal_weights(train_stage(spec, folder), whole)


def test_a_long_validation_is_checked_between_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("tsexplorer.training.task.evaluation_batch_size", lambda _: 10)
    spec = make_stage(epochs=1, batch_size=90)
    assert count_checks(spec, tmp_path / "counted") == 1 + 4 + 4 + 3
    recorded = cancel_at(4, spec, tmp_path / "stopped")
    assert not any(isinstance(event, events.EpochEnded) for event in recorded)


def test_teacher_logits_are_checked_between_batches(tmp_path, monkeypatch):
    stages, spec = untrained_teacher(DENSE, epochs=5, jitter=1)
    monkeypatch.setattr("tsexplorer.training.task.evaluation_batch_size", lambda _: 30)
    recorded = cancel_at(27, spec, tmp_path / "stopped", stages)
    assert {type(event) for event in recorded} <= {events.StageStarted, events.Progress}
    assert all(event.doing == "teacher outputs" for event in recorded[1:])


def test_layers_of_an_online_teacher_are_checked(all_nets_are_slow):
    stages, spec = untrained_teacher(CONV, jitter=2, epochs=1)
    task = make_task(spec, stages)
    checks: list[int] = []
    task.add_cancel_hooks(lambda: checks.append(1))
    task.prepare_teacher(0, lambda _: None)
    task.teacher.logits(next(task.batches.epoch(1)))
    assert len(checks) == count_layers(task.teacher_net)


def test_slow_peers_are_checked_and_evaluated_in_small_batches():
    cohort = ObjectiveSpec(name="mutual", options={"peers": 2, "peer": "resnet18"})
    task = make_task(make_stage(objective=cohort))
    assert [len(images) for images in task.validation_batches()] == [40]
    assert [len(images) for images in task.cohort_batches()] == [1] * 40
    checks: list[int] = []
    task.add_cancel_hooks(lambda: checks.append(1))
    with torch.no_grad():
        task.auxiliary_module(torch.zeros(1, 1, 28, 28))
    assert len(checks) > 100
    checks.clear()
    task.net(torch.zeros(1, 1, 28, 28))
    assert not checks  # the student is fast
