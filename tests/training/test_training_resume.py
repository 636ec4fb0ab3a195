"""A stage that was stopped and resumed ends in the very weights of one that never was."""

from __future__ import annotations

import os

import pytest

from tests.training.training_examples import (
    CONV,
    DENSE,
    DROPPING,
    Heard,
    assert_same,
    run,
    run_until,
    stage,
    taught,
)
from tsexplorer.errors import UserError
from tsexplorer.training import checkpoints, events

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


def ended(heard: Heard) -> dict[str, object]:
    return {**vars(heard.of(events.StageEnded)[0]), "train_seconds": None}


def rows(heard: Heard) -> list[dict[str, object]]:
    earlier = [row for started in heard.of(events.StageStarted) for row in started.earlier]
    found = [*earlier, *heard.of(events.EpochEnded)]
    return [{**vars(row), "seconds": None} for row in found]


def check(spec, folder, epoch: int = 1, library=None) -> None:
    """Stop after an epoch, go on: the same weights, the same curve, the same figures."""
    whole, resumed = Heard(), Heard()
    expected = run(spec, folder / "whole", library=library, listener=whole)
    run_until(epoch, spec, folder / "resumed", library)
    found = run(spec, folder / "resumed", library=library, listener=resumed)
    assert resumed.of(events.StageStarted)[0].epochs_done == epoch
    assert len(resumed.of(events.EpochEnded)) == len(whole.of(events.EpochEnded)) - epoch
    assert_same(found, expected)
    assert ended(resumed) == ended(whole)
    assert rows(resumed) == rows(whole)


@pytest.mark.parametrize(
    ("model", "precision"),
    [(DENSE, "fp32"), (CONV, "fp32"), (CONV, "bf16"), (DROPPING, "fp32")],
    ids=["dense", "conv", "conv in bf16", "dropout"],
)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_each_optimiser_and_kind_of_net(tmp_path, optimiser, model, precision):
    check(stage(model, epochs=3, optimiser=optimiser, precision=precision), tmp_path)


@pytest.mark.parametrize("setting", SETTINGS)
def test_each_setting(tmp_path, setting):
    check(stage(CONV, **({"epochs": 4} | SETTINGS[setting])), tmp_path, epoch=1)


def test_all_at_once(tmp_path):
    settings = {"jitter": 1, "averaging": 0.8, "keep": "best", "schedule": "plateau"}
    check(stage(DROPPING, epochs=5, learning_rate=0.1, **settings), tmp_path, epoch=3)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("jitter", "epochs"), [(0, 3), (1, 5), (2, 3)])
def test_with_a_teacher_cached_or_not(tmp_path, jitter, epochs, precision):
    library, spec = taught(tmp_path, CONV, precision=precision, jitter=jitter, epochs=epochs)
    check(spec, tmp_path, epochs - 1, library)


def test_stopped_after_each_epoch(tmp_path):
    spec = stage(DROPPING, epochs=4, averaging=0.5)
    whole = run(spec, tmp_path / "whole")
    for epoch in (1, 2, 3):
        run_until(epoch, spec, tmp_path / "resumed")
    assert_same(run(spec, tmp_path / "resumed"), whole)


def test_stopped_between_the_last_checkpoint_and_the_weights(tmp_path):
    spec = stage(epochs=2, keep="best", averaging=0.5)
    whole, again = Heard(), Heard()
    expected = run(spec, tmp_path, listener=whole)
    (tmp_path / checkpoints.WEIGHTS).unlink()
    assert_same(run(spec, tmp_path, listener=again), expected)
    assert not again.of(events.EpochEnded)
    assert ended(again) == ended(whole)


def test_stopped_in_the_midst_of_an_epoch_it_begins_that_epoch_again(tmp_path):
    from tests.training.training_examples import made
    from tsexplorer.errors import Cancelled
    from tsexplorer.training.control import Control
    from tsexplorer.training.loop import train

    spec = stage(DROPPING, epochs=3, batch_size=10, jitter=1)
    control = Control()
    looks = iter(range(1000))
    control.check = lambda: control.cancel() if next(looks) == 14 else Control.check(control)
    with pytest.raises(Cancelled):
        train(made(spec), tmp_path / "stopped", Heard(), control)
    heard = Heard()
    found = run(spec, tmp_path / "stopped", listener=heard)
    assert [event.epoch for event in heard.of(events.EpochEnded)] == [2, 3]
    assert_same(found, run(spec, tmp_path / "whole"))


def damage(path, kind: str) -> None:
    content = path.read_bytes()
    if kind == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "garbage":
        path.write_bytes(os.urandom(3000))
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        tensors, numbers = checkpoints.read(path)
        if kind == "of another net":
            tensors = {name: tensor.flatten()[:1] for name, tensor in tensors.items()}
        elif kind == "without its record":
            del numbers["record"]
        elif kind == "with an odd record":
            numbers["record"]["mood"] = "good"
        elif kind == "without optimiser":
            tensors = checkpoints.under(
                "", {n: t for n, t in tensors.items() if n.startswith("net.")}
            )
            numbers["optimiser"] = []
        checkpoints.write(path, tensors, numbers)


@pytest.mark.parametrize(
    "kind",
    [
        "cut",
        "garbage",
        "empty",
        "of another net",
        "without its record",
        "with an odd record",
        "without optimiser",
    ],
)
def test_damaged_checkpoint_is_set_aside_and_said_and_the_stage_starts_again(tmp_path, kind):
    spec = stage(CONV, epochs=3, averaging=0.5)
    run_until(2, spec, tmp_path / "resumed")
    damage(tmp_path / "resumed" / checkpoints.CHECKPOINT, kind)
    content = (tmp_path / "resumed" / checkpoints.CHECKPOINT).read_bytes()
    heard = Heard()
    found = run(spec, tmp_path / "resumed", listener=heard)
    assert [event.sentence for event in heard.of(events.Notice)] == [
        "A damaged checkpoint was set aside; this stage starts again."
    ]
    assert heard.of(events.StageStarted)[0].epochs_done == 0
    assert (tmp_path / "resumed" / "checkpoint.damaged").read_bytes() == content
    assert_same(found, run(spec, tmp_path / "whole"))


def test_checkpoint_that_may_not_be_read_is_left_alone(tmp_path, monkeypatch):
    spec = stage(epochs=3)
    run_until(2, spec, tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "safe_open", refuse)
        with pytest.raises(UserError, match="may not be read"):
            run(spec, tmp_path)
    heard = Heard()
    run(spec, tmp_path, listener=heard)
    assert heard.of(events.StageStarted)[0].epochs_done == 2


def test_full_disk_ends_the_stage_in_one_sentence_and_it_goes_on_from_there(tmp_path, monkeypatch):
    spec = stage(DROPPING, epochs=3)
    writes = iter(range(10))
    real = checkpoints._write_through

    def full(path, content) -> None:
        if next(writes) == 1:
            path.write_bytes(content[:100])
            raise OSError(28, "No space left on device")
        real(path, content)

    folder = tmp_path / "full"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_write_through", full)
        with pytest.raises(UserError, match=r"^There is no space left in .*full; free some and"):
            run(spec, folder)
    assert [one.name for one in folder.iterdir()] == [checkpoints.CHECKPOINT]
    heard = Heard()
    found = run(spec, folder, listener=heard)
    assert heard.of(events.StageStarted)[0].epochs_done == 1
    assert_same(found, run(spec, tmp_path / "whole"))
