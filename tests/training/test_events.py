"""Events of a training run: their order and content, and listeners that raise."""

from __future__ import annotations

import logging
from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest
import torch

from tests.training.training_examples import (
    CONV,
    SOFT_TARGETS,
    EventRecorder,
    TrainedStages,
    assert_equal_weights,
    make_stage,
    make_task,
    small_splits,
    train_stage,
    train_until,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.models import build
from tsexplorer.training import checkpoints, events
from tsexplorer.training.evaluation import compute_logits, compute_metrics

EVENT_TYPES = [events.Event, *events.Event.__subclasses__()]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_events_are_frozen_dataclasses(event_type):
    assert is_dataclass(event_type)
    assert fields(event_type)[0].name == "stage"
    event = event_type(**{field.name: None for field in fields(event_type)})
    with pytest.raises(FrozenInstanceError):
        event.stage = "another"


def type_names(recorder: EventRecorder) -> list[str]:
    return [
        type(event).__name__ for event in recorder.all if not isinstance(event, events.Progress)
    ]


def without_times(epochs: list[events.EpochEnded]) -> list[dict[str, object]]:
    return [{**vars(epoch), "seconds": None} for epoch in epochs]


def test_order_of_events(tmp_path):
    recorder = EventRecorder()
    spec = make_stage(epochs=3)
    train_stage(spec, tmp_path, listener=recorder)
    epochs = ["EpochEnded", "CheckpointWritten"] * 3
    assert type_names(recorder) == ["StageStarted", *epochs, "StageEnded"]
    assert {event.stage for event in recorder.all} == {spec.hash}
    assert [event.epoch for event in recorder.of(events.EpochEnded)] == [1, 2, 3]
    assert [event.epoch for event in recorder.of(events.CheckpointWritten)] == [1, 2, 3]
    started = recorder.of(events.StageStarted)[0]
    assert started == events.StageStarted(spec.hash, 3, 0, 784 * 12 + 12 + 12 * 10 + 10)


def test_order_of_events_of_a_resumed_stage(tmp_path):
    spec = make_stage(epochs=3)
    train_until(2, spec, tmp_path / "resumed")
    whole, resumed = EventRecorder(), EventRecorder()
    train_stage(spec, tmp_path / "resumed", listener=resumed)
    train_stage(spec, tmp_path / "whole", listener=whole)
    assert type_names(resumed) == ["StageStarted", "EpochEnded", "CheckpointWritten", "StageEnded"]
    started = resumed.of(events.StageStarted)[0]
    assert (started.epochs, started.epochs_done) == (3, 2)
    epochs = [*started.earlier, *resumed.of(events.EpochEnded)]
    assert without_times(epochs) == without_times(whole.of(events.EpochEnded))


def test_checkpoint_is_on_disk_when_it_is_reported(tmp_path):
    def act(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten):
            _, metadata = checkpoints.read(tmp_path / checkpoints.CHECKPOINT)
            assert metadata["record"]["epoch"] == event.epoch
            epochs.append(event.epoch)

    epochs: list[int] = []
    train_stage(make_stage(epochs=2), tmp_path, listener=act)
    assert epochs == [1, 2]


def test_metrics_of_an_epoch(tmp_path, precision):
    """One epoch in one batch with a tiny learning rate: metrics of the initial weights."""
    stages = TrainedStages()
    key = stages.add(
        make_stage(CONV, precision=precision), build(CONV, ImageTask(10), 0).state_dict()
    )
    tolerance = 1e-9 if precision == "fp32" else 1e-4
    settings = {"epochs": 1, "batch_size": 90, "learning_rate": 1e-12}
    spec = make_stage(teachers=(key,), objective=SOFT_TARGETS, **settings)
    task = make_task(spec, stages)
    batch = next(task.batches.epoch(1))
    task.prepare_teacher(0, lambda _: None)
    with torch.no_grad():
        z_BC = task.net(batch.images)
        log_p = (task.teacher.logits(batch) / 3).log_softmax(1)
        log_q = (z_BC / 3).log_softmax(1)
    labels = float(torch.nn.functional.cross_entropy(z_BC, batch.labels))
    soft = 9 * float((log_p.exp() * (log_p - log_q)).sum(1).mean())
    accuracy = float((z_BC.argmax(1) == batch.labels).float().mean())
    z_NC = compute_logits(task.net, task.validation_batches())
    validation = compute_metrics(z_NC, small_splits().validation.labels)
    recorder = EventRecorder()
    train_stage(spec, tmp_path, stages=stages, listener=recorder)
    epoch = recorder.of(events.EpochEnded)[0]
    assert epoch.terms == pytest.approx({"labels": labels, "soft": soft}, rel=tolerance)
    assert epoch.train_loss == pytest.approx(0.3 * labels + 0.7 * soft, rel=tolerance)
    assert epoch.train_accuracy == pytest.approx(accuracy)
    assert epoch.validation_accuracy == validation.accuracy
    assert epoch.validation_loss == pytest.approx(validation.loss, rel=min(tolerance, 1e-5))
    assert epoch.learning_rate == 1e-12
    assert epoch.seconds > 0


@pytest.mark.usefixtures("float64")
def test_means_of_an_epoch_weight_all_samples_equally(tmp_path):
    """90 images in batches of 80 and 10: not the mean of two batch means."""
    epochs = []
    for size in (90, 80):
        recorder = EventRecorder()
        spec = make_stage(batch_size=size, epochs=1, learning_rate=1e-12)
        train_stage(spec, tmp_path / str(size), listener=recorder)
        epochs += recorder.of(events.EpochEnded)
    whole, split = epochs
    assert whole.train_loss == pytest.approx(split.train_loss, rel=1e-9)
    assert whole.train_accuracy == pytest.approx(split.train_accuracy)
    assert whole.terms == pytest.approx(split.terms, rel=1e-9)


def test_stage_ended_has_the_metrics_of_the_written_weights(tmp_path):
    recorder = EventRecorder()
    spec = make_stage(CONV, epochs=3, keep="best", learning_rate=0.05)
    weights = train_stage(spec, tmp_path, listener=recorder)
    task, splits = make_task(spec), small_splits()
    task.net.load_state_dict(weights)
    z_NC = compute_logits(task.net, task.validation_batches())
    validation = compute_metrics(z_NC, splits.validation.labels)
    test = compute_metrics(compute_logits(task.net, task.test_batches()), splits.test.labels)
    ended = recorder.of(events.StageEnded)[0]
    assert ended.validation_accuracy == validation.accuracy
    assert ended.validation_loss == validation.loss
    assert (ended.test_accuracy, ended.test_errors) == (test.accuracy, test.errors)
    kept = recorder.of(events.EpochEnded)[ended.kept_epoch - 1]
    assert kept.validation_accuracy == ended.validation_accuracy


def fail(event: events.Event) -> None:
    raise ValueError("error of a listener")


def test_a_listener_that_raises_does_not_stop_training(tmp_path, caplog):
    recorder = EventRecorder(fail)
    with caplog.at_level(logging.CRITICAL, logger="tsexplorer.training.events"):
        weights = train_stage(make_stage(), tmp_path / "failing", listener=recorder)
    assert type_names(recorder)[-1] == "StageEnded"
    assert_equal_weights(weights, train_stage(make_stage(), tmp_path / "working"))


def test_errors_of_a_listener_are_logged(caplog):
    events.log_errors(fail)(events.CheckpointWritten("stage", 1))
    assert "CheckpointWritten" in caplog.text
    assert "error of a listener" in caplog.text
