"""Progress events: how often they are sent, and what they report."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest

from tests.training.training_examples import (
    DENSE,
    EventRecorder,
    make_stage,
    make_task,
    stage_with_teacher,
    train_stage,
    train_until,
)
from tsexplorer.training import events
from tsexplorer.training.control import Control
from tsexplorer.training.learner import TrainingRecord
from tsexplorer.training.progress import INTERVAL, ProgressReporter

TICK = 1 / 60


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """All times of a clock that advances by a tick whenever it is read."""
    times = [1000.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            times.append(times[-1] + TICK)
            return times[-1]

    monkeypatch.setattr("tsexplorer.training.progress.time", Time)
    return times


def test_there_are_at_most_ten_events_a_second(tmp_path, clock):
    sent: list[float] = []

    def act(event: events.Event) -> None:
        if isinstance(event, events.Progress):
            sent.append(clock[-1])

    stages, spec = stage_with_teacher(tmp_path, DENSE, epochs=4, batch_size=5)
    start = clock[-1]
    train_stage(spec, tmp_path / "student", stages=stages, listener=act)
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert len(sent) > 5
    assert min(gaps) >= INTERVAL - 2 * TICK  # the clock is read between the decision and the event
    assert len(sent) <= (clock[-1] - start) * 10


def test_progress_follows_the_epochs(tmp_path, clock):
    recorder = EventRecorder()
    train_stage(make_stage(epochs=4, batch_size=5), tmp_path, listener=recorder)
    reports = recorder.of(events.Progress)
    training = [report for report in reports if report.doing == "training"]
    assert {report.epochs for report in reports} == {4}
    assert {report.epoch for report in training} == {1, 2, 3, 4}
    for name in ("epoch", "fraction", "seconds"):
        values = [getattr(report, name) for report in reports]
        assert values == sorted(values)
    assert all(0 <= report.fraction <= 1 for report in reports)
    for report in training:
        start = (report.epoch - 1) / 4
        assert start <= report.fraction <= report.epoch / 4
        assert report.loss is None if report.fraction == start else report.loss > 0


def test_remaining_time_matches_the_end(tmp_path, clock):
    """By this clock all batches take equally long, so the estimates must be right."""
    recorder = EventRecorder()
    train_stage(make_stage(epochs=6, batch_size=5), tmp_path, listener=recorder)
    training = [report for report in recorder.of(events.Progress) if report.doing == "training"]
    estimated = [report for report in training if report.seconds_left is not None]
    ends = [report.seconds + report.seconds_left for report in estimated]
    assert len(ends) > len(training) - 5
    end = recorder.of(events.Progress)[-1].seconds
    assert ends[len(ends) // 3 :] == pytest.approx([end] * len(ends[len(ends) // 3 :]), rel=0.15)


def test_time_between_two_runs_of_a_stage_does_not_count(tmp_path, clock):
    spec = make_stage(epochs=6, batch_size=5)
    train_until(3, spec, tmp_path)
    clock.append(clock[-1] + 10_000)
    recorder = EventRecorder()
    train_stage(spec, tmp_path, listener=recorder)
    reports = recorder.of(events.Progress)
    assert reports[0].fraction >= 0.5
    assert reports[0].epoch == 4
    estimates = [report.seconds_left for report in reports if report.seconds_left is not None]
    assert estimates
    assert max(estimates) < 100
    assert max(report.seconds for report in reports) < 100


def test_teacher_outputs_do_not_count_as_training_time(tmp_path, clock):
    stages, spec = stage_with_teacher(tmp_path, DENSE, jitter=1, epochs=6, batch_size=5)
    recorder = EventRecorder()
    train_stage(spec, tmp_path / "student", stages=stages, listener=recorder)
    reports = recorder.of(events.Progress)
    teacher = [report for report in reports if report.doing == "teacher outputs"]
    assert teacher
    assert reports[: len(teacher)] == teacher
    assert {(report.epoch, report.loss, report.seconds_left) for report in teacher} == {
        (1, None, None)
    }
    fractions = [report.fraction for report in teacher]
    assert fractions == sorted(fractions)
    assert fractions[-1] < 1 / 6
    first = next(report for report in reports if report.seconds_left is not None)
    assert first.seconds_left == pytest.approx(reports[-1].seconds - first.seconds, rel=0.3)


def test_a_long_final_evaluation_is_reported(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("tsexplorer.training.task.evaluation_batch_size", lambda _: 2)
    recorder = EventRecorder()
    train_stage(make_stage(epochs=1), tmp_path, listener=recorder)
    testing = [report for report in recorder.of(events.Progress) if report.doing == "testing"]
    assert testing
    assert {(report.fraction, report.epoch) for report in testing} == {(1.0, 1)}


def test_the_loss_is_computed_only_for_a_report(monkeypatch):
    """Reading the loss waits for the GPU, so most batches must not do it."""
    now, computed, recorder = [1000.0], [], EventRecorder()
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("tsexplorer.training.progress.time", clock)
    reporter = ProgressReporter(make_task(make_stage()), TrainingRecord(), recorder, Control())

    def loss() -> float:
        computed.append(now[0])
        return 0.5

    reporter.training_batch(loss)
    assert not computed
    now[0] += 1.01 * INTERVAL
    reporter.training_batch(loss)
    reporter.training_batch(loss)
    assert len(computed) == 1
    assert [event.loss for event in recorder.all] == [0.5]
