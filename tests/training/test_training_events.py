"""What a run says: in which order, how often, and that nobody who hears it can stop it."""

from __future__ import annotations

import logging
from dataclasses import FrozenInstanceError, fields, is_dataclass
from itertools import pairwise

import pytest
import torch

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
    run_until,
    stage,
    taught,
)
from tsexplorer.models import build
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control
from tsexplorer.training.evaluation import figures, logits_over
from tsexplorer.training.loop import train
from tsexplorer.training.progress import INTERVAL

KINDS = [events.Event, *events.Event.__subclasses__()]


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_typed_and_frozen(kind):
    assert is_dataclass(kind)
    assert fields(kind)[0].name == "stage"
    event = kind(**{one.name: None for one in fields(kind)})
    with pytest.raises(FrozenInstanceError):
        event.stage = "another"


def order(heard: Heard) -> list[str]:
    return [type(event).__name__ for event in heard.all if not isinstance(event, events.Progress)]


def test_order_of_a_stage(tmp_path):
    heard = Heard()
    spec = stage(epochs=3)
    run(spec, tmp_path, listener=heard)
    epochs = ["EpochEnded", "CheckpointWritten"] * 3
    assert order(heard) == ["StageStarted", *epochs, "StageEnded"]
    assert {event.stage for event in heard.all} == {spec.hash}
    assert [event.epoch for event in heard.of(events.EpochEnded)] == [1, 2, 3]
    assert [event.epoch for event in heard.of(events.CheckpointWritten)] == [1, 2, 3]
    started = heard.of(events.StageStarted)[0]
    assert started == events.StageStarted(spec.hash, 3, 0, 784 * 12 + 12 + 12 * 10 + 10)


def test_order_of_a_resumed_stage(tmp_path):
    spec = stage(epochs=3)
    run_until(2, spec, tmp_path / "resumed")
    whole, resumed = Heard(), Heard()
    run(spec, tmp_path / "resumed", listener=resumed)
    run(spec, tmp_path / "whole", listener=whole)
    assert order(resumed) == ["StageStarted", "EpochEnded", "CheckpointWritten", "StageEnded"]
    started = resumed.of(events.StageStarted)[0]
    assert (started.epochs, started.epochs_done) == (3, 2)
    assert timeless([*started.earlier, *resumed.of(events.EpochEnded)]) == timeless(
        whole.of(events.EpochEnded)
    )


def timeless(rows: list[events.EpochEnded]) -> list[dict[str, object]]:
    return [{**vars(row), "seconds": None} for row in rows]


def test_checkpoint_lies_there_when_it_is_said(tmp_path):
    def act(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten):
            _, numbers = checkpoints.read(tmp_path / checkpoints.CHECKPOINT)
            assert numbers["record"]["epoch"] == event.epoch
            seen.append(event.epoch)

    seen: list[int] = []
    run(stage(epochs=2), tmp_path, listener=act)
    assert seen == [1, 2]


def test_figures_of_an_epoch(tmp_path, precision):
    """One epoch in one batch with a rate of almost nothing: figures of the first weights."""
    heard = Heard()
    library = Library()
    key = library.add(stage(CONV, precision=precision), build(CONV, 10, 0).state_dict())
    settings = {"epochs": 1, "batch_size": 90, "learning_rate": 1e-12}
    near = 1e-9 if precision == "fp32" else 1e-4
    spec = stage(teachers=(key,), objective=SOFT, **settings)
    task = made(spec, library)
    batch = next(task.batches.epoch(1))
    task.attend_teachers(0, lambda _: None)
    with torch.no_grad():
        z_BC = task.net(batch.images)
        log_p = (task.teacher.logits(batch) / 3).log_softmax(1)
        log_q = (z_BC / 3).log_softmax(1)
    labels = float(torch.nn.functional.cross_entropy(z_BC, batch.labels))
    soft = 9 * float((log_p.exp() * (log_p - log_q)).sum(1).mean())
    accuracy = float((z_BC.argmax(1) == batch.labels).float().mean())
    validation = figures(logits_over(task.net, task.validation_batches()), few().validation.labels)
    run(spec, tmp_path, library=library, listener=heard)
    row = heard.of(events.EpochEnded)[0]
    assert row.terms == pytest.approx({"labels": labels, "soft": soft}, rel=near)
    assert row.train_loss == pytest.approx(0.3 * labels + 0.7 * soft, rel=near)
    assert row.train_accuracy == pytest.approx(accuracy)
    assert row.validation_accuracy == validation.accuracy
    assert row.validation_loss == pytest.approx(validation.loss, rel=min(near, 1e-5))
    assert row.learning_rate == 1e-12
    assert row.seconds > 0


@pytest.mark.usefixtures("float64")
def test_means_weigh_each_sample_alike(tmp_path):
    """90 images in batches of 80 and 10: not the mean of two means."""
    one, two = Heard(), Heard()
    settings = {"epochs": 1, "learning_rate": 1e-12}
    run(stage(batch_size=90, **settings), tmp_path / "one", listener=one)
    run(stage(batch_size=80, **settings), tmp_path / "two", listener=two)
    first, second = (heard.of(events.EpochEnded)[0] for heard in (one, two))
    assert first.train_loss == pytest.approx(second.train_loss, rel=1e-9)
    assert first.train_accuracy == pytest.approx(second.train_accuracy)
    assert first.terms == pytest.approx(second.terms, rel=1e-9)


def test_end_has_the_figures_of_the_weights_that_lie_on_the_disk(tmp_path):
    heard = Heard()
    spec = stage(CONV, epochs=3, keep="best", learning_rate=0.05)
    weights = run(spec, tmp_path, listener=heard)
    task = made(spec)
    task.net.load_state_dict(weights)
    validation = figures(logits_over(task.net, task.validation_batches()), few().validation.labels)
    test = figures(logits_over(task.net, task.test_batches()), few().test.labels)
    ended = heard.of(events.StageEnded)[0]
    assert ended.validation_accuracy == validation.accuracy
    assert ended.validation_loss == validation.loss
    assert (ended.test_accuracy, ended.test_errors) == (test.accuracy, test.errors)
    kept = heard.of(events.EpochEnded)[ended.kept_epoch - 1]
    assert kept.validation_accuracy == ended.validation_accuracy


def test_a_listener_that_raises_stops_nothing(tmp_path, caplog):
    def act(event: events.Event) -> None:
        raise ValueError("a listener's own trouble")

    heard = Heard(act)
    with caplog.at_level(logging.CRITICAL, logger="tsexplorer.training.events"):
        weights = run(stage(), tmp_path / "deaf", listener=heard)
    assert order(heard)[-1] == "StageEnded"
    assert_same(weights, run(stage(), tmp_path / "quiet"))


def test_what_a_listener_raises_is_logged(caplog):
    def act(event: events.Event) -> None:
        raise ValueError("a listener's own trouble")

    events.shielded(act)(events.CheckpointWritten("stage", 1))
    assert "CheckpointWritten" in caplog.text
    assert "a listener's own trouble" in caplog.text


# -- progress -----------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """A clock that each look at it moves on by a 60th of a second; the times that were seen."""
    seen = [1000.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            seen.append(seen[-1] + 1 / 60)
            return seen[-1]

    monkeypatch.setattr("tsexplorer.training.progress.time", Time)
    return seen


def test_progress_comes_at_most_ten_times_a_second(tmp_path, clock):
    said: list[float] = []

    def act(event: events.Event) -> None:
        if isinstance(event, events.Progress):
            said.append(clock[-1])

    library, spec = taught(tmp_path, DENSE, epochs=4, batch_size=5)
    began = clock[-1]
    run(spec, tmp_path / "student", library=library, listener=act)
    gaps = [later - earlier for earlier, later in pairwise(said)]
    assert len(said) > 5
    assert min(gaps) >= INTERVAL - 1 / 30  # a few looks are taken between the moment and its word
    assert len(said) <= (clock[-1] - began) * 10


def test_progress_says_where_the_stage_stands(tmp_path, clock):
    heard = Heard()
    run(stage(epochs=4, batch_size=5), tmp_path, listener=heard)
    said = heard.of(events.Progress)
    training = [one for one in said if one.doing == "training"]
    assert {one.epochs for one in said} == {4}
    assert [one.epoch for one in said] == sorted(one.epoch for one in said)
    assert {one.epoch for one in training} == {1, 2, 3, 4}
    assert [one.fraction for one in said] == sorted(one.fraction for one in said)
    assert all(0 <= one.fraction <= 1 for one in said)
    assert all((one.epoch - 1) / 4 <= one.fraction <= one.epoch / 4 for one in training)
    assert [one.seconds for one in said] == sorted(one.seconds for one in said)
    for one in training:
        begins = one.fraction == (one.epoch - 1) / 4
        assert one.loss is None if begins else one.loss > 0


def test_time_left_runs_out_evenly(tmp_path, clock):
    """Each batch takes the same time by this clock, so that the guess can be held to the end."""
    heard = Heard()
    run(stage(epochs=6, batch_size=5), tmp_path, listener=heard)
    training = [one for one in heard.of(events.Progress) if one.doing == "training"]
    ends = [one.seconds + one.seconds_left for one in training if one.seconds_left is not None]
    assert len(ends) > len(training) - 5
    true_end = heard.of(events.Progress)[-1].seconds
    for end in ends[len(ends) // 3 :]:
        assert end == pytest.approx(true_end, rel=0.15)


def test_time_left_of_a_resumed_stage_counts_this_sitting_alone(tmp_path, clock):
    spec = stage(epochs=6, batch_size=5)
    run_until(3, spec, tmp_path)
    clock.append(clock[-1] + 10_000)  # hours between the sittings
    heard = Heard()
    run(spec, tmp_path, listener=heard)
    said = heard.of(events.Progress)
    assert said[0].fraction >= 0.5
    assert said[0].epoch == 4
    lefts = [one.seconds_left for one in said if one.seconds_left is not None]
    assert lefts
    assert max(lefts) < 100
    assert max(one.seconds for one in said) < 100


def test_teachers_outputs_are_said_and_are_no_part_of_the_time_a_batch_takes(tmp_path, clock):
    library, spec = taught(tmp_path, DENSE, jitter=1, epochs=6, batch_size=5)
    heard = Heard()
    run(spec, tmp_path / "student", library=library, listener=heard)
    said = heard.of(events.Progress)
    preparing = [one for one in said if one.doing == "teacher outputs"]
    assert preparing
    assert said[: len(preparing)] == preparing
    assert {(one.epoch, one.loss, one.seconds_left) for one in preparing} == {(1, None, None)}
    assert [one.fraction for one in preparing] == sorted(one.fraction for one in preparing)
    assert preparing[-1].fraction < 1 / 6
    first = next(one for one in said if one.seconds_left is not None)
    assert first.seconds_left == pytest.approx(said[-1].seconds - first.seconds, rel=0.3)


def test_testing_is_said_when_it_takes_long(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("tsexplorer.training.task.evaluation_batch", lambda _: 2)
    heard = Heard()
    run(stage(epochs=1), tmp_path, listener=heard)
    testing = [one for one in heard.of(events.Progress) if one.doing == "testing"]
    assert testing
    assert {(one.fraction, one.epoch) for one in testing} == {(1.0, 1)}


def test_progress_costs_no_look_at_the_loss_while_there_is_nothing_to_say(tmp_path, monkeypatch):
    looks: list[None] = []
    from tsexplorer.training import loop

    real = loop._Sums.loss
    monkeypatch.setattr(loop._Sums, "loss", lambda sums: looks.append(None) or real(sums))
    monkeypatch.setattr("tsexplorer.training.progress.INTERVAL", 1e9)
    train(made(stage(epochs=2)), tmp_path, Heard(), Control())
    assert len(looks) == 2  # one an epoch, for its row
