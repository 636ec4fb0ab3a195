"""A stage that is stopped and resumed ends with the weights of one that was not."""

from __future__ import annotations

import os

import pytest

from tests.training.training_examples import (
    CONV,
    DENSE,
    DROPOUT,
    EventRecorder,
    assert_equal_weights,
    make_stage,
    make_task,
    stage_with_teacher,
    train_stage,
    train_until,
)
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train

OPTIMISERS = ["adam", "adamw", "sgd", "adadelta"]
SETTINGS = {
    "plain": {},
    "jitter": {"jitter": 2},
    "averaging": {"averaging": 0.8},
    "keep best": {"keep": "best", "learning_rate": 0.1},
    "plateau": {"schedule": "plateau", "learning_rate": 0.3},
    "one-cycle": {"schedule": "one-cycle"},
    "early stopping": {"early_stopping": 1, "learning_rate": 0.3, "keep": "best"},
    "norms": {"max_norm": 0.5, "weight_decay": 0.01},
    "bf16": {"precision": "bf16"},
}


def final_metrics(recorder: EventRecorder) -> dict[str, object]:
    return {**vars(recorder.of(events.StageEnded)[0]), "train_seconds": None}


def curve(recorder: EventRecorder) -> list[dict[str, object]]:
    """Metrics of all epochs, those of the checkpoint included, without times."""
    earlier = [epoch for start in recorder.of(events.StageStarted) for epoch in start.earlier]
    epochs = [*earlier, *recorder.of(events.EpochEnded)]
    return [{**vars(epoch), "seconds": None} for epoch in epochs]


def check_resume(spec, folder, epoch=1, stages=None) -> None:
    """Stop after an epoch and resume: weights, curve and metrics must be the same."""
    whole, resumed = EventRecorder(), EventRecorder()
    expected = train_stage(spec, folder / "whole", stages=stages, listener=whole)
    train_until(epoch, spec, folder / "resumed", stages)
    weights = train_stage(spec, folder / "resumed", stages=stages, listener=resumed)
    assert resumed.of(events.StageStarted)[0].epochs_done == epoch
    assert len(resumed.of(events.EpochEnded)) == len(whole.of(events.EpochEnded)) - epoch
    assert_equal_weights(weights, expected)
    assert final_metrics(resumed) == final_metrics(whole)
    assert curve(resumed) == curve(whole)


@pytest.mark.parametrize(
    ("model", "precision"),
    [(DENSE, "fp32"), (CONV, "fp32"), (CONV, "bf16"), (DROPOUT, "fp32")],
    ids=["dense", "conv", "conv in bf16", "dropout"],
)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_each_optimiser_and_type_of_net(tmp_path, optimiser, model, precision):
    check_resume(make_stage(model, epochs=3, optimiser=optimiser, precision=precision), tmp_path)


@pytest.mark.parametrize("setting", SETTINGS)
def test_each_setting(tmp_path, setting):
    check_resume(make_stage(CONV, **({"epochs": 4} | SETTINGS[setting])), tmp_path)


def test_several_settings_together(tmp_path):
    settings = {"jitter": 1, "averaging": 0.8, "keep": "best", "schedule": "plateau"}
    check_resume(make_stage(DROPOUT, epochs=5, learning_rate=0.1, **settings), tmp_path, epoch=3)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("jitter", "epochs"), [(0, 3), (1, 5), (2, 3)])
def test_cached_and_online_teachers(tmp_path, jitter, epochs, precision):
    stages, spec = stage_with_teacher(
        tmp_path, CONV, precision=precision, jitter=jitter, epochs=epochs
    )
    check_resume(spec, tmp_path, epochs - 1, stages)


def test_stop_after_each_epoch(tmp_path):
    spec = make_stage(DROPOUT, epochs=4, averaging=0.5)
    whole = train_stage(spec, tmp_path / "whole")
    for epoch in (1, 2, 3):
        train_until(epoch, spec, tmp_path / "resumed")
    assert_equal_weights(train_stage(spec, tmp_path / "resumed"), whole)


def test_stop_between_the_last_checkpoint_and_the_weights(tmp_path):
    spec = make_stage(epochs=2, keep="best", averaging=0.5)
    whole, again = EventRecorder(), EventRecorder()
    expected = train_stage(spec, tmp_path, listener=whole)
    (tmp_path / checkpoints.WEIGHTS).unlink()
    assert_equal_weights(train_stage(spec, tmp_path, listener=again), expected)
    assert not again.of(events.EpochEnded)
    assert final_metrics(again) == final_metrics(whole)


def test_stop_within_an_epoch_repeats_that_epoch(tmp_path):
    spec = make_stage(DROPOUT, epochs=3, batch_size=10, jitter=1)
    control = Control()
    checks = iter(range(1000))
    control.check = lambda: control.cancel() if next(checks) == 14 else Control.check(control)
    with pytest.raises(Cancelled):
        train(make_task(spec), tmp_path / "stopped", EventRecorder(), control)
    recorder = EventRecorder()
    weights = train_stage(spec, tmp_path / "stopped", listener=recorder)
    assert [event.epoch for event in recorder.of(events.EpochEnded)] == [2, 3]
    assert_equal_weights(weights, train_stage(spec, tmp_path / "whole"))


def damage(path, kind: str) -> None:
    content = path.read_bytes()
    if kind == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "random bytes":
        path.write_bytes(os.urandom(3000))
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        tensors, metadata = checkpoints.read(path)
        if kind == "of another net":
            tensors = {name: tensor.flatten()[:1] for name, tensor in tensors.items()}
        elif kind == "without its record":
            del metadata["record"]
        elif kind == "with an unknown field":
            metadata["record"]["unknown"] = "value"
        elif kind == "without optimiser":
            tensors = {name: tensor for name, tensor in tensors.items() if name.startswith("net.")}
            metadata["optimiser"] = []
        checkpoints.write(path, tensors, metadata)


@pytest.mark.parametrize(
    "kind",
    [
        "cut",
        "random bytes",
        "empty",
        "of another net",
        "without its record",
        "with an unknown field",
        "without optimiser",
    ],
)
def test_a_damaged_checkpoint_restarts_the_stage(tmp_path, kind):
    spec = make_stage(averaging=0.5)
    train_until(1, spec, tmp_path / "resumed")
    damage(tmp_path / "resumed" / checkpoints.CHECKPOINT, kind)
    content = (tmp_path / "resumed" / checkpoints.CHECKPOINT).read_bytes()
    recorder = EventRecorder()
    weights = train_stage(spec, tmp_path / "resumed", listener=recorder)
    assert [event.sentence for event in recorder.of(events.Notice)] == [
        "A damaged checkpoint was set aside; this stage starts again."
    ]
    assert recorder.of(events.StageStarted)[0].epochs_done == 0
    assert (tmp_path / "resumed" / "checkpoint.damaged").read_bytes() == content
    assert_equal_weights(weights, train_stage(spec, tmp_path / "whole"))


def test_an_unreadable_checkpoint_is_kept(tmp_path, monkeypatch):
    spec = make_stage(epochs=3)
    train_until(2, spec, tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "safe_open", refuse)
        with pytest.raises(UserError, match="cannot be read"):
            train_stage(spec, tmp_path)
    recorder = EventRecorder()
    train_stage(spec, tmp_path, listener=recorder)
    assert recorder.of(events.StageStarted)[0].epochs_done == 2


def test_a_stage_resumes_after_a_full_disk(tmp_path, monkeypatch):
    spec = make_stage(DROPOUT, epochs=3)
    syncs = iter(range(10))
    real_sync = os.fsync

    def fail_second_file(handle: int) -> None:
        if next(syncs) == 2:  # each file has two: of itself and of its folder
            raise OSError(28, "No space left on device")
        real_sync(handle)

    folder = tmp_path / "full"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_second_file)
        with pytest.raises(UserError, match=r"^There is no space left in .*full; free some and"):
            train_stage(spec, folder)
    assert [path.name for path in folder.iterdir()] == [checkpoints.CHECKPOINT]
    recorder = EventRecorder()
    weights = train_stage(spec, folder, listener=recorder)
    assert recorder.of(events.StageStarted)[0].epochs_done == 1
    assert_equal_weights(weights, train_stage(spec, tmp_path / "whole"))
