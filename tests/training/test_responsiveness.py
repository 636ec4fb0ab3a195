"""Wishes are heard in the midst of a long batch, a long validation, a long teacher's pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.training.training_examples import (
    CONV,
    DENSE,
    SOFT,
    Heard,
    Library,
    assert_same,
    few,
    made,
    run,
    stage,
    taught,
)
from tsexplorer.errors import Cancelled
from tsexplorer.models import build, count
from tsexplorer.specs import ModelSpec, ObjectiveSpec
from tsexplorer.training import events, responsiveness
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train
from tsexplorer.training.responsiveness import (
    add_cancel_hooks,
    evaluation_batch_size,
    is_slow_batch,
)


def macs(name: str) -> int:
    return count(ModelSpec(name=name), 10).macs


def test_costly_nets_are_evaluated_a_few_images_at_a_time():
    assert evaluation_batch_size(macs("mlp-64")) == 1000
    assert evaluation_batch_size(macs("wu-cnn")) == 10**9 // macs("wu-cnn") < 200
    assert evaluation_batch_size(macs("resnet18")) == 2
    assert evaluation_batch_size(10**12) == 1
    assert evaluation_batch_size(0) == 1000


def test_only_costly_batches_are_listened_through():
    assert not is_slow_batch(macs("mlp-64"), 1000)
    assert not is_slow_batch(macs("hinton-teacher"), 64)
    assert is_slow_batch(macs("mobilenet-v3-small"), 64)
    assert is_slow_batch(macs("resnet18"), 1)
    assert is_slow_batch(macs("hinton-teacher"), 10_000)


class Layers(nn.Module):
    """Layers that say when they work, forward and backward."""

    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)
        self.said = said

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        self.said.append("first")
        x.register_hook(lambda _: self.said.append("first back"))
        x = self.second(x)
        self.said.append("second")
        return x


def test_check_comes_before_each_layer_forward_and_back():
    said: list[str] = []
    net = Layers(said)
    add_cancel_hooks(net, lambda: said.append("?"))
    net(torch.ones(3, 4)).sum().backward()
    assert said == ["?", "first", "?", "second", "?", "?", "first back"]


@pytest.mark.parametrize("calls", range(4))
def test_check_that_raises_ends_the_batch_there(calls):
    said: list[str] = []

    def check() -> None:
        if said.count("?") == calls:
            raise Cancelled
        said.append("?")

    net = Layers(said)
    add_cancel_hooks(net, check)
    with pytest.raises(Cancelled):
        net(torch.ones(3, 4)).sum().backward()
    done = [word for word in said if word != "?"]
    assert done == [[], ["first"], ["first", "second"], ["first", "second"]][calls]


def test_evaluation_needs_no_gradient_to_be_listened_through():
    said: list[str] = []
    net = build(DENSE, 10, 0)
    add_cancel_hooks(net, lambda: said.append("?"))
    with torch.no_grad():
        net(few().test.images[:3].float().unsqueeze(1))
    assert len(said) == sum(1 for layer in net.modules() if not list(layer.children()))


@pytest.fixture
def everything_is_costly(monkeypatch):
    monkeypatch.setattr(responsiveness, "MACS_PER_CHECK", 1)


def test_listening_changes_no_bit(tmp_path, monkeypatch):
    spec = stage(CONV, averaging=0.5, jitter=1)
    before = run(spec, tmp_path / "before")
    monkeypatch.setattr("tsexplorer.training.task.is_slow_batch", lambda *_: True)
    assert_same(run(spec, tmp_path / "after"), before)


def stopped_at(call: int, spec, folder, library=None) -> list[events.Event]:
    """What a run says that is cancelled the ``call``-th time it looks up."""
    control, heard = Control(), Heard()
    looks = iter(range(1, 10**6))

    def check() -> float:
        if next(looks) == call:
            control.cancel()
        return Control.check(control)

    control.check = check
    with pytest.raises(Cancelled):
        train(made(spec, library), folder, heard, control)
    return heard.all


def looks_of(spec, folder, library=None) -> int:
    control, seen = Control(), []
    control.check = lambda: seen.append(None) or 0.0
    train(made(spec, library), folder, Heard(), control)
    return len(seen)


def test_a_run_of_a_costly_net_can_be_stopped_at_any_look(tmp_path, everything_is_costly):
    """In the midst of a batch, of validation, of the test; resuming ends in the same weights."""
    spec = stage(DENSE, epochs=1, batch_size=45)
    whole = run(spec, tmp_path / "whole")
    looks = looks_of(spec, tmp_path / "counted")
    layers = sum(1 for layer in made(spec).net.modules() if not list(layer.children()))
    # Two batches forward and back, then each image by itself; back, the first layer has no input
    # that needs a gradient but its output has one, and only Flatten's has none.
    assert looks == 2 * (1 + layers + layers - 1) + (40 + 40 + 30) * (1 + layers)
    for call in range(1, looks + 1, 37):
        folder = tmp_path / str(call)
        heard = stopped_at(call, spec, folder)
        assert not any(isinstance(event, events.StageEnded) for event in heard)
        assert_same(run(spec, folder), whole)


def test_long_validation_looks_up_between_its_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("tsexplorer.training.task.evaluation_batch_size", lambda _: 10)
    spec = stage(epochs=1, batch_size=90)
    assert looks_of(spec, tmp_path / "counted") == 1 + 4 + 4 + 3
    heard = stopped_at(4, spec, tmp_path / "stopped")
    assert not any(isinstance(event, events.EpochEnded) for event in heard)


def test_long_teachers_pass_looks_up_between_its_batches(tmp_path, monkeypatch):
    library, spec = taught(tmp_path, DENSE, epochs=5, jitter=1)
    monkeypatch.setattr("tsexplorer.training.task.evaluation_batch_size", lambda _: 30)
    heard = stopped_at(27, spec, tmp_path / "stopped", library)
    assert {type(event) for event in heard} <= {events.StageStarted, events.Progress}
    assert all(event.doing == "teacher outputs" for event in heard[1:])


def test_teacher_that_runs_along_is_listened_through(tmp_path, everything_is_costly):
    teacher = stage(CONV)
    library = Library()
    key = library.add(teacher, build(CONV, 10, 0).state_dict())
    spec = stage(teachers=(key,), objective=SOFT, jitter=2, epochs=1)
    task = made(spec, library)
    said: list[str] = []
    task.add_cancel_hooks(lambda: said.append("?"))
    task.prepare_teacher(0, lambda _: None)
    task.teacher.logits(next(task.batches.epoch(1)))
    assert len(said) == sum(1 for layer in build(CONV, 10, 0).modules() if not [*layer.children()])


def test_costly_peers_are_listened_to_and_validated_a_few_images_at_a_time():
    cohort = ObjectiveSpec(name="mutual", options={"peers": 2, "peer": "resnet18"})
    task = made(stage(objective=cohort))
    assert [len(images) for images in task.validation_batches()] == [40]
    assert [len(images) for images in task.cohort_batches()] == [1] * 40
    said = []
    task.add_cancel_hooks(lambda: said.append("?"))
    with torch.no_grad():
        task.auxiliary_module(torch.zeros(1, 1, 28, 28))
    assert len(said) > 100
    heard = len(said)
    task.net(torch.zeros(1, 1, 28, 28))
    assert len(said) == heard  # a small student is through in no time
